"""Recordings made for a test by the real writer, from chats as plain values."""

from collections.abc import Iterable
from pathlib import Path

import orjson

from kimitap.exchange import Exchange
from kimitap.store import RecordingWriter
from tests.support import chat

READ = chat.call("read_file", {"path": "notes.txt"}, "c1")
OPENING = (chat.system("Be terse."), chat.user("Sum up the notes."))
TOOLS = (chat.tool("read_file", path={"type": "string"}),)


def record(path: Path, exchanges: Iterable[Exchange]) -> str:
    """A new recording of finished exchanges."""
    with RecordingWriter(str(path)) as writer:
        for one in exchanges:
            writer.add(one)
    return str(path)


def lost() -> list[Exchange]:
    """Three turns: a call, its answer, and then the agent sends the turn back blank."""
    asks = chat.assistant("I read them.", READ)
    answer = chat.result("Ada owns it.", "c1")
    again = chat.call("read_file", {"path": "notes.txt"}, "c2")
    more = chat.assistant("I read them once more.", again)
    second = [*OPENING, asks, answer]
    third = [*second, chat.assistant(""), chat.user("Go on.")]
    return [
        chat.exchange(1, chat.request(*OPENING, tools=TOOLS), chat.choice(asks), stream=True),
        chat.exchange(2, chat.request(*second, tools=TOOLS), chat.choice(more), stream=True),
        chat.exchange(
            3,
            chat.request(*third, tools=TOOLS),
            chat.choice(chat.assistant("Ada owns it.")),
            stream=True,
        ),
    ]


def next_turn(number: int, text: str) -> Exchange:
    """A turn that goes on where `lost` ended; `text` is its reply."""
    third = lost()[2].request
    messages = orjson.loads(third.content)["messages"]
    messages += [chat.assistant("Ada owns it."), chat.user("And when does it ship?")]
    request = chat.request(*messages, tools=TOOLS)
    return chat.exchange(number, request, chat.choice(chat.assistant(text)), stream=True)
