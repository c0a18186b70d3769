"""What the line at the top says of the place where the reader stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kimitap.lineage import Thread
from kimitap.rules.finding import Finding
from kimitap.transcript import Row
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
    at: Standing, wanted: str, *, fresh: int, live: bool, following: bool, loading: str
) -> Status:
    """The status at that place. `wanted` says what is searched for, filtered and marked;
    `fresh` turns were not seen yet; `loading` says what is being read."""
    finding = next(iter(at.row.findings), None) if at.row else None
    turns = at.thread.turns if at.thread else ()
    return Status(
        live=live,
        lost=at.view.lost,
        fresh=fresh,
        counts=counted(at.view.findings),
        finding=f"{at.numbers.get(finding, '')} {finding.rule}" if finding else "",
        turn=f"#{at.row.exchange} of {turns[-1].exchange}" if at.row and turns else "",
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
        names += [one_line(word, 60) for word in (session.model, session.agent) if word]
    return names
