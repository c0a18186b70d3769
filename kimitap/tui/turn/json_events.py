"""The events of a stream as the entries of an outline, each unfolding into its JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.segment import Segment
from rich.style import Style

from kimitap.rules.finding import Severity
from kimitap.transcript.wire_times import STALL_S
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL
from kimitap.tui.turn.json_entries import json_entries
from kimitap.tui.turn.json_values import Parsed, parse_text, pretty
from kimitap.tui.widgets.entry import Copied, Entry, note
from kimitap.visible import one_line, visible
from kimitap.wire import TimedEvent

_UNSTOPPED = 2
"""What is in an event is no stop for `n`."""
_SHOWN = 600


@dataclass(frozen=True, eq=False)
class EventEntry:
    """One server-sent event: when it came, its kind where it has one, and its data on one line."""

    event: TimedEvent

    bare = False
    born_open = False
    stop = False
    leveled = True
    marked = True
    words = True
    body_style = NORMAL
    ground = Style.null()

    @property
    def unfolds(self) -> bool:
        return self._long or (self.event.data.strip()[:1] in {"{", "["} and self.event.data != "{}")

    @property
    def _long(self) -> bool:
        return len(self.event.data) > _SHOWN or "\n" in self.event.data

    @cached_property
    def _parsed(self) -> Parsed:
        return parse_text(self.event.data)

    @property
    def has_body(self) -> bool:
        return self.unfolds and bool(self._parsed.fault)

    def head(self, opened: bool, width: int) -> Sequence[Segment]:
        at_s, kind = self.event.at_s, one_line(self.event.kind, 60)
        time = "" if at_s is None else f"+{at_s:.3f}s"
        segments = [Segment(f"{time:>10}  ", FAINT)]
        if kind != "message":
            segments.append(Segment(f"{kind}  ", NAME))
        if trouble := self.event.fault or ("" if self.event.finished else "the stream ends here"):
            segments.append(Segment(f"! {one_line(trouble, 80)}  ", ALARM[Severity.WARNING]))
        return [*segments, Segment(one_line(self.event.data, _SHOWN), FAINT if opened else NORMAL)]

    def body(self) -> str:
        return visible(self.event.data).expandtabs(4)

    def inner(self) -> Sequence[Entry]:
        return () if self._parsed.fault else json_entries(self._parsed.value, _UNSTOPPED)

    def sought(self) -> tuple[str, bool]:
        return f"{one_line(self.event.kind, 60)} {visible(self.event.data)}", False

    def copied(self) -> Copied:
        whole = self.body() if self._parsed.fault else pretty(self._parsed.value)
        return Copied(whole, "the event")


def event_entries(events: Iterable[TimedEvent]) -> Iterator[Entry]:
    """The events, and between them the silences that are stalls."""
    before: float | None = None
    for event in events:
        if event.at_s is not None:
            if before is not None and event.at_s - before > STALL_S:
                said = f"! {event.at_s - before:.1f} s silent"
                yield note(said, ALARM[Severity.WARNING], stop=True)
            before = event.at_s
        yield EventEntry(event)
