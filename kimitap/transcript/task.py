"""What a thread was asked to do: the first words of its user that are not an agent's preamble."""

from collections.abc import Iterator, Sequence

from kimitap.conversation import Message, Text
from kimitap.lineage import Thread
from kimitap.visible import one_line

PREAMBLES = (
    "system-reminder",  # Claude Code
    "environment_context",  # Codex
    "environment_details",  # Roo Code, Cline, Kilo Code
    "user_instructions",
)
"""Elements that agents put before or behind what the user says."""
SETTING_UP = (
    "This is the Qwen Code. We are setting up",
    "This is the Gemini CLI. We are setting up",
)
"""How a first message begins that only tells about the machine."""
WIDEST = 200
_LOOKED_AT = 12
"""Messages of the user that are looked at."""


def task_of(thread: Thread) -> str:
    """The first words of what was new to the thread, on one line of at most 200 characters."""
    first, link = thread.turns[0], thread.links[0]
    new = first.messages[link.prefix :] if link else first.messages
    return _said(new) or _said(first.messages)


def _said(messages: Sequence[Message]) -> str:
    users = [m for m in messages if m.role == "user" and m.text.strip()][:_LOOKED_AT]
    told = (words for message in users for words in _words(message))
    whole = users[0].text if users else ""
    return next(told, one_line(whole, WIDEST))


def _words(message: Message) -> Iterator[str]:
    for part in message.parts:
        if isinstance(part, Text):
            words = one_line(_without_preamble(part.text), WIDEST)
            if words and not words.startswith(SETTING_UP):
                yield words


def _without_preamble(text: str) -> str:
    text = text.lstrip()
    while text.startswith("<"):
        name = text[1:].split(">", 1)[0][:40]
        end = text.find(f"</{name}>")
        if name not in PREAMBLES or end < 0:
            return text.removeprefix("<task>")
        text = text[end + len(name) + 3 :].lstrip()
    return text
