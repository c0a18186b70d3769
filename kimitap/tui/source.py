"""What the screens show and whom they ask for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kimitap.conversation import Turn
from kimitap.exchange import Exchange
from kimitap.lineage import Session, Thread
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.store import Glimpse

if TYPE_CHECKING:
    from kimitap.diff import Comparison
    from kimitap.replay import Hangup, Outgoing


WAITING = timedelta(minutes=10)
"""How long a turn without an end counts as one that a recorder still waits for."""


@dataclass(frozen=True)
class View:
    """What a recording says at one moment, as far as it is read.

    `lost` counts what could not be recorded, `unread` the exchanges that the next `load` begins
    with.
    """

    sessions: tuple[Session, ...] = ()
    findings: tuple[Finding, ...] = ()
    others: tuple[Exchange, ...] = ()
    lost: int = 0
    unread: int = 0

    def tells_more_than(self, other: "View") -> bool:
        """False where no more is woven than in the other, however much is read."""
        mine, theirs = (
            (view.sessions, view.findings, view.others, view.lost) for view in (self, other)
        )
        return not all(map(is_, mine, theirs))

    @property
    def threads(self) -> tuple[Thread, ...]:
        return tuple(thread for session in self.sessions for thread in session.threads)

    def waits_since(self, moment: datetime) -> bool:
        """True where a turn that began after `moment` has no end yet."""
        last = (thread.turns[-1] for thread in self.threads)
        return any(turn.in_flight and turn.started_at > moment for turn in last)


class Source(Protocol):
    """What the screens ask for. All but `version` and `stop` may take time: they are called in
    workers."""

    where: str
    server: str | None
    """The llama-server that may be asked for prompts; None: nobody is asked."""
    remedies: Mapping[str, str]
    """What to do about a finding, by its rule's name."""

    def version(self) -> int:
        """A number that differs when somebody wrote; costs microseconds."""
        ...

    def glimpses(self) -> Sequence[Glimpse]:
        """All exchanges as their rows tell them: at once, and before anything is read."""
        ...

    def load(self) -> View:
        """Read what is new: of much, what can be read in a few seconds at most."""
        ...

    def exchange(self, number: int) -> Exchange:
        """One exchange with its bytes."""
        ...

    def write_report(self, place: PlaceWord, finding: Finding | None, folder: Path) -> Path:
        """Write the report on a finding, else on the worst of an exchange and the request after it.

        Into a new folder in `folder`, secrets masked; its path. Raises a `KimitapError` where it
        cannot be made.
        """
        ...

    def report_zip(self, place: PlaceWord, finding: Finding | None) -> tuple[str, bytes]:
        """The same as a zip: its name, and its bytes."""
        ...

    def compare(self, old: PlaceWord, new: PlaceWord) -> "Comparison":
        """Two exchanges, two threads or two sessions against each other.

        Raises `UsageError` for a place that is not there, and for two of different kinds.
        """
        ...

    def report_on_both(self, old: PlaceWord, new: PlaceWord) -> str:
        """The Markdown report on two places against each other; raises as `compare` does."""
        ...

    def delete(self, sessions: Sequence[int]) -> str:
        """Delete sessions from the recording, by their numbers; says in a sentence what was done.

        The next `load` is without them. Raises `UsageError` where one is still being recorded, and
        a `RecordingError` where the recording cannot be written.
        """
        ...

    def ask(self) -> str:
        """Have the server render the prompts that a check wants; says what came of it, if anything.

        The next `load` has the findings. Raises `UsageError` where the server cannot be asked.
        """
        ...

    def send(self, request: "Outgoing", hangup: "Hangup") -> int:
        """Send a request and record what comes; the number of the exchange, when it has ended.

        It can be compared then. Raises `UsageError` where the server cannot be reached, and a
        `RecordingError` where the recording cannot be written.
        """
        ...

    def prompt(self, number: int) -> Turn:
        """A turn with its prompt, recorded or rendered now.

        Raises a `KimitapError` that says how to get it where there is none.
        """
        ...

    def stop(self) -> None:
        """Break off what a server is being asked for: nobody waits for it any more."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Unopened:
    """A recording that a worker opens once the first screen is painted.

    To load what reads it takes longer than to load the screens; `glimpses`, the exchanges as their
    rows tell them, need half of that, and come first. Both raise a `RecordingError` where the
    recording cannot be opened.
    """

    where: str
    server: str | None
    glimpses: Callable[[], Sequence[Glimpse]]
    open: Callable[[], Source]
