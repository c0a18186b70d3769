"""Assembles a streamed chat completion: chunks of deltas, by choice and by tool call's index."""

from typing import Any

import orjson

from kimitap.conversation import Message, Other, Part, Reasoning, Text, ToolCall
from kimitap.dialects.chat_facts import Facts, error_of
from kimitap.dialects.chat_message import (
    REASONING_FIELDS,
    arguments_of,
    content_parts,
    kind_of,
    reasoning_of,
)
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, dumps, loads
from kimitap.sse import Event

DONE = "[DONE]"


class _Call:
    """A tool call under assembly. Of id and name the first non-empty value counts."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.name = ""
        self.arguments: list[str] = []
        self.typed = True

    def add(self, call_id: Any, name: Any, arguments: Any) -> None:
        if isinstance(call_id, str) and not self.id:
            self.id = call_id
        if isinstance(name, str) and not self.name:
            self.name = name
        if arguments is not None:
            text, typed = arguments_of(arguments)
            self.arguments.append(text)
            self.typed = self.typed and typed

    @property
    def complete(self) -> bool:
        """The arguments so far are whole JSON, so that a new id means a new call."""
        try:
            orjson.loads("".join(self.arguments))
        except orjson.JSONDecodeError:
            return False
        return bool(self.name)

    def value(self) -> ToolCall:
        return ToolCall(self.name, "".join(self.arguments), self.id, self.typed)


class _Choice:
    """One choice under assembly."""

    def __init__(self) -> None:
        self.role = "assistant"
        self.finish_reason: str | None = None
        self.content: list[str] = []
        self.reasoning: dict[str, list[str]] = {}
        self.rest: list[Part] = []
        self.refusal: list[str] = []
        self.calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def add(self, delta: dict[str, Any], where: str, faults: Faults) -> None:
        """Takes one delta. `where` is the path of its choice."""
        for name, value in delta.items():
            if value is None or value == "":
                continue
            if name == "content":
                self._add_content(value, where, faults)
            elif name == "tool_calls":
                self._add_calls(value, f"{where}.delta.tool_calls", faults)
            elif name in REASONING_FIELDS:
                for part in reasoning_of({name: value}, f"{where}.delta", faults):
                    self._add_part(part)
            elif name == "role":
                self._add_role(value, where, faults)
            elif name == "refusal":
                self.refusal.append(value if isinstance(value, str) else dumps(value))
            elif name == "function_call":
                self._add_function(value, f"{where}.delta.function_call", faults)

    def _add_role(self, value: Any, where: str, faults: Faults) -> None:
        if isinstance(value, str):
            self.role = value
        else:
            faults.add(f"{where}.delta.role", f"a role is a string, not {kind_of(value)}")

    def _add_content(self, value: Any, where: str, faults: Faults) -> None:
        if isinstance(value, str):
            self.content.append(value)
            return
        for part in content_parts(value, f"{where}.delta.content", faults):
            self._add_part(part)

    def _add_part(self, part: Part) -> None:
        match part:
            case Text(text):
                self.content.append(text)
            case Reasoning(text, name):
                self.reasoning.setdefault(name, []).append(text)
            case _:
                self.rest.append(part)

    def _add_function(self, value: Any, where: str, faults: Faults) -> None:
        if isinstance(value, dict):
            self._call_at(0, 0, value, value).add(None, value.get("name"), value.get("arguments"))
        else:
            faults.add(where, f"a call is an object, not {kind_of(value)}")

    def _add_calls(self, value: Any, where: str, faults: Faults) -> None:
        if not isinstance(value, list):
            faults.add(where, f"tool_calls is a list, not {kind_of(value)}")
            return
        for place, item in enumerate(value):
            if not isinstance(item, dict):
                faults.add(f"{where}[{place}]", f"a call is an object, not {kind_of(item)}")
                continue
            self._add_call(item, place, f"{where}[{place}]", faults)

    def _add_call(self, item: dict[str, Any], place: int, where: str, faults: Faults) -> None:
        function = item.get("function", item.get("custom"))
        if function is None:
            function = {}
        elif not isinstance(function, dict):
            faults.add(f"{where}.function", f"a function is an object, not {kind_of(function)}")
            function = {}
        index = item.get("index")
        if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
            faults.add(f"{where}.index", f"an index is a number, not {kind_of(index)}")
            index = None
        known = len(self.calls)
        call = self._call_at(index, place, item, function)
        if len(self.calls) > known and index is not None and self._by_index[index] is not call:
            taken = self._by_index[index]
            faults.add(f"{where}.index", f"index {index} is already the call {taken.id!r}")
            self._by_index[index] = call
        call_id = item.get("id")
        if call_id is not None and not isinstance(call_id, str):
            faults.add(f"{where}.id", f"an id is a string, not {kind_of(call_id)}")
            call_id = dumps(call_id)
        call.add(call_id, function.get("name"), function.get("arguments", function.get("input")))

    def _call_at(
        self, index: int | None, place: int, item: dict[str, Any], function: dict[str, Any]
    ) -> _Call:
        """The call that a delta continues, or a new one."""
        before = self._by_index.get(index) if index is not None else self._unnumbered(item, place)
        if before is not None and not _begins(item, function, before):
            return before
        call = _Call(index)
        self.calls.append(call)
        if index is not None:
            self._by_index.setdefault(index, call)
        return call

    def _unnumbered(self, item: dict[str, Any], place: int) -> _Call | None:
        """Where a server sends no index: the call of that id, else the one begun last."""
        call_id = item.get("id")
        if call_id:
            same = [call for call in self.calls if call.id == call_id]
            if same:
                return same[-1]
        if place and (call_id or "function" in item):
            return self.calls[place] if place < len(self.calls) and not call_id else None
        return self.calls[-1] if self.calls else None

    def message(self) -> Message:
        """What the deltas say together: reasoning, text, the rest, calls."""
        parts: list[Part] = []
        texts: set[str] = set()
        for name, pieces in self.reasoning.items():
            text = "".join(pieces)
            if text not in texts:
                parts.append(Reasoning(text, name))
            texts.add(text)
        if self.content:
            parts.append(Text("".join(self.content)))
        parts += self.rest
        if self.refusal:
            parts.append(Other("refusal", dumps("".join(self.refusal))))
        if all(call.index is not None for call in self.calls):
            self.calls.sort(key=lambda call: call.index or 0)
        parts += [call.value() for call in self.calls]
        return Message(self.role, tuple(parts), self.role)


def _begins(item: dict[str, Any], function: dict[str, Any], before: _Call) -> bool:
    """True where a delta begins another call than `before`, whose index it has or lacks.

    It does if it brings another id, and either says something itself after a whole call, or names
    another tool. A server that invents an id for each delta says neither.
    """
    call_id, name = item.get("id"), function.get("name")
    if not call_id or not before.id or call_id == before.id:
        unnumbered = item.get("index") is None and "function" in item and not call_id
        return bool(unnumbered and name and before.complete)
    if name and before.name and name != before.name:
        return True
    return bool(name or function.get("arguments")) and before.complete


class StreamedReply:
    """Takes the events of one stream, in order."""

    def __init__(self, facts: Facts, faults: Faults) -> None:
        self.facts = facts
        self.choices: dict[int, _Choice] = {}
        self.done = False
        self.events = 0
        self._faults = faults

    def add(self, event: Event) -> None:
        """Takes one event; what it should not hold is a fault at `response.event[N]`."""
        number, self.events = self.events, self.events + 1
        if event.fault:
            self._faults.add(f"response.event[{number}]", event.fault)
        try:
            chunk = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            if event.data.strip() == DONE:
                self.done = True
                return
            chunk = self._reread(event, number)
        if event.kind == "error":
            self.facts.fail(event.data if chunk is None else chunk, in_stream=True)
        elif isinstance(chunk, dict):
            self._add_chunk(chunk, number)
        elif chunk is not None:
            where = f"response.event[{number}]"
            self._faults.add(where, f"a chunk is an object, not {kind_of(chunk)}")

    def _reread(self, event: Event, number: int) -> Any:
        where = f"response.event[{number}]"
        try:
            value, unusual = loads(event.data)
        except UnreadableJson as error:
            if event.kind not in ("error", "ping"):
                what = str(error) if event.finished else "the stream ends inside this event"
                self._faults.add(where, what)
            return None
        self._faults.add(where, unusual)
        return value

    def _add_chunk(self, chunk: dict[str, Any], number: int) -> None:
        self.facts.read(chunk)
        choices = chunk.get("choices")
        error = error_of(chunk)
        if error is not None:
            self.facts.fail(error, in_stream=True)
        if isinstance(choices, list):
            for place, choice in enumerate(choices):
                self._add_choice(choice, number, place)
        elif choices is not None:
            where = f"response.event[{number}].choices"
            self._faults.add(where, f"choices is a list, not {kind_of(choices)}")

    def _add_choice(self, value: Any, number: int, place: int) -> None:
        where = f"response.event[{number}].choices[{place}]"
        if not isinstance(value, dict):
            self._faults.add(where, f"a choice is an object, not {kind_of(value)}")
            return
        index = value.get("index", 0)
        if not isinstance(index, int):
            self._faults.add(f"{where}.index", f"an index is a number, not {kind_of(index)}")
            index = 0
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = _Choice()
        delta = value.get("delta", value.get("message"))
        if isinstance(delta, dict):
            choice.add(delta, where, self._faults)
        elif delta is not None:
            self._faults.add(f"{where}.delta", f"a delta is an object, not {kind_of(delta)}")
        reason = value.get("finish_reason")
        if isinstance(reason, str):
            choice.finish_reason = reason or choice.finish_reason
        elif reason is not None:
            what = f"a finish_reason is a string, not {kind_of(reason)}"
            self._faults.add(f"{where}.finish_reason", what)
