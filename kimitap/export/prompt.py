"""What the model saw of a request, for a report: the ticks, and the prompt around what it lacks."""

from collections import Counter
from collections.abc import Iterable, Iterator

from kimitap.conversation import Turn
from kimitap.export.text import code, fence
from kimitap.prompt import Seen, Subject, Tick, seen
from kimitap.redact import mask_text

QUOTED = 4_000
"""Characters of a prompt that a report quotes."""
_BEFORE = 1_500
"""So many of them stand before the place where the first absent part should be."""
_MARGIN = 64_000
"""Characters at both sides of the quotation that are masked with it: a secret that its edge cuts
in two would no longer look like one."""
_LISTED, _NAMED = 30, 12


def saw(turns: Iterable[Turn]) -> Iterator[str]:
    """A section for each of these turns whose prompt is known and lacks something."""
    for turn in turns:
        if turn.reply.prompt:
            found = seen(turn, turn.reply.prompt)
            if found.hidden:
                yield f"### What the model saw of request {turn.exchange}"
                yield "\n".join(_ticks(turn, found))
                yield from _quotation(turn, found)


def _ticks(turn: Turn, found: Seen) -> Iterator[str]:
    """What is absent one by one, what is present by kind, what was left out on purpose."""
    hidden, gone = found.hidden, [tick for tick in found.ticks if not tick.present]
    missed = [tick for tick in gone if tick.subject is Subject.TEXT]
    left = [tick for tick in gone if not tick.due]
    yield (
        f"Of {len(found.ticks)} parts of request {turn.exchange}, the prompt that the server "
        f"rendered lacks {len(hidden)}, which the model therefore did not read:\n"
    )
    yield from (f"- ✗ **absent:** {_what(tick)}{_where(tick)}" for tick in hidden[:_LISTED])
    if len(hidden) > _LISTED:
        yield f"- ✗ **absent:** {len(hidden) - _LISTED} more"
    yield from (f"- ! not found: text{_where(tick)}" for tick in missed[:_LISTED])
    yield from (f"- ✓ present: {said}" for said in _counted(t for t in found.ticks if t.present))
    yield from (f"- · left out on purpose: {said}" for said in _counted(left))


def _counted(ticks: Iterable[Tick]) -> Iterator[str]:
    """By kind how many there are, and their names: ``2 tools (`read_file`, `run`)``."""
    named: dict[Subject, Counter[str]] = {}
    for tick in ticks:
        named.setdefault(tick.subject, Counter())[tick.name] += 1
    for subject, names in named.items():
        number = names.total()
        plural = "" if number == 1 or subject is Subject.REASONING else "s"
        told = [_name(name) for name in names if name]
        more = f", {len(told) - _NAMED} more" if len(told) > _NAMED else ""
        yield f"{number} {subject}{plural}" + (
            f" ({', '.join(told[:_NAMED])}{more})" if told else ""
        )


def _what(tick: Tick) -> str:
    return f"{tick.subject} {_name(tick.name)}" if tick.name else str(tick.subject)


def _name(name: str) -> str:
    return code(mask_text(name), 60)


def _where(tick: Tick) -> str:
    return "" if tick.message is None else f", message {tick.message}"


def _quotation(turn: Turn, found: Seen) -> Iterator[str]:
    """A bounded piece of the prompt, folded; blank lines around it make Markdown of its inside."""
    prompt = turn.reply.prompt
    start = _place(turn, found) - _BEFORE
    start = max(0, min(start, len(prompt) - QUOTED))
    stop = min(len(prompt), start + QUOTED)
    yield (
        f"<details>\n<summary>The prompt of request {turn.exchange}, characters {start:,} to "
        f"{stop:,} of {len(prompt):,}</summary>"
    )
    yield fence(_masked(prompt, start, stop), "text")
    yield "</details>"


def _place(turn: Turn, found: Seen) -> int:
    """Where the first absent part of a message should stand: in its message, else before the next.

    Tools are declared at the beginning.
    """
    index = next((tick.message for tick in found.hidden if tick.message is not None), None)
    if index is None:
        return 0
    after = (at for at in found.places[index:] if at is not None)
    return next(after, len(turn.reply.prompt))


def _masked(prompt: str, start: int, stop: int) -> str:
    """`prompt[start:stop]`, masked as a part of what stands around it."""
    first, last = max(0, start - _MARGIN), stop + _MARGIN
    before, after = mask_text(prompt[first:start]), mask_text(prompt[stop:last])
    whole = mask_text(prompt[first:last])
    return whole[len(before) : len(whole) - len(after)][:QUOTED]
