"""What a server's counts of two prompts tell: whether the second was read whole.

Counts are compared by what they must have grown by; what servers leave out rightly (thoughts, and
some of them what they had in their cache) is allowed for.
"""

import re
from collections.abc import Mapping, Sequence

from kimitap.conversation import Image, Message, Other, Reasoning, ToolCall, Turn
from kimitap.lineage import EchoKind, Fate, Link, Relation
from kimitap.rules.difference import Kind, difference

SLACK = 16
"""Tokens by which the same history may count differently: what stands at the seams of messages."""
OF_PROMPT, OF_REPLY = 0.005, 0.1
"""And shares of it: templates trim white space, and write a call's arguments anew."""
BYTES = 2
"""At least so many bytes of thought make one token."""
AN_IMAGE = 20_000
"""More tokens than an image takes."""
MUCH = 200
"""Tokens that were added at least, where a count that does not grow means something."""
LEAST = 1024
"""The smallest context that anybody serves; contexts are multiples of it. Counts below it may be
made up."""
LONGEST = 64
"""Letters of one word that one token may have at most."""
_WORD = re.compile(r"[^\W_]+")
_ASKED = ("clear_tool_uses", "compact")
"""What edits of the history are called that an agent asks a server for."""


def only_grew(link: Link) -> bool:
    """True where the child gives its parent's reply back whole.

    Where the server ran tools of its own, it counted a prompt for each of their steps; where it
    compacted the history itself, it did so as it was asked. Another server counts in its own way.
    """
    if link.relation is not Relation.CONTINUES or not link.judged or not link.child.succeeded:
        return False
    if moved(link):
        return False
    if any(isinstance(part, Other) for part in link.parent.reply.message.parts):
        return False
    echo = link.echo
    whole = echo.kind in (EchoKind.SAME, EchoKind.ALTERED) and echo.text is not Fate.GONE
    return whole and all(call.fate is Fate.SAME for call in echo.calls)


def moved(link: Link) -> str:
    """Who answered, where that is another than the parent's server, as both tell; else `""`.

    A gateway hands each request to one of several services, whose templates and tokenizers differ,
    or a server was built anew in between.
    """
    before, after = link.parent.reply, link.child.reply
    for name in ("provider", "model", "fingerprint"):
        old, new = getattr(before, name), getattr(after, name)
        if old and new and old != new:
            return f"{new} after {old}"
    return ""


def is_asked_for(turn: Turn) -> bool:
    """True where the request wants the server to leave out what does not fit, or is old."""
    asked = turn.parameters
    if asked.get("truncation") == "auto" or asked.get("transforms"):  # OpenRouter's middle-out
        return True
    edits = asked.get("context_management")
    edits = edits.get("edits") if isinstance(edits, Mapping) else edits
    if not isinstance(edits, Sequence):
        return False
    kinds = [str(edit.get("type")) for edit in edits if isinstance(edit, Mapping)]
    return any(word in kind for kind in kinds for word in _ASKED)


def unread(link: Link) -> int:
    """How many tokens were added at least, where the count stands still all the same; else 0.

    It stands where it was, or at what looks like the size of a context. A count that leaves the
    cache out is smaller than the request's words; one that somebody estimates grows with them.
    """
    before, after = link.parent.reply.usage.prompt_tokens, link.child.reply.usage.prompt_tokens
    if before is None or after is None or min(before, after) < LEAST:
        return 0
    most = _said(link.parent) + SLACK + OF_PROMPT * before + _thought(link)
    full = after % LEAST == 0
    if not full and abs(after - before) > most:
        return 0
    added = link.child.messages[len(link.parent.messages) + 1 :]
    if _most_words(added) < max(MUCH, 2 * most):
        return 0
    more = _least(added)
    still = after - before <= most if not full else after - before + most < more
    if more < MUCH or more < 2 * most or not still:
        return 0
    if not (full and before == after) and before < _least(link.parent.messages):
        return 0
    if not full and not _tells_its_cache(link) and after <= _about(link, added):
        return 0
    same = difference(link).kind in (Kind.NOTHING, Kind.REPLY)
    return more if same and _plausible(link.parent) else 0


def _about(link: Link, added: Sequence[Message]) -> float:
    """The tokens that what was added has at the parent's bytes a token, and a quarter more."""
    count = link.parent.reply.usage.prompt_tokens or 0
    return 1.25 * count * sum(map(_bytes, added)) / max(1, _bytes_of_prompt(link.parent))


def _least(messages: Sequence[Message]) -> int:
    """The tokens that the texts of some messages have at least: one for each word."""
    words = [word for message in messages for word in _WORD.findall(message.text)]
    return len(words) + sum(len(word) // LONGEST for word in words if len(word) >= LONGEST)


def _most_words(messages: Sequence[Message]) -> int:
    """More than `_least` can be, without looking: between two words stands something else."""
    return sum(1 + len(message.text) // 2 for message in messages)


def missing(link: Link) -> int:
    """How many tokens are missing beyond what reasoning and seams explain; 0 where none are."""
    before, after = link.parent.reply.usage, link.child.reply.usage
    if before.prompt_tokens is None or after.prompt_tokens is None:
        return 0
    said = _said(link.parent) if _all_visible(link.parent) and _whole(link) else 0
    short = before.prompt_tokens + said - after.prompt_tokens
    slack = SLACK + OF_PROMPT * before.prompt_tokens + OF_REPLY * said
    if short <= slack or difference(link).kind not in (Kind.NOTHING, Kind.REPLY):
        return 0
    if short <= slack + _thought(link) or not _plausible(link.parent):
        return 0
    beside = (after.cached_tokens or 0) > after.prompt_tokens
    return 0 if beside or _leaves_the_cache_out(link) else short


def _leaves_the_cache_out(link: Link) -> bool:
    """True where the server may have counted no more than what it did not have in its cache.

    Ollama and others do so, and say nothing of a cache. Then the count is about that of what was
    added; of a part of it where an attempt that failed had left some in the cache; or nothing. One
    that cuts a prompt fills its context again, by half at least, and the parent's prompt fitted
    into it. A parent that has more words than were counted was not counted whole itself.
    """
    if _tells_its_cache(link):
        return False
    before, after = link.parent.reply.usage, link.child.reply.usage
    had, read = before.prompt_tokens or 0, after.prompt_tokens or 0
    if had < _least(link.parent.messages):
        return True
    if read > _most_of_new(link):
        return False
    return 2 * read < had or read >= _least(link.child.messages[len(link.parent.messages) + 1 :])


def _tells_its_cache(link: Link) -> bool:
    """True where the server knows that prompts have a cached part, and so counts it with the rest:
    it names it, or times its reading as llama.cpp does."""
    times = link.child.reply.timings
    told = times.prompt_n is not None or times.n_ctx is not None
    return told or bool(link.child.reply.usage.cached_tokens)


def _most_of_new(link: Link) -> float:
    """More tokens than what stands behind the parent's prompt has, or behind the first thought that
    the template may leave out of it now: from there on the server reads anew."""
    old = link.parent.messages
    start, stop = _may_leave_out(link)
    first = next((i for i in range(start, stop) if _thinking(old[i])), len(old))
    fresh = link.child.messages[first:]
    return sum(map(_bytes, fresh)) / BYTES + SLACK * (len(fresh) + 1)


def _said(turn: Turn) -> int:
    """The tokens of the reply, but no more than what it says can have: some services count
    thoughts that they neither show nor name."""
    message = turn.reply.message
    seams = SLACK * (1 + len(message.tool_calls))
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return min(
        turn.reply.usage.completion_tokens or 0, seams + (len(message.text) + calls) // BYTES
    )


def _whole(link: Link) -> bool:
    """True where no word of the reply was cut off or changed: text agents cut what they obey."""
    text = link.parent.reply.message.text
    given = sum(len(link.child.messages[i].text) for i in link.echo.slot)
    return link.echo.text is Fate.NONE or (link.echo.text is Fate.SAME and given >= len(text))


def _all_visible(turn: Turn) -> bool:
    """True where every token of the reply comes back in the next prompt."""
    message = turn.reply.message
    thought = any(isinstance(part, Reasoning) for part in message.parts)
    hidden = turn.reply.usage.reasoning_tokens or turn.reply.others or thought
    return not hidden and "<think" not in message.text


def _thought(link: Link) -> float:
    """The most tokens of thought that the template has left out since the parent's prompt."""
    start, stop = _may_leave_out(link)
    return sum(map(_thinking, link.parent.messages[start:stop])) / BYTES


def _may_leave_out(link: Link) -> tuple[int, int]:
    """Of which of the parent's messages a template may leave out the thoughts now.

    Templates leave out what was thought before the last user message, which then has just come; or
    all but the last thought.
    """
    old = link.parent.messages
    if any(message.role == "user" for message in link.child.messages[len(old) :]):
        return max((i for i, m in enumerate(old) if m.role == "user"), default=0), len(old)
    last = max((i for i, m in enumerate(old) if m.role == "assistant"), default=None)
    return (len(old), len(old)) if last is None else (last, last + 1)


def _thinking(message: Message) -> int:
    """The bytes of a message's thought; of one that is sealed or told in short, the seal's."""
    if message.role != "assistant":
        return 0
    said = message.reasoning + (message.text if "</think" in message.text else "")
    sealed = sum(len(part.signature) for part in message.parts if isinstance(part, Reasoning))
    return len(said.encode(errors="replace")) + sealed


def _plausible(turn: Turn) -> bool:
    """True where a prompt can have so many tokens: no more than its text has bytes, and images."""
    most = _bytes_of_prompt(turn) + SLACK * (len(turn.messages) + 4)
    return (turn.reply.usage.prompt_tokens or 0) <= most


def _bytes_of_prompt(turn: Turn) -> int:
    tools = sum(len(tool.json.encode(errors="replace")) for tool in turn.tools)
    return tools + sum(_bytes(message) + len(message.reasoning) * 4 for message in turn.messages)


def _bytes(message: Message) -> int:
    """The bytes of a message's text and calls; of what is no text, more than its tokens."""
    size = len(message.text.encode(errors="replace"))
    for part in message.parts:
        match part:
            case ToolCall():
                size += len(part.name) + len(part.arguments.encode(errors="replace"))
            case Image() | Other():
                size += AN_IMAGE
    return size
