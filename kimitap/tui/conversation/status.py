"""What the line at the top says of the place where the reader stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kimitap.lineage import Thread
from kimitap.rules.finding import Finding
from kimitap.transcript import Row
from kimitap.transcript.wording import models_of
from kimitap.tui.conversation.contents import counted
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Status
from kimitap.visible import one_line


@dataclass(frozen=True)
class Standing:
    """Where the reader stands: the view, the thread, and the row at the cursor.

    `numbers` are the findings' (`finding 1/4`).
    """

    view: View = field(default_factory=View)
    thread: Thread | None = None
    row: Row | None = None
    numbers: Mapping[Finding, str] = field(default_factory=dict)


def status_of(
    at: Standing, wanted: str, *, fresh: tuple[int, int], live: bool, following: bool, loading: str
) -> Status:
    """The status at that place. `wanted` says what is searched for, filtered and marked;
    `fresh` are the turns not seen yet, of this thread and of others; `loading` says what is being
    read."""
    finding = next(iter(at.row.findings), None) if at.row else None
    return Status(
        live=live,
        lost=at.view.lost,
        fresh=fresh[0],
        elsewhere=fresh[1],
        counts=counted(at.view.findings),
        finding=f"{at.numbers.get(finding, '')} {finding.rule}" if finding else "",
        turn=_turn(at),
        filter=f"{wanted}{'  FOLLOW' if following else ''}".strip(),
        names=" · ".join(_names(at)),
        loading=loading,
    )


def _names(at: Standing) -> list[str]:
    """The thread, the model and the agent."""
    if at.thread is None:
        return []
    names = [one_line(f"{at.thread.name} {at.thread.kind}", 40)]
    session = next((s for s in at.view.sessions if at.thread in s.threads), None)
    if session is not None:
        place = None if at.row is None else at.thread.place_of(at.row.exchange)
        model = session.model if place is None else models_of(at.thread.turns[place])
        names += [one_line(word, 140) for word in (model, session.agent) if word]
    return names


def _turn(at: Standing) -> str:
    """`turn 3 of 8 · #21`."""
    if at.row is None or at.thread is None:
        return ""
    place = at.thread.place_of(at.row.exchange)
    which = "" if place is None else f"turn {place + 1} of {len(at.thread.turns)} · "
    return f"{which}#{at.row.exchange}"
