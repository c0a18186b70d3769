"""What the lines above a comparison say: which pair, what differs, and what stands on each side."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.segment import Segment

from kimitap.conversation import Turn
from kimitap.diff import ThreadPair, TurnPair
from kimitap.lineage import Mark
from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.wording import clock
from kimitap.tui.diff.entries import Head
from kimitap.tui.palette import ALARM, FAINT, MINUS, NORMAL, PLUS, STRONG
from kimitap.tui.widgets.wrapping import fit
from kimitap.visible import one_line


def title_segments(
    threads: ThreadPair, at: int, count: int, heads: Sequence[Head]
) -> Iterator[Segment]:
    """`diff t1 pair 4/5`, then how many messages differ, the worst first."""
    names = " and ".join(dict.fromkeys(name for name in (threads.old, threads.new) if name))
    pair = f"pair {at + 1}/{count}" if count > 1 else ""
    yield Segment(f" {'  '.join(word for word in ('diff', names, pair) if word)}  ", STRONG)
    told = False
    for severity in Severity:
        for badge in dict.fromkeys(h.badge for h in heads if h.severity is severity):
            number = sum(head.badge == badge for head in heads)
            times = f"{number} " if number > 1 else ""
            yield Segment(f" {SYMBOLS[severity]} {times}{badge} ", ALARM[severity])
            told = True
    added = sum(head.mark is Mark.NEW for head in heads)
    if added:
        yield Segment(f" + {added} added ", PLUS)
    if not told and not added:
        yield Segment(" ✓ nothing differs ", PLUS)


def side_segments(pair: TurnPair, half: int | None) -> Iterator[Segment]:
    """What stands on each side; `half` is the column of the right one, None where they follow."""
    follows = pair.link is not None
    same = pair.old is not None and pair.new is not None and _who(pair.old) == _who(pair.new)
    old = _side("- ", pair.old, " and its reply" if follows else "", who=not same)
    new = _side("+ ", pair.new, "", who=True)
    yield Segment(" ", NORMAL)
    if half is None:
        yield Segment(old, MINUS)
        yield Segment("   ", FAINT)
        yield Segment(new, PLUS)
        return
    left = fit(old, half - 1)
    yield Segment(left, MINUS)
    yield Segment(" " * (half - cell_len(left)) + " ", FAINT)
    yield Segment(new, PLUS)


def _side(sign: str, turn: Turn | None, also: str, *, who: bool) -> str:
    """The request's number and time and, with `who`, its agent and model."""
    if turn is None:
        return f"{sign}nothing"
    words = " · ".join(_who(turn)) if who else ""
    return f"{sign}request #{turn.exchange}{also}  {clock(turn.started_at)}  {words}".rstrip()


def _who(turn: Turn) -> tuple[str, ...]:
    model = turn.reply.model or turn.model
    words: Iterable[str] = (turn.program or turn.agent, model)
    return tuple(one_line(word, 40) for word in words if word)
