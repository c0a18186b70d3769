"""A rendered prompt as blocks: what the model read of a request, and what it did not.

What is absent comes first and again at its place: a sign, a word and a colour of its own each time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rich.style import Style

from kimitap.conversation import Turn
from kimitap.prompt import Seen, Subject, Tick
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import plural
from kimitap.tui.palette import ALARM, FAINT, GHOST_GROUND, NAME, NORMAL, PLUS
from kimitap.tui.widgets.text_pane import Block
from kimitap.visible import one_line, visible

_LOST = ALARM[Severity.ERROR]
_GHOST = _LOST + GHOST_GROUND
_MISSED = ALARM[Severity.WARNING]
_TOLD = 200
"""So many absent parts are listed at the top."""


def prompt_blocks(turn: Turn, found: Seen) -> Iterator[Block]:
    """What is absent, then the prompt with the place of each message, then every tick."""
    yield from _summary(turn, found)
    yield Block("")
    of: dict[int | None, list[Tick]] = {}
    for tick in found.ticks:
        of.setdefault(tick.message, []).append(tick)
    marks = sorted((at, index) for index, at in enumerate(found.places) if at is not None)
    yield from _before(turn, of.get(None, ()), marks[0][0] if marks else None)
    yield from _ghosts(turn, found, of, 0)
    stops = [at for at, _ in marks[1:]] + [len(turn.reply.prompt)]
    for (at, index), stop in zip(marks, stops, strict=True):
        where = f"── message {index} · {_role(turn, index)} · at {at:,} ──"
        yield from _message(where, of.get(index, ()), index, turn.reply.prompt[at:stop])
        yield from _ghosts(turn, found, of, index + 1)
    yield Block("")
    yield Block("── every part of the request ──", NAME, heading=True, single=True)
    yield from (_tick(tick) for tick in found.ticks)


def _summary(turn: Turn, found: Seen) -> Iterator[Block]:
    hidden = found.hidden
    if hidden:
        said = f"✗ {plural(len(hidden), 'part')} of request {turn.exchange} ABSENT from its prompt"
        yield Block(f"{said}: the model did not read this", _LOST, heading=True)
        yield from (_tick(tick) for tick in hidden[:_TOLD])
        if len(hidden) > _TOLD:
            yield Block(f"✗ and {len(hidden) - _TOLD:,} more", _LOST, indent=2)
    missed = [t for t in found.ticks if t.due and not t.present and not _lost(t)]
    yield from (_tick(tick) for tick in missed[:_TOLD])
    left = [tick for tick in found.ticks if not tick.due and not tick.present]
    if left:
        said = "on purpose: it is from before the last user message"
        yield Block(f"· {_counted(left)} left out {said}", FAINT, indent=2)
    present = [tick for tick in found.ticks if tick.present]
    if present:
        yield Block(f"✓ present: {_counted(present)}", PLUS, indent=2 if hidden else 0)


def _counted(ticks: Sequence[Tick]) -> str:
    """`2 tools, 3 texts, 1 call`."""
    found = Counter(tick.subject for tick in ticks)
    return ", ".join(_plural(found[subject], subject) for subject in Subject if found[subject])


def _plural(number: int, subject: Subject) -> str:
    return f"{number:,} reasoning" if subject is Subject.REASONING else plural(number, subject)


def _before(turn: Turn, tools: Sequence[Tick], stop: int | None) -> Iterator[Block]:
    """What stands before the first message that was found: the template's words, the tools."""
    if stop == 0 and not any(_lost(tick) for tick in tools):
        return
    said = "before the first message" if stop is not None else "no message was found in it"
    style = _LOST if stop is None else NAME
    yield Block(f"── {said} ──{_present(tools)}", style, heading=True, single=True)
    yield from (replace(_tick(t), heading=True, absent=True) for t in tools if _lost(t))
    yield _text(turn.reply.prompt[:stop])


def _message(where: str, ticks: Sequence[Tick], index: int, text: str) -> Iterator[Block]:
    yield Block(f"{where}{_present(ticks)}", NAME, heading=True, single=True, message=index)
    yield from (replace(_tick(t), heading=t.due, absent=_lost(t)) for t in ticks if not t.present)
    yield _text(text)


def _ghosts(
    turn: Turn, found: Seen, of: Mapping[int | None, Sequence[Tick]], first: int
) -> Iterator[Block]:
    """The messages from `first` on that stand nowhere in the prompt, up to one that does."""
    for index in range(first, len(turn.messages)):
        if found.places[index] is not None:
            return
        ticks = of.get(index, ())
        who = f"message {index} · {_role(turn, index)}"
        if not ticks:
            yield Block(f"── {who} · nothing in it to look for ──", FAINT, single=True)
        elif not any(tick.due for tick in ticks):
            yield Block(f"── {who} · left out on purpose ──", FAINT, single=True, message=index)
        else:
            lost = any(_lost(tick) for tick in ticks)
            said = "✗ ╎ {} · THIS MESSAGE IS ABSENT ┄┄┄◀" if lost else "! ╎ {} · not found ┄┄┄◀"
            style = _GHOST if lost else _MISSED
            yield Block(said.format(who), style, 0, heading=True, message=index, absent=lost)
            yield from (_tick(tick) for tick in ticks if tick.due)


def _present(ticks: Iterable[Tick]) -> str:
    """What stands there, for a heading: ` ✓ text ✓ call read_file`."""
    return "".join(f" ✓ {_what(tick)}" for tick in ticks if tick.present)


def _tick(tick: Tick) -> Block:
    """A sign, a word and where: `✗ ABSENT   call read_file · message 2`."""
    sign, word, style = _state(tick)
    where = "" if tick.message is None else f" · message {tick.message}"
    spot = "" if tick.at is None else f" · at {tick.at:,}"
    return Block(f"{sign} {word:<9} {_what(tick)}{where}{spot}", style, indent=2)


def _lost(tick: Tick) -> bool:
    """True for what `Seen.hidden` holds."""
    return tick.due and not tick.present and tick.subject is not Subject.TEXT


def _state(tick: Tick) -> tuple[str, str, Style]:
    if tick.present:
        return "✓", "present", NORMAL
    if not tick.due:
        return "·", "left out", FAINT
    if tick.subject is Subject.TEXT:
        return "!", "not found", _MISSED
    return "✗", "ABSENT", _GHOST


def _what(tick: Tick) -> str:
    return f"{tick.subject} {one_line(tick.name, 60)}".rstrip()


def _role(turn: Turn, index: int) -> str:
    return one_line(turn.messages[index].role, 20)


def _text(text: str) -> Block:
    return Block(visible(text).removesuffix("\n").expandtabs(4), NORMAL, indent=2)
