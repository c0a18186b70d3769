"""The request of the Responses API: instructions, the items of `input`, tools, and the rest."""

from collections.abc import Sequence
from itertools import chain

from kimitap.conversation import Message
from kimitap.dialects.fault import Faults
from kimitap.dialects.fields import Fields, Pieces, read_fields
from kimitap.dialects.memo import Memo
from kimitap.dialects.responses_items import Item, content_of, item_of, merged, tools_of
from kimitap.dialects.turn import Request
from kimitap.exchange import Body, Headers

_OWN = frozenset({"input", "instructions", "tools"})


def request_of(body: Body, headers: Headers, memo: Memo, faults: Faults) -> Request:
    """The request in `body`; from its pieces where it was cut, else from the whole."""
    return read_fields(body, headers, memo, faults, _request) or Request()


def _request(sent: Fields, memo: Memo, faults: Faults) -> Request:
    items, pieces = _items(sent, memo, faults)
    told = _instructions(sent, memo, faults)
    messages, places = _messages(items, pieces, memo)
    if told is not None:
        messages, places = [told, *messages], [-1, *places]
    known = memo.known("responses.tools")
    declared = chain.from_iterable(sent.each("tools", known, tools_of, faults))
    later = [tool for item in items for tool in item.tools]
    return Request(
        tuple(messages),
        (*declared, *later),
        sent.without(_OWN, faults),
        () if places == list(range(len(places))) else tuple(places),
    )


def _items(sent: Fields, memo: Memo, faults: Faults) -> tuple[Sequence[Item], Pieces]:
    """The items of `input`, and their pieces where the body was cut."""
    given = sent.values.get("input")
    if isinstance(given, str):
        known = memo.known("responses.said")
        key = given.encode("utf-8", "replace")
        if key not in known:
            known[key] = Item(Message("user", content_of(given, "", faults), "user")), ()
        return [known[key][0]], ()
    needed = "prompt" not in sent.values and "previous_response_id" not in sent.values
    items = sent.each("input", memo.known("responses.input"), item_of, faults, needed)
    return items, sent.runs.get("input", ())


def _instructions(sent: Fields, memo: Memo, faults: Faults) -> Message | None:
    """The system message that `instructions` are: the same object for the same text."""
    given = sent.value("instructions")
    if not given:
        return None
    key = given.encode("utf-8", "replace") if isinstance(given, str) else b""
    known = memo.known("responses.instructions")
    if key and key in known:
        found: Message = known[key][0]
        return found
    parts = content_of(given, "request.instructions", faults)
    if not parts:
        return None
    message = Message("system", parts, "instructions")
    if key:
        known[key] = message, ()
    return message


def _messages(items: Sequence[Item], pieces: Pieces, memo: Memo) -> tuple[list[Message], list[int]]:
    """The items as messages, what the assistant said in one go as one; and where they begin."""
    messages: list[Message] = []
    places: list[int] = []
    start = -1
    for i, item in enumerate(items):
        if item.said:
            if start < 0:
                start = i
            continue
        if start >= 0:
            messages.append(_run(items, pieces, start, i, memo))
            places.append(start)
            start = -1
        messages.append(item.message)
        places.append(i)
    if start >= 0:
        messages.append(_run(items, pieces, start, len(items), memo))
        places.append(start)
    return messages, places


def _run(items: Sequence[Item], pieces: Pieces, start: int, stop: int, memo: Memo) -> Message:
    """The message of `items[start:stop]`: the same object for the same pieces."""
    if stop - start == 1:
        return items[start].message
    if not pieces:
        return merged(items[start:stop])
    key = b"".join([piece.key for piece in pieces[start:stop]])
    known = memo.known("responses.runs")
    entry = known.get(key)
    if entry is None:
        entry = known[key] = merged(items[start:stop]), ()
    message: Message = entry[0]
    return message
