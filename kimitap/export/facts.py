"""Who ran on both sides, and where: what a reader needs to tell them apart."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from kimitap.conversation import Turn
from kimitap.export.text import code
from kimitap.redact import mask_text

Fact = tuple[str, str, str]
"""A name, and what it is on the old and on the new side; `""` where nobody told it."""

FACTS: Mapping[str, Callable[[Turn], str]] = {
    "agent": lambda turn: turn.program or turn.agent,
    "model": lambda turn: turn.reply.model or turn.model,
    "server": lambda turn: turn.server,
    "build": lambda turn: turn.reply.fingerprint,
    "endpoint": lambda turn: f"{turn.path}{' (streamed)' if turn.stream else ''}",
    "recorded": lambda turn: f"{turn.started_at:%Y-%m-%d %H:%M:%S} UTC",
}


def facts_of(old: Turn | None, new: Turn | None) -> Iterator[Fact]:
    """Agent, model, server, build, endpoint and time, as recorded; without those of neither."""
    for name, told in FACTS.items():
        one, other = (told(turn) if turn else "" for turn in (old, new))
        if one or other:
            yield name, one, other


def told_in_full(old: Turn, new: Turn) -> Iterator[Fact]:
    """The same for a bug report: all that the agent says of itself, since it may name its mode, and
    the API that it speaks."""
    for name, one, other in facts_of(old, new):
        if name == "agent":
            yield "agent (User-Agent)", old.agent or one, new.agent or other
            continue
        yield name, one, other
        if name == "endpoint":
            yield "API", old.dialect, new.dialect


def facts_table(facts: Sequence[Fact]) -> str:
    """A Markdown table of both sides, masked and in code spans."""
    rows = [f"| {name} | {_cell(old)} | {_cell(new)} |" for name, old, new in facts]
    return "\n".join(["| what | before | after |", "| --- | --- | --- |", *rows])


def _cell(value: str) -> str:
    return code(mask_text(value)) if value else "—"
