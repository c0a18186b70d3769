"""A recording that goes on while it is read: turns, sessions and a reply that streams are added."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kimitap.exchange import Exchange, Outcome
from kimitap.store import RecordingWriter
from tests.support import chat

OPENING = (
    chat.system("You keep an orchard's book.\n" + "Count every apple, and say so.\n" * 20),
    chat.user("Begin with the first tree."),
)
TOOLS = (chat.tool("count", tree={"type": "integer"}), chat.tool("write", line={"type": "string"}))
SESSIONS = 26
"""Sessions of one turn each, before those that are read."""
TURNS = 36


class Living:
    """Writes exchange after exchange; every third turn of the long session loses its reply."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self.number = 0
        self._messages: list[dict[str, Any]] = [*OPENING]
        with RecordingWriter(self.where) as writer:
            for _ in range(SESSIONS):
                writer.add(self._other())
            for _ in range(TURNS):
                writer.add(self._turn())

    def add_turn(self) -> None:
        """Three turns of the long session: the last of them loses a reply."""
        with RecordingWriter(self.where) as writer:
            for _ in range(3):
                writer.add(self._turn())

    def add_session(self) -> None:
        """Another session, newer than all others."""
        with RecordingWriter(self.where) as writer:
            writer.add(self._other())

    @contextmanager
    def streaming(self, parts: int = 4) -> Iterator[Iterator[None]]:
        """A turn whose reply comes in parts: each step of the iterator writes one more."""
        with RecordingWriter(self.where) as writer:
            yield self._stream(writer, self._turn(), parts)

    def _stream(self, writer: RecordingWriter, one: Exchange, parts: int) -> Iterator[None]:
        number, size = writer.begin(one), len(one.response) // parts + 1
        assert one.headers_at is not None and one.ended_at is not None
        writer.respond(number, 200, "OK", one.response_headers, "HTTP/1.1", one.headers_at)
        for i in range(parts):
            writer.append(number, [(0.1 * (i + 1), one.response[i * size : (i + 1) * size])])
            yield
        writer.finish(number, Outcome.COMPLETE, ended_at=one.ended_at)
        yield

    def _other(self) -> Exchange:
        self.number += 1
        asked = chat.user(f"How many apples has orchard {self.number}?\nSay a number.")
        said = chat.choice(chat.assistant(f"Orchard {self.number} has {self.number * 7} apples."))
        agent = (("User-Agent", f"counter/{self.number}"),)
        request = chat.request(chat.system("Count."), asked)
        return chat.exchange(self.number, request, said, headers=agent)

    def _turn(self) -> Exchange:
        self.number += 1
        n, call_id = self.number, f"c{self.number}"
        said = "\n".join(f"Tree {n} bears {i} apples on branch {i}." for i in range(12))
        reply = chat.assistant(said, chat.call("count", {"tree": n}, call_id))
        request = chat.request(*self._messages, tools=TOOLS)
        if n % 3:
            told = "\n".join(f"branch {i} of tree {n}: ripe" for i in range(12))
            self._messages += [reply, chat.result(told, call_id)]
        else:
            self._messages += [chat.assistant(""), chat.user(f"Go on behind tree {n}.")]
        return chat.exchange(n, request, chat.choice(reply), stream=True)
