"""The request of OpenAI's chat completions: messages, tools, and the remaining fields."""

from typing import Any

from kimitap.conversation import Tool
from kimitap.dialects.chat_message import message_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.fields import Fields, read_fields
from kimitap.dialects.jsonread import canonical
from kimitap.dialects.memo import Memo
from kimitap.dialects.turn import Request
from kimitap.exchange import Body, Headers

_LISTS = frozenset({"messages", "tools", "functions"})


def request_of(body: Body, headers: Headers, memo: Memo, faults: Faults) -> Request:
    """The request in `body`; from its pieces where it was cut, else from the whole."""
    return read_fields(body, headers, memo, faults, _request) or Request()


def _request(sent: Fields, memo: Memo, faults: Faults) -> Request:
    known = memo.messages
    messages = sent.each("messages", known, message_of, faults, needed=True, begun=memo.begun)
    lists = memo.known("chat tools")
    tools = sent.list_of("tools", memo.tools, tool_of, faults, lists)
    older = sent.list_of("functions", memo.tools, tool_of, faults, memo.known("chat functions"))
    rest = sent.without(_LISTS, faults, memo.known("chat rest"))
    return Request(tuple(messages), tools + older if older else tools, rest)


def tool_of(value: Any, where: str, faults: Faults) -> Tool:
    """The declaration of a tool; its name is `""` where it has none."""
    inner = value
    if isinstance(value, dict):
        inner = next((value[k] for k in ("function", "custom") if k in value), value)
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(name, str):
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind in ("function", "custom"):
            faults.add(where, "a tool without a name")
        name = kind if isinstance(kind, str) and kind not in ("function", "custom") else ""
    return Tool(name, canonical(value))
