"""Real database files with small sessions in them, for tests that read recordings."""

from collections.abc import Iterable
from pathlib import Path

from kimitap.exchange import Exchange
from kimitap.store import RecordingWriter
from tests.support.chat import (
    assistant,
    call,
    choice,
    exchange,
    request,
    result,
    system,
    tool,
    user,
)

SYSTEM = system("You are Roo. Use the tools.")
TASK = user("<task>\nWrite Test.md with one line.\n</task>")
TOOLS = [tool("write_to_file", path={"type": "string"}, content={"type": "string"})]
WRITE = call("write_to_file", '{"path":"Test.md","content":"hello"}', "functions.write_to_file:0")
CALLING = assistant("I write the file.", WRITE)
DETAILS = user("<environment_details>\nTest.md\n</environment_details>")


def recording(path: Path, exchanges: Iterable[Exchange]) -> Path:
    """A recording at `path` with these exchanges, closed."""
    with RecordingWriter(str(path)) as writer:
        for one in exchanges:
            writer.add(one)
    return path


def lost_tool_turn() -> list[Exchange]:
    """The seed's signature: the second request has a blank assistant where the call was."""
    return [
        exchange(1, request(SYSTEM, TASK, tools=TOOLS), choice(CALLING), stream=True),
        exchange(
            2,
            request(SYSTEM, TASK, assistant(""), DETAILS, tools=TOOLS),
            choice(CALLING),
            stream=True,
        ),
    ]


def healthy_tool_turn() -> list[Exchange]:
    """The same, with the call and its result given back."""
    answered = result("written", "functions.write_to_file:0")
    return [
        exchange(1, request(SYSTEM, TASK, tools=TOOLS), choice(CALLING), stream=True),
        exchange(
            2,
            request(SYSTEM, TASK, CALLING, answered, tools=TOOLS),
            choice(assistant("Done: Test.md is written.")),
            stream=True,
        ),
    ]
