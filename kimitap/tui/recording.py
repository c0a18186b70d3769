"""A recording on disk as the screens see it: read in workers, handed over as values."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

from kimitap.analysis import Analysis
from kimitap.asking import DIALECT, MOST_ASKED, Server, ask, outcome, wanted
from kimitap.comparison import compare
from kimitap.conversation import Turn
from kimitap.diff import Comparison
from kimitap.errors import RecordingUnavailable, UsageError
from kimitap.exchange import Exchange, Outcome
from kimitap.places import PlaceWord
from kimitap.report import remedies, report_on
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding
from kimitap.store import Glimpse, Recording, RecordingWriter, delete, file_of, shown
from kimitap.transcript.wording import plural
from kimitap.tui.source import View

if TYPE_CHECKING:
    from kimitap.evidence import Material, Wanted
    from kimitap.replay import Hangup, Outgoing

STEP_S = 0.3
"""How long `load` reads before it says how far it is. It weaves when there is twice as much."""

MANY = 500
"""Exchanges from which on what was read is kept from Python's search for cycles. There are none in
it; following its references takes half a second for 10,000 turns, in which no key is answered.
"""


class RecordingSource:
    """A recording on disk. The version is polled on a connection of its own, by the screen's loop,
    and single exchanges are read on another, which nobody holds for long.

    `server` is the llama-server that is asked for prompts. Raises a `RecordingError` at once where
    the recording cannot be opened.
    """

    def __init__(self, where: str, choice: Choice = EVERYTHING, server: str | None = None) -> None:
        self.where = where
        self.server = server
        self.remedies: Mapping[str, str] = remedies()
        self._watched = Recording.open(where)
        self._opened = self._file()
        self._read = Recording.open(where)
        self._choice = choice
        self._analysis = Analysis(self._read, choice=choice)
        self._lock = Lock()
        self._aside = Recording.open(where)
        self._aside_lock = Lock()
        self._view = View()
        self._woven = 0
        """How many exchanges `_view` tells of."""
        self._asking: set[Server] = set()
        self._stopped = False

    def version(self) -> int:
        if self._file() != self._opened:
            raise RecordingUnavailable(
                f"{shown(self.where)} was moved, deleted or replaced: leave, and open it again"
            )
        return self._watched.version()

    def _file(self) -> tuple[int, int] | None:
        """Which file stands at the recording's place; None for no file, and for a server."""
        path = file_of(self.where)
        if path is None:
            return None
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def glimpses(self) -> Sequence[Glimpse]:
        with self._aside_lock:
            return self._aside.glimpses()

    def load(self) -> View:
        with self._lock:
            self._analysis.read(within_s=STEP_S)
            unread, read = self._analysis.unread, self._analysis.count
            if not unread or read >= 2 * self._woven:
                self._analysis.weave()
                if read > self._woven + MANY:
                    gc.freeze()
                self._woven = read
                others = tuple(self._analysis.others.values())
                self._view = View(self._analysis.sessions, self._analysis.findings, others)
            lost = sum(loss.count for loss in self._read.losses())
            return replace(self._view, lost=lost, unread=unread)

    def exchange(self, number: int) -> Exchange:
        with self._aside_lock:
            return self._aside.exchange(number)

    def write_report(self, place: PlaceWord, finding: Finding | None, folder: Path) -> Path:
        from kimitap.evidence import free_name, write

        material = self._gather(place, finding)
        target = free_name(folder, f"kimitap-report-{material.word}")
        return write(material, target, self._wanted()).path

    def report_zip(self, place: PlaceWord, finding: Finding | None) -> tuple[str, bytes]:
        from kimitap.evidence import zip_bytes

        material = self._gather(place, finding)
        name = f"kimitap-report-{material.word}"
        with TemporaryDirectory(prefix="kimitap-") as beside:
            return f"{name}.zip", zip_bytes(material, self._wanted(), Path(beside), name)

    def _gather(self, place: PlaceWord, finding: Finding | None) -> "Material":
        """What the report is made of; the rest is made while others read.

        Raises `UsageError` for one so large that a user wants to be asked first.
        """
        from kimitap.evidence import LARGE, gather, subject_between, subject_of, written_bytes

        with self._lock:
            if finding is not None and finding in self._analysis.findings:
                subject = subject_of(self._analysis, finding)
            else:
                subject = subject_between(self._analysis, place)
            material = gather(self._analysis, subject, self._wanted())
        if (size := written_bytes(material.exchanges)) > LARGE:
            told = f"This report would have about {size / 1e6:,.0f} MB"
            raise UsageError(f"{told}: `kimitap report DB {subject.exchange}` asks, and writes it.")
        return material

    def _wanted(self) -> "Wanted":
        from kimitap.evidence import Wanted

        return Wanted(choice=self._choice)

    def compare(self, old: PlaceWord, new: PlaceWord) -> Comparison:
        with self._lock:
            return compare(self._analysis, old, new)

    def report_on_both(self, old: PlaceWord, new: PlaceWord) -> str:
        with self._lock:
            return report_on(self._analysis, [old, new])

    def delete(self, sessions: Sequence[int]) -> str:
        with self._lock:
            threads = [t for n in sessions for t in self._analysis.threads_at(PlaceWord("s", n))]
        numbers = [turn.exchange for thread in threads for turn in thread.turns]
        gone = delete(self.where, numbers).exchanges
        return f"{plural(gone, 'exchange')} deleted"

    def send(self, request: "Outgoing", hangup: "Hangup") -> int:
        from kimitap.replay import transmit

        with RecordingWriter(self.where) as writer:
            answer = transmit(request, writer, hangup)
        with self._lock:
            self._analysis.refresh()
        if answer.outcome is Outcome.REFUSED:
            raise UsageError(f"{request.origin} cannot be reached: {answer.detail}")
        return answer.number

    def ask(self) -> str:
        with self._lock:
            numbers = wanted(self._analysis.threads, self._analysis.findings)
        if not numbers:
            return ""
        prompts, refused = self._learn(numbers[-MOST_ASKED:])
        told = outcome(self.server or "", prompts, refused)
        left = len(numbers) - MOST_ASKED
        return f"{told}; {left} older ones left out" if left > 0 else told

    def prompt(self, number: int) -> Turn:
        turn = self._turn(number)
        if turn.reply.prompt:
            return turn
        if turn.dialect != DIALECT:
            raise UsageError(
                "No prompt is recorded, and llama-server renders chat completions only."
            )
        if self.server is None:
            raise UsageError(
                'No prompt is recorded: start with --ask-server URL, or send "verbose": true.'
            )
        _, refused = self._learn([number])
        if refused:
            raise UsageError(f"The server does not render it: {refused[number]}")
        return self._turn(number)

    def _turn(self, number: int) -> Turn:
        with self._lock:
            return self._analysis.with_prompt(self._analysis.turn_at(PlaceWord("", number)))

    def _learn(self, numbers: Sequence[int]) -> tuple[dict[int, str], dict[int, str]]:
        """Ask the server for these prompts and take them in. Others may read meanwhile."""
        server = Server(self.server or "")
        self._asking.add(server)
        if self._stopped:
            server.stop()
        try:
            prompts, refused = ask(server, _Bodies(numbers, self._body))
        finally:
            self._asking.discard(server)
        with self._lock:
            self._analysis.learn(prompts)
        return prompts, refused

    def _body(self, number: int) -> bytes:
        with self._lock:
            return self._analysis.body(number)

    def stop(self) -> None:
        self._stopped = True
        for server in tuple(self._asking):
            server.stop()

    def close(self) -> None:
        with self._lock, self._aside_lock:
            for recording in (self._watched, self._read, self._aside):
                recording.close()


class _Bodies(Mapping[int, bytes]):
    """Requests' bodies by number, each read when it is wanted: together they may be gigabytes."""

    def __init__(self, numbers: Sequence[int], read: Callable[[int], bytes]) -> None:
        self._numbers = numbers
        self._read = read

    def __getitem__(self, number: int) -> bytes:
        return self._read(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
