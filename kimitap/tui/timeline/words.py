"""The timeline's lines of words: what the numbers at the cursor are, and what was found there."""

from collections.abc import Iterator, Sequence

from rich.segment import Segment

from kimitap.conversation import Turn
from kimitap.lineage import Link, Relation
from kimitap.rules.finding import Finding
from kimitap.transcript import SYMBOLS
from kimitap.transcript.numbers import TurnNumbers
from kimitap.transcript.wording import clock, count, turn_ending
from kimitap.tui.palette import ALARM, FAINT, NORMAL, STRONG
from kimitap.tui.timeline.chart import rate, seconds
from kimitap.visible import one_line


def numbers_line(turn: TurnNumbers) -> str:
    """`17.9k in (96% cached, 700 read again) · 133 out · TTFT 1.2 s · 42 tok/s`; what is known."""
    return " · ".join(_numbers(turn)) or "no numbers were told"


def _numbers(turn: TurnNumbers) -> Iterator[str]:
    if turn.prompt is not None:
        yield f"{count(turn.prompt)} in ({_cache(turn)})"
    if turn.reply is not None:
        yield f"{count(turn.reply)} out"
    if turn.first_s is not None:
        yield f"TTFT {seconds(turn.first_s)}"
    if turn.speed is not None:
        yield f"{rate(turn.speed)} tok/s"


def _cache(turn: TurnNumbers) -> str:
    if turn.read is None or turn.cached_share is None:
        return "cached: not told"
    again = f", {count(turn.again)} of them again" if turn.again else ""
    if turn.again == turn.read and turn.read:
        return f"{turn.cached_share}% cached, {count(turn.read)} read again"
    return f"{turn.cached_share}% cached, {count(turn.read)} read{again}"


def numbers_segments(turn: TurnNumbers, found: Sequence[Finding]) -> Iterator[Segment]:
    """The turn's number, its numbers, and the rules that it broke."""
    yield Segment(f" #{turn.exchange}  ", STRONG)
    yield Segment(numbers_line(turn), NORMAL)
    for rule, finding in {finding.rule: finding for finding in found}.items():
        yield Segment(" · ", FAINT)
        yield Segment(f"{SYMBOLS[finding.severity]} {rule}", ALARM[finding.severity])


def found_segments(
    turn: Turn, link: Link | None, found: Sequence[Finding], shared: int
) -> Iterator[Segment]:
    """When it began, how it ended or follows, and what its worst finding says.

    `shared` is the number of turns in the cursor's column.
    """
    facts = [clock(turn.started_at), turn_ending(turn)]
    if link is not None and link.relation is not Relation.CONTINUES:
        facts.append(link.relation.value)
    if shared > 1:
        facts.append(f"one of {shared} in its column")
    yield Segment(f" {' · '.join(fact for fact in facts if fact)}  ", FAINT)
    if found:
        worst = max(found, key=lambda finding: finding.severity.rank)
        more = f"(1 of {len(found)}) " if len(found) > 1 else ""
        said = f"{worst.rule}: {one_line(worst.sentence, 400)}"
        yield Segment(f"{SYMBOLS[worst.severity]} {more}{said}", ALARM[worst.severity])
