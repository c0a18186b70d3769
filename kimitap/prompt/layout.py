"""A rendered prompt for people: the text as it is, with a line where each message begins."""

from collections.abc import Iterator

from kimitap.conversation import Turn
from kimitap.prompt.ticks import Seen, Tick
from kimitap.visible import one_line, visible


def marked(turn: Turn, found: Seen) -> Iterator[str]:
    """The lines of the turn's prompt, each message after a line that names it, then the ticks.

    What comes before the first message (a template's own words, the tools) has a line of its own.
    """
    prompt = turn.reply.prompt
    marks = sorted((at, index) for index, at in enumerate(found.places) if at is not None)
    yield f"── prompt of request {turn.exchange}: {len(prompt):,} characters ──"
    stops = [at for at, _ in marks[1:]] + [len(prompt)]
    if not marks or marks[0][0] > 0:
        yield from _lines(prompt[: marks[0][0] if marks else None])
    for (at, index), stop in zip(marks, stops, strict=True):
        yield f"── message {index} ({turn.messages[index].role}), at {at:,} ──"
        yield from _lines(prompt[at:stop])
    yield "── what stands in it ──"
    yield from (_told(tick) for tick in found.ticks)


def _lines(text: str) -> Iterator[str]:
    return iter(visible(text).removesuffix("\n").split("\n"))


def _told(tick: Tick) -> str:
    """`✓ call read_file, message 2, at 1,204`; `✗` absent; `·` absent, and rightly so."""
    sign = "✓" if tick.present else "✗" if tick.due else "·"
    name = f" {one_line(tick.name, 60)}" if tick.name else ""
    where = "" if tick.message is None else f", message {tick.message}"
    spot = f", at {tick.at:,}" if tick.at is not None else ", absent"
    return f"{sign} {tick.subject}{name}{where}{spot}"
