"""The first thing in which a request differs from what the server had in its cache.

A prompt holds the tools, the system prompt and the messages in this order; from the first
difference on the server reads all of it again (see `price`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kimitap.conversation import Message, Turn
from kimitap.lineage import EchoKind, Fate, Link
from kimitap.rewrites import BILLING, CLEARED, MOMENT, SPANS
from kimitap.rules.echoes import standing_at

SHAPING = (
    "chat_template_kwargs",
    "reasoning_effort",
    "reasoning",
    "reasoning_format",
    "thinking",
    "enable_thinking",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "json_schema",
    "grammar",
    "text",
    "output_config",
    "output_format",
    "cache_prompt",
    "lora",
)
"""Parameters by which a prompt differs though its messages are the same."""

EMPTIED = "emptied to make room"
FELL_OUT = "what stood here fell out of the history"
NO_TOOLS = "none are declared, as in a request for a summary"
ON_PURPOSE = (EMPTIED, FELL_OUT, NO_TOOLS)
"""What an agent does knowing that it costs the cache."""


class Kind(StrEnum):
    """The parts of a request, in the order in which a prompt holds them."""

    MODEL = "model"
    PARAMETER = "parameter"
    TOOLS = "tools"
    SYSTEM = "system"
    MESSAGE = "message"
    REPLY = "reply"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which a request differs from what the server had read and written.

    `what` says in words how; `index` is the message's, in the new request. `old` and `new` are the
    texts on both sides of the difference, where it is one of text.
    """

    kind: Kind
    what: str
    index: int | None = None
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        match self.kind:
            case Kind.TOOLS:
                return f"the tools ({self.what})"
            case Kind.SYSTEM:
                return f"the system prompt ({self.what})"
            case Kind.MESSAGE:
                return f"message {self.index} ({self.what})"
            case _:
                return self.what


def difference(link: Link) -> Difference:
    """The first thing in which the child differs from what its parent left in the server."""
    parent, child = link.parent, link.child
    if parent.model != child.model:
        return Difference(Kind.MODEL, f"the model ({child.model!r} after {parent.model!r})")
    changed = _parameter(parent.parameters, child.parameters)
    if changed:
        return Difference(Kind.PARAMETER, f"the parameter {changed}")
    if parent.tools != child.tools:
        return _tools(parent, child)
    return _messages(link)


def _parameter(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    if new.get("cache_prompt") is False:
        return "cache_prompt (the request asks not to use the cache)"
    return next((name for name in SHAPING if old.get(name) != new.get(name)), "")


def _tools(parent: Turn, child: Turn) -> Difference:
    old, new = [t.name for t in parent.tools], [t.name for t in child.tools]
    gone, come = set(old) - set(new), set(new) - set(old)
    if sorted(t.json for t in parent.tools) == sorted(t.json for t in child.tools):
        what = "their order"
    elif not new:
        what = NO_TOOLS
    elif gone or come:
        signed = [*(f"-{name}" for name in sorted(gone)), *(f"+{name}" for name in sorted(come))]
        what = ", ".join(signed[:6]) + (" …" if len(signed) > 6 else "")
    else:
        pairs = zip(parent.tools, child.tools, strict=False)
        name = next((b.name for a, b in pairs if a != b), None)
        what = "one is declared twice" if name is None else f"the declaration of {name}"
    return Difference(Kind.TOOLS, what)


def _messages(link: Link) -> Difference:
    """The first message that differs; the reply's where all before it are the same."""
    old, new = link.parent.messages, link.child.messages
    same = _same(old, new)
    if same < len(old):
        if same == len(new):
            return Difference(Kind.MESSAGE, FELL_OUT, same)
        return _changed(old[same], new[same], same, link)
    echo, place = link.echo, standing_at(link.echo)
    if echo.reasoning is Fate.GONE:
        what = "the reasoning of the reply before it, which was not given back"
        return Difference(Kind.REPLY, what, place, link.parent.reply.message.reasoning)
    if echo.kind in (EchoKind.SAME, EchoKind.STORED, EchoKind.SUPERSEDED):
        return Difference(Kind.NOTHING, "nothing on the wire")
    return Difference(Kind.REPLY, f"the reply before it, given back {echo.kind}", place)


def _same(old: tuple[Message, ...], new: tuple[Message, ...]) -> int:
    """How many messages both begin with, to the letter."""
    shortest = min(len(old), len(new))
    if old[:shortest] == new[:shortest]:
        return shortest
    pairs = enumerate(zip(old, new, strict=False))
    return next(i for i, (a, b) in pairs if a is not b and a != b)


def _changed(old: Message, new: Message, index: int, link: Link) -> Difference:
    """How one message differs from the one that stood in its place."""
    kind = Kind.SYSTEM if old.role == new.role == "system" and index == 0 else Kind.MESSAGE
    if any(mark in new.text and mark not in old.text for mark in CLEARED):
        return Difference(kind, EMPTIED, index, old.text, new.text)
    if old.text != new.text:
        return Difference(kind, _how(old, new, link, index), index, *_around(old.text, new.text))
    if old.reasoning != new.reasoning:
        what = "its reasoning is gone" if not new.reasoning else "its reasoning changed"
        return Difference(kind, what, index, old.reasoning, new.reasoning)
    what = "its calls" if old.tool_calls != new.tool_calls else "how it is written"
    return Difference(kind, f"{what} changed" if what == "its calls" else what, index)


def _how(old: Message, new: Message, link: Link, index: int) -> str:
    spans = volatile(old.text, new.text)
    if spans:
        return f"{new.role}: {', '.join(spans)} changed"
    if any(pair.old == index and pair.new is None for pair in link.pairs):
        return FELL_OUT
    if old.role != new.role:
        return f"{new.role} where {old.role} stood"
    return f"{new.role}: its text changed"


def volatile(old: str, new: str) -> list[str]:
    """What of two texts an agent rewrites by itself, where nothing else differs; else nothing."""
    names = []
    for opening, closing in SPANS:
        bare_old, bare_new = _without(old, opening, closing), _without(new, opening, closing)
        if (bare_old, bare_new) != (old, new):
            if _spans(old, opening, closing) != _spans(new, opening, closing):
                names.append(opening)
            old, new = bare_old, bare_new
    if BILLING.sub("", old) != old or BILLING.sub("", new) != new:
        if BILLING.findall(old) != BILLING.findall(new):
            names.append("cch=…")
        old, new = BILLING.sub("", old), BILLING.sub("", new)
    times = MOMENT.findall(old), MOMENT.findall(new)
    if times[0] != times[1]:
        names.append("a time")
        old, new = MOMENT.sub("", old), MOMENT.sub("", new)
    return names if old.split() == new.split() else []


def _spans(text: str, opening: str, closing: str) -> list[str]:
    return [part.partition(closing)[0] for part in text.split(opening)[1:]]


def _without(text: str, opening: str, closing: str) -> str:
    head, *rest = text.split(opening)
    kept = [part.partition(closing) for part in rest]
    return head + "".join(after if found else opening + body for body, found, after in kept)


def _around(old: str, new: str, before: int = 30, after: int = 70) -> tuple[str, str]:
    """Both texts around their first difference."""
    pairs = enumerate(zip(old, new, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = max(0, at - before)
    return old[start : at + after], new[start : at + after]
