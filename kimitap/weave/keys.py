"""The key of a message: what makes two messages the same entry of a conversation.

A key covers the role, the text, the calls by name and canonical arguments, and the images. It
leaves out what agents and gateways rewrite: ids, reasoning, white space, volatile spans.
"""

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from kimitap.conversation import Image, Message, Other, Reasoning, Text, ToolCall, ToolResult
from kimitap.rewrites import CLEARED, mask
from kimitap.weave.markers import holds

WORDS = re.compile(r"\w+")
LIKENESS = 0.6
"""From here on two messages are held to be one that was edited."""
READ = 6_000
"""Characters of a message that a comparison reads."""
THINK = re.compile(r"\s{0,99}<(think|thinking|thinking-content-[0-9a-f]{32})>")
"""Tags of thought in content: models', Claude's, aider's."""


def plain(text: str) -> str:
    """`text` with volatile spans masked and white space made uniform."""
    return " ".join(mask(text).split())


def without_thought(text: str) -> str:
    """`text` without a leading thought in tags (`<think>…</think>` and the like)."""
    return text[_thought(text)[2] :]


def leading_thought(text: str) -> str:
    """What stands in leading tags of thought; `""` where there is none."""
    start, stop, _ = _thought(text)
    return text[start:stop]


def _thought(text: str) -> tuple[int, int, int]:
    """Where a leading thought begins and ends, and where the text after it begins."""
    opening = THINK.match(text)
    if not opening:
        return 0, 0, 0
    closing = f"</{opening[1]}>"
    stop = text.find(closing, opening.end())
    return (opening.end(), stop, stop + len(closing)) if stop >= 0 else (0, 0, 0)


def spoken(message: Message) -> str:
    """The visible text as it is compared: for an assistant, without a leading thought."""
    text = without_thought(message.text) if message.role == "assistant" else message.text
    return plain(text)


def message_key(message: Message) -> bytes:
    """The 16-byte key of a message."""
    fields = [message.role, spoken(message)]
    for part in message.parts:
        match part:
            case Text() | ToolResult() | Reasoning():
                pass
            case ToolCall():
                fields += ["call", part.name, part.canonical_arguments]
            case Image():
                fields += ["image", part.digest]
            case Other():
                fields += ["other", part.kind, part.json]
    data = [field.encode(errors="surrogatepass") for field in fields]
    whole = b"".join([x for one in data for x in (len(one).to_bytes(8), one)])
    return blake2b(whole, digest_size=16).digest()


class Keys:
    """Keys and word counts, computed once for each message object.

    Messages are known by identity: a decoder gives the same object for the same piece of a body, so
    that a history of a thousand messages costs only what is new in it. The messages are held, so
    that no identity is used twice.
    """

    def __init__(self) -> None:
        self._held: list[Message] = []
        self._known: dict[int, bytes] = {}
        self._words: dict[bytes, Counter[str]] = {}
        self._heads: dict[int, tuple[Message, tuple[bytes, ...]]] = {}

    def key(self, message: Message) -> bytes:
        """The key of `message`."""
        known = self._known.get(id(message))
        if known is None:
            self._held.append(message)
            known = self._known[id(message)] = message_key(message)
        return known

    def heads(self, message: Message) -> tuple[bytes, ...]:
        """The keys of what a user's message of several parts begins with, longest first.

        In Anthropic's API neighbours of one role are one message: what a user adds where a reply
        was lost or stopped becomes a part of the message before it.
        """
        if message.role != "user" or len(message.parts) < 2:
            return ()
        known = self._heads.get(id(message))
        if known is None:
            counts = range(len(message.parts) - 1, 0, -1)
            begun = (Message("user", message.parts[:n]) for n in counts)
            known = self._heads[id(message)] = (message, tuple(map(message_key, begun)))
        return known[1]

    def grown(self, old: Message, new: Message) -> bool:
        """True where a user's message is another one with more parts behind its own."""
        return self.key(old) in self.heads(new)

    def all(self, messages: Sequence[Message]) -> list[bytes]:
        """The keys of several messages."""
        return [self.key(message) for message in messages]

    def same(self, one: Sequence[Message], other: Sequence[Message]) -> bool:
        """True where both say the same, message by message."""
        if len(one) != len(other):
            return False
        return all(a is b or self.key(a) == self.key(b) for a, b in zip(one, other, strict=True))

    def likeness(self, one: Message, other: Message) -> float:
        """How alike two messages are, from 0 to 1: shared words (Dice), of a bounded beginning.

        Messages of different roles are never alike. Two results of one call are, where one of them
        was cleared or cut in place, and a user's message to which parts were added.
        """
        if one.role != other.role:
            return 0.0
        if self.key(one) == self.key(other):
            return 1.0
        if _one_call(one, other) or self.grown(one, other):
            return 0.8
        a, b = self._count(one), self._count(other)
        total = a.total() + b.total()
        return 2 * (a & b).total() / total if total else 0.0

    def _count(self, message: Message) -> Counter[str]:
        key = self.key(message)
        words = self._words.get(key)
        if words is None:
            text = spoken(message)[:READ]
            calls = " ".join(f"{c.name} {c.arguments[:READ]}" for c in message.tool_calls)
            words = self._words[key] = Counter(WORDS.findall(f"{text} {calls}"))
        return words


def _one_call(one: Message, other: Message) -> bool:
    ids = [result.call_id for result in one.tool_results]
    if not ids or not all(ids) or ids != [result.call_id for result in other.tool_results]:
        return False
    return bool(holds(other.text, CLEARED)) or one.text[:40] == other.text[:40]
