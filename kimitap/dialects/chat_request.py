"""The request of OpenAI's chat completions: messages, tools, and the remaining fields.

Where the recorder could cut the body, each message and tool is a piece, and is decoded once for all
the requests that carry it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from kimitap.conversation import Message, Tool
from kimitap.dialects.chat_message import kind_of, message_of
from kimitap.dialects.encoding import decoded
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, canonical, dumps, loads
from kimitap.dialects.memo import Memo
from kimitap.exchange import Body, Elements, Headers, Piece

_OWN = frozenset({"messages", "tools", "functions", "model", "stream"})


@dataclass(frozen=True)
class ChatRequest:
    """What a request says. `fields` are all top-level fields but the messages and tools."""

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, object]:
        """The fields that have no place of their own in a turn."""
        return {name: value for name, value in self.fields.items() if name not in _OWN}

    @property
    def model(self) -> str:
        model = self.fields.get("model")
        return model if isinstance(model, str) else ""

    @property
    def stream(self) -> bool:
        return self.fields.get("stream") is True


def request_of(body: Body, headers: Headers, memo: Memo, faults: Faults) -> ChatRequest:
    """The request in `body`; from its pieces where it was cut, else from the whole."""
    if body.elements:
        cut = _from_pieces(body, memo, faults)
        if cut:
            return cut
    data, trouble = decoded(body.content, headers)
    if trouble:
        faults.add("request", trouble)
    try:
        value, unusual = loads(data)
    except UnreadableJson as error:
        faults.add("request", str(error))
        return ChatRequest()
    if unusual:
        faults.add("request", unusual)
    if not isinstance(value, dict):
        faults.add("request", f"a request is an object, not {kind_of(value)}")
        return ChatRequest()
    return _from_object(value, faults)


def _from_object(value: dict[str, Any], faults: Faults) -> ChatRequest:
    messages = tuple(
        message_of(item, f"request.messages[{i}]", faults)
        for i, item in enumerate(_list(value, "messages", faults, needed=True))
    )
    tools = tuple(
        tool_of(item, f"request.{name}[{i}]", faults)
        for name in ("tools", "functions")
        for i, item in enumerate(_list(value, name, faults))
    )
    return ChatRequest(messages, tools, _rest(value, faults))


def _rest(value: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """The fields but messages and tools; what is nested too deep to be written again, as text."""
    rest = {k: v for k, v in value.items() if k not in ("messages", "tools", "functions")}
    for name, field_value in rest.items():
        try:
            orjson.dumps(field_value)
        except (orjson.JSONEncodeError, RecursionError) as error:
            faults.add(f"request.{name}", str(error)[:200])
            rest[name] = dumps(field_value)
    return rest


def _list(value: dict[str, Any], name: str, faults: Faults, needed: bool = False) -> list[Any]:
    found = value.get(name)
    if isinstance(found, list):
        return found
    if name not in value and needed:
        faults.add(f"request.{name}", f"{name} is missing")
    elif found is not None or needed:
        faults.add(f"request.{name}", f"{name} is a list, not {kind_of(found)}")
    return []


def _from_pieces(body: Body, memo: Memo, faults: Faults) -> ChatRequest | None:
    """The request from its pieces; None where they are not what a cut body's should be."""
    value = _skeleton(body, memo)
    names = [run.name for run in body.elements]
    if value is None or len(set(names)) < len(names) or any(value.get(n) != [] for n in names):
        return None
    seen = Faults()
    try:
        messages, tools, lists = _elements(body, memo, seen)
    except UnreadableJson:
        return None
    if "messages" not in names:
        _list(value, "messages", seen, needed=True)
    faults.add_under("", seen.told())
    return ChatRequest(tuple(messages), tuple(tools), _rest({**value, **lists}, faults))


def _skeleton(body: Body, memo: Memo) -> dict[str, Any] | None:
    kept: list[Piece] = []
    at = 0
    for run in body.elements:
        kept += body.pieces[at : run.start]
        at = run.stop
    kept += body.pieces[at:]
    key = b"".join(piece.key for piece in kept)
    if key not in memo.skeletons:
        try:
            memo.skeletons[key] = loads(b"".join(piece.data for piece in kept))[0]
        except UnreadableJson:
            memo.skeletons[key] = None
    value = memo.skeletons[key]
    return value if isinstance(value, dict) else None


def _elements(
    body: Body, memo: Memo, faults: Faults
) -> tuple[list[Message], list[Tool], dict[str, list[Any]]]:
    messages: list[Message] = []
    tools: list[Tool] = []
    lists: dict[str, list[Any]] = {}
    for run in body.elements:
        pieces = body.pieces[run.start : run.stop]
        match run.name:
            case "messages":
                messages = _messages(pieces, memo, faults)
            case "tools" | "functions":
                tools += _tools(run, pieces, memo, faults)
            case name:
                lists[name] = [_value(piece) for piece in pieces]
    return messages, tools, lists


def _messages(pieces: tuple[Piece, ...], memo: Memo, faults: Faults) -> list[Message]:
    known = memo.messages
    messages = []
    for i, piece in enumerate(pieces):
        entry = known.get(piece.key)
        if entry is None:
            own = Faults()
            entry = known[piece.key] = message_of(_value(piece, own), "", own), own.told()
        messages.append(entry[0])
        if entry[1]:
            faults.add_under(f"request.messages[{i}]", entry[1])
    return messages


def _tools(run: Elements, pieces: tuple[Piece, ...], memo: Memo, faults: Faults) -> list[Tool]:
    tools = []
    for i, piece in enumerate(pieces):
        entry = memo.tools.get(piece.key)
        if entry is None:
            own = Faults()
            entry = memo.tools[piece.key] = tool_of(_value(piece, own), "", own), own.told()
        tools.append(entry[0])
        if entry[1]:
            faults.add_under(f"request.{run.name}[{i}]", entry[1])
    return tools


def _value(piece: Piece, faults: Faults | None = None) -> Any:
    value, unusual = loads(piece.data.lstrip(b", \t\r\n"))
    if unusual and faults is not None:
        faults.add("", unusual)
    return value


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
