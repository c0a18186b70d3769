"""A source of hand-made values for the screens: what a recording would say, without one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kimitap.conversation import Turn
from kimitap.diff import Comparison, compare_sessions, compare_threads, compare_turns
from kimitap.errors import UsageError
from kimitap.exchange import Body, Exchange, Outcome, Segment
from kimitap.lineage import Session
from kimitap.places import PlaceWord
from kimitap.replay import Hangup, Outgoing
from kimitap.rules.finding import Finding
from kimitap.store import Glimpse
from kimitap.tui.source import View


class Still:
    """Says `view` until `now` says something else."""

    def __init__(self, sessions: tuple[Session, ...], findings: tuple[Finding, ...] = ()) -> None:
        self.where = "sessions/kimitap.db"
        self.server: str | None = None
        self.remedies: Mapping[str, str] = {
            "tool-turn-lost": "Turn off the agent's setting that writes its history for R1 models, "
            "and attach the report (e) to an issue of the agent."
        }
        self.view = View(sessions, findings)
        self.exchanges: dict[int, Exchange] = {}
        self.sent: list[Outgoing] = []
        self._version = 1

    def now(self, view: View) -> None:
        self.view = view
        self._version += 1

    def version(self) -> int:
        return self._version

    def glimpses(self) -> Sequence[Glimpse]:
        return ()

    def load(self) -> View:
        return self.view

    def exchange(self, number: int) -> Exchange:
        if number in self.exchanges:
            return self.exchanges[number]
        raise UsageError(f"no exchange {number}")

    def write_report(self, place: PlaceWord, finding: Finding | None, folder: Path) -> Path:
        path = folder / f"kimitap-report-{place.number}"
        path.mkdir()
        (path / "report.md").write_text(f"# report on {place}\n")
        return path

    def report_zip(self, place: PlaceWord, finding: Finding | None) -> tuple[str, bytes]:
        return f"kimitap-report-{place.number}.zip", f"# report on {place}\n".encode()

    def compare(self, old: PlaceWord, new: PlaceWord) -> Comparison:
        sessions, threads = self.view.sessions, self.view.threads
        turns = {turn.exchange: turn for thread in threads for turn in thread.turns}
        match old.kind:
            case "s":
                named = {session.number: session for session in sessions}
                return compare_sessions(named[old.number], named[new.number])
            case "t":
                ours = {thread.number: thread for thread in threads}
                return compare_threads(ours[old.number], ours[new.number])
            case _:
                return compare_turns(turns[old.number], turns[new.number])

    def report_on_both(self, old: PlaceWord, new: PlaceWord) -> str:
        return f"# report on {old} and {new}\n"

    def delete(self, sessions: Sequence[int]) -> str:
        left = tuple(one for one in self.view.sessions if one.number not in sessions)
        names = {thread.name for one in left for thread in one.threads}
        found = tuple(f for f in self.view.findings if f.thread in names)
        self.now(replace(self.view, sessions=left, findings=found))
        return f"{len(sessions)} deleted"

    def send(self, request: Outgoing, hangup: Hangup) -> int:
        """Keeps the request; the answer is the last turn that there is."""
        self.sent.append(request)
        return max(turn.exchange for thread in self.view.threads for turn in thread.turns)

    def ask(self) -> str:
        return "nobody was asked"

    def prompt(self, number: int) -> Turn:
        turns = (turn for thread in self.view.threads for turn in thread.turns)
        found = next(turn for turn in turns if turn.exchange == number)
        if found.reply.prompt:
            return found
        raise UsageError(f"no prompt of {number}")

    def stop(self) -> None: ...

    def close(self) -> None: ...


def exchange(number: int, request: bytes, response: bytes, cuts: tuple[int, ...] = ()) -> Exchange:
    """An exchange that was answered; `cuts` are the lengths of the response's parts."""
    parts = cuts or (len(response),)
    at = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
    return Exchange(
        number=number,
        started_at=at,
        method="POST",
        scheme="http",
        host="127.0.0.1",
        port=8080,
        path="/v1/chat/completions",
        request_headers=(("Content-Type", "application/json"),),
        request=Body.whole(request),
        outcome=Outcome.COMPLETE,
        status=200,
        reason="OK",
        response_headers=(("Server", "llama.cpp"),),
        response=response,
        segments=tuple(Segment(0.1 * (i + 1), length) for i, length in enumerate(parts)),
        headers_at=at,
        ended_at=at,
    )
