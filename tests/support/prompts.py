"""Recordings with the prompts that a server rendered, and with parts that it left out."""

import copy
import json
from pathlib import Path
from typing import Any

from kimitap.exchange import Exchange
from tests.support import chat, recorded

TOOLS = (
    chat.tool("read_file", path={"type": "string"}),
    chat.tool("write_file", path={"type": "string"}, content={"type": "string"}),
)


def told(request: dict[str, Any]) -> str:
    """A template that writes all of a request, each message behind a line of its own."""
    out = f"<|tools|>{json.dumps(request.get('tools', []))}<|im_end|>\n"
    for message in request["messages"]:
        out += f"<|{message['role']}|>{message.get('reasoning_content', '')}"
        out += message["content"] or ""
        for call in message.get("tool_calls", ()):
            out += f"<|call|>{call['function']['name']} {call['function']['arguments']}"
        out += "<|im_end|>\n"
    return out


def working(secret: str = "Ada owns the notes.") -> dict[str, Any]:
    """A request with two calls that are answered; `secret` is the first result."""
    read = chat.call("read_file", {"path": "docs/notes.txt"}, "c1")
    write = chat.call("write_file", {"path": "docs/sum.md", "content": "All is well."}, "c2")
    return chat.request(
        chat.system("You are a careful agent."),
        chat.user("Read the notes and sum them up."),
        chat.assistant("Both at once.", read, write, reasoning_content="Two things are to do."),
        chat.result(secret, "c1"),
        chat.result("Wrote 12 bytes.", "c2"),
        tools=copy.deepcopy(TOOLS),
    )


def shortened(request: dict[str, Any]) -> dict[str, Any]:
    """What a template makes of it that drops the second call, its result and a tool."""
    made: dict[str, Any] = json.loads(json.dumps(request))
    made["messages"][2]["tool_calls"].pop()
    made["messages"].pop(4)
    made["tools"].pop()
    return made


def answered(number: int, request: dict[str, Any], prompt: str | None) -> Exchange:
    """An exchange whose answer holds the prompt, unless that is None."""
    extra = {} if prompt is None else {"__verbose": {"prompt": prompt}}
    return chat.exchange(number, request, chat.choice(chat.assistant("Done.")), extra=extra)


def hidden(path: Path, secret: str = "Ada owns the notes.", then: bool = True) -> str:
    """Exchange 1 lacks a call, a result and a tool; 2 (where `then`) has no prompt recorded."""
    request = working(secret)
    made = [answered(1, request, told(shortened(request)))]
    if then:
        more = [*request["messages"], chat.assistant("Done."), chat.user("Thank you.")]
        made.append(answered(2, {**request, "messages": more}, None))
    return recorded.record(path, made)
