"""One side read with other words in the place of some: working directories and ports that differ
from run to run, and mean the same."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.lineage import Session, Thread


class Respelling:
    """Reads each `old` as its `new`, in all that was said; `pairs` are taken in their order.

    Inside JSON a text is found in its escaped form too. What is said again in later requests is
    read once.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._plain = [(old, new) for old, new in pairs if old]
        self._escaped = [
            (one, _escaped(new)) for old, new in self._plain if (one := _escaped(old)) != old
        ]
        self._known: dict[int, tuple[Message, Message]] = {}

    def session(self, session: Session) -> Session:
        """The session, read so."""
        return replace(session, threads=tuple(map(self.thread, session.threads)))

    def thread(self, thread: Thread) -> Thread:
        """The thread, read so; how its turns follow one another stays as it is."""
        turns = tuple(map(self.turn, thread.turns)) if self._plain else thread.turns
        return replace(thread, turns=turns, notes={})

    def turn(self, turn: Turn) -> Turn:
        """The turn, read so."""
        return replace(
            turn,
            messages=tuple(map(self._message, turn.messages)),
            reply=replace(turn.reply, message=self._message(turn.reply.message)),
            tools=tuple(Tool(tool.name, self._json(tool.json)) for tool in turn.tools),
        )

    def _message(self, message: Message) -> Message:
        known = self._known.get(id(message))
        if known is None:
            read = replace(message, parts=tuple(map(self._part, message.parts)))
            known = self._known[id(message)] = (message, read)
        return known[1]

    def _part(self, part: Part) -> Part:
        match part:
            case Text() | Reasoning() | ToolResult():
                return replace(part, text=self._json(part.text))
            case ToolCall():
                return replace(part, arguments=self._json(part.arguments))
            case Other():
                return replace(part, json=self._json(part.json))
            case Image():
                return part

    def _json(self, text: str) -> str:
        for old, new in (*self._escaped, *self._plain):
            text = text.replace(old, new)
        return text


def _escaped(text: str) -> str:
    """As it stands in a JSON string."""
    return orjson.dumps(text).decode()[1:-1]
