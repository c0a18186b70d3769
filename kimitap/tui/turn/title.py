"""The line at the top of the turn's screen."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.segment import Segment

from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.wording import models_of, turn_ending, turn_numbers
from kimitap.tui.palette import ALARM, FAINT, KEY, NORMAL, STRONG
from kimitap.tui.turn.faces import Place
from kimitap.visible import one_line


def title_segments(
    place: Place, told: Sequence[Segment], sought: tuple[int, int] | None
) -> Iterator[Segment]:
    """The exchange, what was found in it, what the tab tells, the search: what matters first.

    `sought` is how many hits there are, and the index of the one where the reader stands.
    """
    yield Segment(f" #{place.number}", STRONG)
    here = Counter(f.severity for f in place.findings if f.place.exchange == place.number)
    for severity in Severity:
        if here[severity]:
            yield Segment(f"  {SYMBOLS[severity]} {here[severity]}", ALARM[severity])
    if sought is not None:
        yield Segment(f"  {_hits(*sought)}", KEY)
    if told:
        yield Segment("  ")
        yield from told
    if place.other is not None:
        asked = one_line(f"{place.other.method} {place.other.path}", 100)
        yield Segment(f"  {asked}  {place.other.status or place.other.outcome}", NORMAL)
    if place.turn is None or place.thread is None:
        return
    ending = turn_ending(place.turn)
    if ending:
        yield Segment(f"  {one_line(ending, 60)}", ALARM[Severity.ERROR])
    yield Segment(f"  {' · '.join(turn_numbers(place.turn))}", NORMAL)
    names = (place.thread.name, models_of(place.turn))
    yield Segment(f"  {' · '.join(name for name in names if name)}", FAINT)


def _hits(count: int, at: int) -> str:
    if not count:
        return "no hit"
    return f"hit {at + 1} of {count:,}" if at >= 0 else f"{count:,} hit{'s' if count > 1 else ''}"
