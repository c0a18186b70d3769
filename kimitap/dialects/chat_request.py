"""The request of OpenAI's chat completions: messages, tools, and the remaining fields.

Where the recorder could cut the body, each message and tool is a piece, and is decoded once for all
the requests that carry it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from kimitap.conversation import Fault, Message, Tool
from kimitap.dialects.chat_message import kind_of, message_of
from kimitap.dialects.encoding import decoded
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, canonical, dumps, loads
from kimitap.dialects.memo import Memo
from kimitap.exchange import Body, Headers, Piece

_LISTS = frozenset({"messages", "tools", "functions"})
_OWN = frozenset({"model", "stream"})

Pieces = tuple[Piece, ...]


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
    return _request(value, {}, memo, faults)


def _from_pieces(body: Body, memo: Memo, faults: Faults) -> ChatRequest | None:
    """The request from its pieces; None where they are not what a cut body's should be."""
    value, unusual = _skeleton(body, memo)
    runs = {run.name: body.pieces[run.start : run.stop] for run in body.elements}
    if not isinstance(value, dict) or any(value.get(name) != [] for name in runs):
        return None
    seen = Faults()
    if unusual:
        seen.add("request", unusual)
    try:
        request = _request(value, runs, memo, seen)
    except UnreadableJson:
        return None
    faults.add_under("", seen.told())
    return request


def _skeleton(body: Body, memo: Memo) -> tuple[Any, str]:
    """The body's JSON without the elements of its arrays, and what was unusual in it."""
    kept: list[Piece] = []
    at = 0
    for run in body.elements:
        kept += body.pieces[at : run.start]
        at = run.stop
    kept += body.pieces[at:]
    key = b"".join(piece.key for piece in kept)
    if key not in memo.skeletons:
        try:
            memo.skeletons[key] = loads(b"".join(piece.data for piece in kept))
        except UnreadableJson as error:
            memo.skeletons[key] = None, str(error)
    return memo.skeletons[key]


def _request(
    value: dict[str, Any], runs: Mapping[str, Pieces], memo: Memo, faults: Faults
) -> ChatRequest:
    """The request that `value` is, with the elements of the arrays in `runs` from their pieces.

    Raises UnreadableJson where a piece is no JSON by itself.
    """
    if "messages" not in value:
        faults.add("request.messages", "messages is missing")
    messages = _each("messages", value, runs, memo.messages, message_of, faults)
    tools = _each("tools", value, runs, memo.tools, tool_of, faults)
    tools += _each("functions", value, runs, memo.tools, tool_of, faults)
    fields = {
        name: [_value(piece) for piece in runs[name]] if name in runs else field_value
        for name, field_value in value.items()
        if name not in _LISTS
    }
    return ChatRequest(tuple(messages), tuple(tools), _writable(fields, faults))


def _each[T](
    name: str,
    value: dict[str, Any],
    runs: Mapping[str, Pieces],
    known: dict[bytes, tuple[T, tuple[Fault, ...]]],
    read: Callable[[Any, str, Faults], T],
    faults: Faults,
) -> list[T]:
    """The elements of one array, each `read`, or taken from what is `known` by its piece."""
    where = f"request.{name}"
    if name not in runs:
        items = value.get(name)
        if isinstance(items, list):
            return [read(item, f"{where}[{i}]", faults) for i, item in enumerate(items)]
        if items is not None or (name == "messages" and name in value):
            faults.add(where, f"{name} is a list, not {kind_of(items)}")
        return []
    found: list[T] = []
    for i, piece in enumerate(runs[name]):
        entry = known.get(piece.key)
        if entry is None:
            own = Faults()
            entry = known[piece.key] = read(_value(piece, own), "", own), own.told()
        found.append(entry[0])
        if entry[1]:
            faults.add_under(f"{where}[{i}]", entry[1])
    return found


def _value(piece: Piece, faults: Faults | None = None) -> Any:
    value, unusual = loads(piece.data.lstrip(b", \t\r\n"))
    if unusual and faults is not None:
        faults.add("", unusual)
    return value


def _writable(fields: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """The fields, with those that are nested too deep to be written again as text."""
    for name, value in fields.items():
        try:
            orjson.dumps(value)
        except (orjson.JSONEncodeError, RecursionError) as error:
            faults.add(f"request.{name}", str(error)[:200])
            fields[name] = dumps(value)
    return fields


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
