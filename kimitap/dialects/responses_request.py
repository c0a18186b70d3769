"""The request of the Responses API: instructions, the items of `input`, tools, and the rest."""

from collections.abc import Sequence
from itertools import chain

from kimitap.conversation import Message
from kimitap.dialects.fault import Faults
from kimitap.dialects.fields import Fields, Known, Pieces, read_fields
from kimitap.dialects.memo import Memo
from kimitap.dialects.responses_items import KEPT, Item, content_of, item_of, merged, tools_of
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
        sent.without(_OWN, faults, memo.known("responses.rest")),
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
    kept = memo.known(KEPT)
    for i, item in enumerate(items) if kept else ():
        if item.reference:
            items[i] = kept.get(item.reference.encode("utf-8", "replace"), (item,))[0]
    return items, sent.runs.get("input", ())


def _instructions(sent: Fields, memo: Memo, faults: Faults) -> Message | None:
    """The system message that `instructions` are: the same object for the same text."""
    given = sent.value("instructions", faults)
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
    message = Message("system", parts, "system")
    if key:
        known[key] = message, ()
    return message


def _messages(items: Sequence[Item], pieces: Pieces, memo: Memo) -> tuple[list[Message], list[int]]:
    """The items as messages, what the assistant said in one go as one; and where they begin.

    Equal runs of pieces give one object. A request that only grew costs what is new in it: what
    the one before began with is kept by its first piece.
    """
    if not pieces:
        return _grouped(items, pieces, 0, {})
    runs, begun = memo.known("responses.runs"), memo.known("responses.begun")
    old, messages, places = begun.get(pieces[0].key, (((), (), ()), ()))[0]
    if pieces[: len(old)] != old:
        old, messages, places = (), (), ()
    fresh, starts = _grouped(items, pieces, len(old), runs)
    messages, places = [*messages, *fresh], [*places, *starts]
    whole = len(messages) - bool(items[-1].said)  # the last run may go on in the next request
    stop = places[whole] if whole < len(places) else len(items)
    begun[pieces[0].key] = (pieces[:stop], messages[:whole], places[:whole]), ()
    return messages, places


def _grouped(
    items: Sequence[Item], pieces: Pieces, start: int, known: Known
) -> tuple[list[Message], list[int]]:
    """The messages of `items[start:]`, and where they begin."""
    messages: list[Message] = []
    places: list[int] = []
    at = start
    while at < len(items):
        stop = at + 1
        while items[at].said and stop < len(items) and items[stop].said:
            stop += 1
        one = stop - at == 1
        messages.append(items[at].message if one else _run(items[at:stop], pieces[at:stop], known))
        places.append(at)
        at = stop
    return messages, places


def _run(items: Sequence[Item], pieces: Pieces, known: Known) -> Message:
    """The message of items that follow one another."""
    if not pieces:
        return merged(items)
    key = b"".join([piece.key for piece in pieces])
    entry = known.get(key)
    if entry is None:
        entry = known[key] = merged(items), ()
    message: Message = entry[0]
    return message
