"""Whether a request holds a text already, so that a reply which holds it quotes it.

Servers that leak do it in every reply, and each reply's request repeats the whole history: of that
only what is new is looked at.
"""

import orjson

from kimitap.conversation import Message, Turn
from kimitap.lineage import Thread
from kimitap.rules.history import first_difference

_KEY = 12
"""Characters of a text by which the messages are found that may hold it."""
_KEYS = 100
"""So many keys are remembered: the same few markers leak again and again."""


class Quotes:
    """What was looked for in the requests of one thread, in their order."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Message, ...], list[int]]] = {}
        """By key: the messages that were looked at last, and the indexes of those that hold it."""

    def holds(self, turn: Turn, text: str) -> bool:
        """True where the request holds the text, and not as what the assistant said: it is quoted,
        from a file that was read or written, or from what the user said."""
        places = self._places(turn.messages, text[:_KEY])
        return any(_holds(turn.messages[at], text) for at in places)

    def _places(self, messages: tuple[Message, ...], key: str) -> list[int]:
        old, places = self._known.pop(key, ((), []))
        same = first_difference(old, messages, 0, min(len(old), len(messages)))
        fresh = (at for at in range(same, len(messages)) if _holds(messages[at], key))
        found = [*(at for at in places if at < same), *fresh]
        if len(self._known) >= _KEYS:
            del self._known[next(iter(self._known))]
        self._known[key] = messages, found
        return found


def _holds(message: Message, text: str) -> bool:
    if message.role != "assistant":
        return text in message.text
    if not message.tool_calls:
        return False
    written = orjson.dumps(text).decode()[1:-1]
    return any(text in call.arguments or written in call.arguments for call in message.tool_calls)


def quotes_of(thread: Thread) -> Quotes:
    """Those of a thread; they stay with it as it grows."""
    known = thread.notes.get(Quotes)
    if not isinstance(known, Quotes):
        known = thread.notes[Quotes] = Quotes()
    return known
