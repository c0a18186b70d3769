"""The request of Anthropic's Messages API: system, messages, tools, and the remaining fields."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from kimitap.conversation import Message, Tool
from kimitap.dialects.anthropic_message import declared_tool, messages_of, parts_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.fields import Fields, read_fields, value_of
from kimitap.dialects.memo import Memo
from kimitap.dialects.turn import Request
from kimitap.exchange import Body, Headers, digest

NAME = "anthropic-messages"

_LISTS = frozenset({"messages", "system", "tools"})


def request_of(body: Body, headers: Headers, memo: Memo, faults: Faults) -> Request:
    """The request in `body`; from its pieces where it was cut, else from the whole."""
    return read_fields(body, headers, memo, faults, _request) or Request()


def _request(sent: Fields, memo: Memo, faults: Faults) -> Request:
    known = memo.known(f"{NAME} messages")
    groups = sent.each("messages", known, messages_of, faults, needed=True)
    system = _system(sent, memo, faults)
    messages = (*system, *chain.from_iterable(groups))
    known, lists = memo.known(f"{NAME} tools"), memo.known(f"{NAME} lists of tools")
    tools: tuple[Tool, ...] = sent.list_of("tools", known, declared_tool, faults, lists)
    return Request(
        messages,
        tools,
        sent.without(_LISTS, faults, memo.known(f"{NAME} rest")),
        _wire_indexes(len(system), groups, len(messages)),
    )


def _wire_indexes(
    before: int, groups: Sequence[tuple[Message, ...]], count: int
) -> tuple[int, ...]:
    """Where each of `count` messages stands in the wire's array, `before` of them not at all."""
    if count == before + len(groups):
        return (*((-1,) * before), *range(len(groups))) if before else ()
    own = (index for index, group in enumerate(groups) for _ in group)
    return (*((-1,) * before), *own)


def _system(sent: Fields, memo: Memo, faults: Faults) -> list[Message]:
    """The system prompt as a message; none where it says nothing at all."""
    pieces = sent.runs.get("system")
    value: Any = None
    if pieces is not None:
        key = b"".join(piece.key for piece in pieces)
    else:
        value = sent.values.get("system")
        key = digest(value.encode("utf-8", "replace")) if isinstance(value, str) else b""
    known = memo.known(f"{NAME} system")
    entry = known.get(key) if key else None
    if entry is None:
        own = Faults()
        if pieces is not None:
            value = [value_of(piece, own) for piece in pieces]
        parts = tuple(parts_of(value, "", own))
        entry = [Message("system", parts, "system")] if parts else [], own.told()
        if key:
            known[key] = entry
    faults.add_under("request.system", entry[1])
    return list(entry[0])
