"""The report on two threads or sessions against each other: where they part, then turn by turn.

Returns text and writes nothing; what was recorded is masked and cannot change the page.
"""

from collections.abc import Iterator, Sequence

from kimitap.conversation import Message, Turn
from kimitap.diff import Comparison, ThreadPair, TurnPair, doing, parting
from kimitap.export.facts import facts_of, facts_table
from kimitap.export.markdown import footer, message_table, settings_table
from kimitap.export.measures import measures_table, of_threads
from kimitap.export.text import code, prose
from kimitap.lineage import Mark
from kimitap.redact import mask_text

_FOLDED = 3
"""Rows of turns that are the same from which on they are one row."""


def comparison_report(comparison: Comparison) -> str:
    """The Markdown report; a comparison of two sessions has a part for each pair of threads."""
    blocks = [f"## {prose(mask_text(f'{comparison.old} against {comparison.new}'))}"]
    if len(comparison.threads) > 1:
        blocks.append(_overview(comparison.threads))
    for threads in comparison.threads:
        blocks += _threads(threads)
    return "\n\n".join([*blocks, f"_{footer()}_"]) + "\n"


def _overview(threads: Sequence[ThreadPair]) -> str:
    """One row a pair of threads: how many turns are the same, and where they part."""
    rows = ["| | before | after | same turns | |", "| --- | --- | --- | --- | --- |"]
    for pair in threads:
        same = sum(turn.mark is Mark.SAME for turn in pair.turns)
        mark = _mark_of(pair)
        counted = f"{same} of {len(pair.turns)}"
        rows.append(f"| `{mark}` | {pair.old} | {pair.new} | {counted} | {_sentence(pair)} |")
    return "\n".join(rows)


def _mark_of(pair: ThreadPair) -> Mark:
    if not pair.new:
        return Mark.GONE
    if not pair.old:
        return Mark.NEW
    return Mark.SAME if pair.parts_at is None else Mark.CHANGED


def _sentence(pair: ThreadPair) -> str:
    return prose(parting(pair, mask_text))


def _threads(pair: ThreadPair) -> Iterator[str]:
    yield f"### {prose(' and '.join(filter(None, (pair.old, pair.new))) or 'Turn by turn')}"
    yield _sentence(pair)
    yield _versions(pair)
    yield _numbers(pair)
    yield _turns(pair)
    if pair.old and pair.new:
        yield from _details(pair)


def _versions(pair: ThreadPair) -> str:
    """Who ran on each side: the first turn of each tells."""
    old = next((turn.old for turn in pair.turns if turn.old), None)
    new = next((turn.new for turn in pair.turns if turn.new), None)
    return facts_table(list(facts_of(old, new)))


def _numbers(pair: ThreadPair) -> str:
    """What both sides cost in all, and how fast they were."""
    old = [turn.old for turn in pair.turns if turn.old]
    new = [turn.new for turn in pair.turns if turn.new]
    return measures_table(of_threads(old, new))


def _turns(pair: ThreadPair) -> str:
    head = ["| | turn | before | after | what the replies do |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *_turn_rows(pair.turns)])


def _turn_rows(turns: Sequence[TurnPair]) -> Iterator[str]:
    """One row a pair of turns; a run of more than three that are the same is one row."""
    at = 0
    while at < len(turns):
        run = at
        while run < len(turns) and turns[run].mark is Mark.SAME:
            run += 1
        if run - at > _FOLDED:
            first, last = turns[at], turns[run - 1]
            sides = f"{_range(first.old, last.old)} | {_range(first.new, last.new)}"
            yield f"| `=` | {at + 1}–{run} | {sides} | {run - at} the same |"
            at = run
            continue
        yield _turn_row(at, turns[at])
        at += 1


def _range(first: Turn | None, last: Turn | None) -> str:
    return f"{_number(first)}–{_number(last)}"


def _number(turn: Turn | None) -> str:
    return str(turn.exchange) if turn else ""


def _turn_row(at: int, turn: TurnPair) -> str:
    old, new = (side.reply.message if side else None for side in (turn.old, turn.new))
    if old is not None and new is not None and "reply" in turn.differs:
        what = f"{_doing(old)} → {_doing(new)}"
    else:
        what = _doing(old or new)
    also = [name for name in turn.differs if name != "reply"]
    told = f" (other {', '.join(also)})" if also and turn.mark is not Mark.SAME else ""
    numbers = f"{_number(turn.old)} | {_number(turn.new)}"
    return f"| `{turn.mark}` | {at + 1} | {numbers} | {what}{told} |"


def _doing(message: Message | None) -> str:
    return code(doing(message, mask_text), 120) if message is not None else ""


def _details(pair: ThreadPair) -> Iterator[str]:
    """The first pair that differs, message by message; else the settings, where those do."""
    at = pair.parts_at
    if at is None:
        at = next((i for i, turn in enumerate(pair.turns) if turn.differs), None)
    if at is None or pair.turns[at].old is None or pair.turns[at].new is None:
        return
    turn = pair.turns[at]
    diff = turn.diff()
    yield f"#### Turn {at + 1}: request {_number(turn.old)} against request {_number(turn.new)}"
    yield message_table(diff.rows)
    yield from settings_table(diff.settings)
