"""Assembles a streamed reply of the Responses API: events about items.

An event names its item by `item_id`, and by `output_index` where the server sends one. llama-server
does not (https://github.com/ggml-org/llama.cpp/issues/20607); its calls have no id but their
`call_id`, which may occur twice in one reply. So a delta belongs to the item begun last under its
name, and an item that is done is the first open one of that name.
"""

from collections import defaultdict, deque
from typing import Any

from kimitap.dialects.answer import DONE, value_of
from kimitap.dialects.chat_facts import Facts, error_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import kind_of
from kimitap.dialects.responses_facts import read_facts
from kimitap.dialects.runs import Grown
from kimitap.sse import Event

_TEXTS = {
    "response.output_text": ("message", "content", "output_text", "content_index"),
    "response.refusal": ("message", "content", "refusal", "content_index"),
    "response.reasoning_text": ("reasoning", "content", "reasoning_text", "content_index"),
    "response.reasoning": ("reasoning", "content", "reasoning_text", "content_index"),
    "response.reasoning_summary_text": ("reasoning", "summary", "summary_text", "summary_index"),
    "response.reasoning_summary": ("reasoning", "summary", "summary_text", "summary_index"),
    "response.function_call_arguments": ("function_call", "arguments", "", ""),
    "response.custom_tool_call_input": ("custom_tool_call", "input", "", ""),
    "response.mcp_call_arguments": ("mcp_call", "arguments", "", ""),
    "response.code_interpreter_call_code": ("code_interpreter_call", "code", "", ""),
}
"""Events that carry text, without `.delta` or `.done`: the item's type, its field, the part's type
and index. Some servers say `reasoning` where OpenAI says `reasoning_text`."""
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_ENDS |= {"response.cancelled"}
_STATES = frozenset({"response.created", "response.in_progress", "response.queued"}) | _ENDS
_SAYS = ("text", "refusal", "arguments", "input", "code", "delta")

_Slot = tuple[str, str, int]
"""A field of an item, the type of its part (`""`: the field itself), and the part's index."""


class _Item:
    """One item under assembly: its JSON as the server last gave it, and what its deltas said."""

    __slots__ = ("done", "index", "kind", "names", "texts", "value")

    def __init__(self, value: dict[str, Any], index: int | None) -> None:
        kind = value.get("type")
        self.kind = kind if isinstance(kind, str) else ""
        self.value = value
        self.index = index
        self.done = False
        self.texts: dict[_Slot, list[str]] = {}
        named = (value.get("id"), value.get("call_id"))
        self.names = list(dict.fromkeys(n for n in named if isinstance(n, str) and n))

    def settled(self) -> dict[str, Any]:
        """The item's JSON; a field that it leaves empty is what the deltas said."""
        fields: dict[str, Any] = {}
        for (field, kind, _), said in sorted(self.texts.items(), key=lambda slot: slot[0][2]):
            text = "".join(said)
            if self.value.get(field) and (self.done or not text):
                continue
            if kind:
                name = "refusal" if kind == "refusal" else "text"
                fields.setdefault(field, []).append({"type": kind, name: text})
            else:
                fields[field] = text
        return {**self.value, **fields} if fields else self.value


class StreamedResponse:
    """Takes the events of one stream, in order."""

    def __init__(self, facts: Facts, faults: Faults) -> None:
        self.facts = facts
        self.response: dict[str, Any] = {}
        """The response as the server last gave it."""
        self.ended = False
        self.events = 0
        self._faults = faults
        self._items: list[_Item] = []
        self._named: dict[str, _Item] = {}
        """The item begun last under a name."""
        self._placed: dict[int, _Item] = {}
        self._last: dict[str, _Item] = {}
        """The item begun last of a type."""
        self._open: defaultdict[tuple[str, str], deque[_Item]] = defaultdict(deque)
        """By type, and by name or `""`: items in the order they began, the open ones among them."""

    def add(self, event: Event) -> Grown | None:
        """Takes one event; what it should not hold is a fault at `response.event[N]`.

        Where all that it did was adding letters to a text, it says to which.
        """
        self.events += 1
        before = self._faults.count
        if event.fault:
            self._fault("", event.fault)
        value = value_of(event, f"response.event[{self.events - 1}]", self._faults)
        if value is DONE:
            return None
        if type(value) is dict:
            grown = self._take(event, value)
            return grown if self._faults.count == before else None
        if event.kind == "error":
            self.facts.fail(event.data if value is None else value, in_stream=True)
        elif value is not None:
            self._fault("", f"an event is an object, not {kind_of(value)}")
        return None

    def output(self) -> list[Any]:
        """The items' JSON in their order; the response's own `output` where that holds as many."""
        final = self.response.get("output")
        if self.ended and isinstance(final, list) and len(final) >= len(self._items):
            return final
        items = self._items
        if all(item.index is not None for item in items):
            items = sorted(items, key=lambda item: item.index or 0)
        return [item.settled() for item in items]

    def _fault(self, suffix: str, what: str) -> None:
        self._faults.add(f"response.event[{self.events - 1}]{suffix}", what)

    def _take(self, event: Event, value: dict[str, Any]) -> Grown | None:
        kind = value.get("type")
        if not isinstance(kind, str):
            kind = event.kind
        name, _, step = kind.rpartition(".")
        if name in _TEXTS and step in ("delta", "done"):
            return self._take_text(name, step, value)
        if kind in _STATES:
            self._take_state(kind, value)
        elif kind == "response.output_item.added":
            self._begin(value)
        elif kind == "response.output_item.done":
            self._finish(value)
        elif kind == "response.content_part.done":
            self._take_part(value)
        elif kind == "error" or event.kind == "error":
            self.facts.fail({k: v for k, v in value.items() if k != "type"}, in_stream=True)
        elif "error" in value and (error := error_of(value)) is not None:
            self.facts.fail(error, in_stream=True)
        return None

    def _take_state(self, kind: str, value: dict[str, Any]) -> None:
        response = value.get("response")
        if not isinstance(response, dict):
            self._fault(".response", f"a response is an object, not {kind_of(response)}")
            response = {}
        read_facts(response, self.facts)
        if "timings" in value:
            self.facts.read({"timings": value["timings"]})
        if kind in _ENDS:
            self.ended = True
            status = response.get("status")
            said = status if isinstance(status, str) else kind.rpartition(".")[2]
            response = {**response, "status": said}
        if response.get("error"):
            self.facts.fail(response["error"], in_stream=True)
        elif kind == "response.failed":
            self.facts.fail("the response failed", in_stream=True)
        self.response.update(response)

    def _item(self, value: dict[str, Any]) -> dict[str, Any] | None:
        item = value.get("item")
        if isinstance(item, dict):
            return item
        self._fault(".item", f"an item is an object, not {kind_of(item)}")
        return None

    def _begin(self, value: dict[str, Any]) -> None:
        item = self._item(value)
        if item is not None:
            self._keep(_Item(item, self._index(value)))

    def _keep(self, item: _Item) -> _Item:
        self._items.append(item)
        self._last[item.kind] = item
        self._open[item.kind, ""].append(item)
        for name in item.names:
            self._named[name] = item
            self._open[item.kind, name].append(item)
        if item.index is not None:
            self._placed[item.index] = item
        return item

    def _finish(self, value: dict[str, Any]) -> None:
        given = self._item(value)
        if given is None:
            return
        done = _Item(given, self._index(value))
        item = self._open_one(done)
        if item is None:
            item = self._keep(done)
        item.value = given
        item.done = True

    def _open_one(self, done: _Item) -> _Item | None:
        """The item that was begun and is now done; None where its beginning was not told."""
        if done.index is not None and done.index in self._placed:
            return self._placed[done.index]
        for name in done.names or ("",):
            begun = self._open[done.kind, name]
            while begun and begun[0].done:
                begun.popleft()
            if begun:
                return begun[0]
        return None

    def _index(self, value: dict[str, Any], name: str = "output_index") -> int | None:
        index = value.get(name)
        if index is not None and type(index) is not int:
            self._fault(f".{name}", f"an index is a number, not {kind_of(index)}")
            return None
        return index

    def _owner(self, kind: str, value: dict[str, Any]) -> _Item:
        """The item that an event speaks of; one that was never announced begins here."""
        index, name = self._index(value), value.get("item_id")
        item = self._placed.get(index) if index is not None else None
        if item is None and isinstance(name, str):
            item = self._named.get(name)
        if item is not None and item.kind == kind:
            return item
        if not isinstance(name, str) or not name:
            last = self._last.get(kind)
            if last is not None and not last.done:
                return last
        made: dict[str, Any] = {"type": kind}
        if kind == "message":
            made["role"] = "assistant"
        if isinstance(name, str):
            made["id"] = name
        return self._keep(_Item(made, index))

    def _take_text(self, name: str, step: str, value: dict[str, Any]) -> Grown | None:
        kind, field, part, counter = _TEXTS[name]
        said = value.get("delta") if step == "delta" else _first_text(value)
        if type(said) is not str:
            if said is not None:
                self._fault(f".{step}", f"what is said is a string, not {kind_of(said)}")
            return None
        item = self._owner(kind, value)
        at = (self._index(value, counter) or 0) if counter else 0
        slot = (field, part, at)
        text = item.texts.get(slot)
        if step == "done" or text is None:
            item.texts[slot] = [said]
            return None
        text.append(said)
        return Grown("delta", text)

    def _take_part(self, value: dict[str, Any]) -> None:
        part = value.get("part")
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(part, dict) or kind not in ("output_text", "refusal"):
            return
        name = "refusal" if kind == "refusal" else "output_text"
        self._take_text(f"response.{name}", "done", {**value, **part})


def _first_text(value: dict[str, Any]) -> Any:
    return next((value[name] for name in _SAYS if value.get(name) is not None), None)
