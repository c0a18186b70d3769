"""Puts streamed tool calls together from their deltas, by index where the server sends one.

Servers differ: some send no index, some an empty id or the name again in later deltas, some begin a
second call at the first one's index. Ids say little, since Kimi's repeat even within one reply.
"""

from typing import Any

from kimitap.conversation import ToolCall
from kimitap.dialects.chat_message import arguments_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.growing import Growing
from kimitap.dialects.jsonread import kind_of
from kimitap.dialects.runs import Grown


class _Call:
    """A call under assembly. Of id and name the first non-empty value counts."""

    __slots__ = ("arguments", "free", "id", "index", "name", "other_ids", "typed")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.name = ""
        self.arguments = Growing()
        self.typed = True
        self.free = False
        self.other_ids: tuple[str, ...] = ()

    def add(self, call_id: str | None, name: Any, arguments: Any) -> None:
        if call_id is not None and not self.id:
            self.id = call_id
        elif call_id and call_id not in (self.id, *self.other_ids) and len(self.other_ids) < 4:
            self.other_ids += (call_id,)
        if not self.name and isinstance(name, str):
            self.name = name
        if arguments is not None:
            text, typed = arguments_of(arguments)
            self.arguments.parts.append(text)
            self.typed = self.typed and typed

    @property
    def value(self) -> ToolCall:
        return ToolCall(
            self.name,
            self.arguments.text,
            self.id,
            self.typed,
            self.free,
            index=self.index,
            other_ids=self.other_ids,
        )

    @property
    def complete(self) -> bool:
        """The arguments so far are whole JSON: what follows them may be another call."""
        return self.arguments.whole


class Calls:
    """The tool calls of one reply."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        """The call begun last at each index."""
        self._of: dict[str, _Call] = {}
        """The last call of each id."""

    def add(self, deltas: Any, where: object, faults: Faults) -> None:
        """Takes the `tool_calls` of one delta. `where` is the path of its choice."""
        if not isinstance(deltas, list):
            what = f"tool_calls is a list, not {kind_of(deltas)}"
            faults.add(f"{where}.delta.tool_calls", what)
            return
        for place, delta in enumerate(deltas):
            if isinstance(delta, dict):
                self._add(delta, place, where, faults)
            else:
                what = f"a call is an object, not {kind_of(delta)}"
                faults.add(f"{where}.delta.tool_calls[{place}]", what)

    def grown(self, deltas: Any) -> Grown | None:
        """The text to which deltas that were taken added letters, if they did nothing else."""
        match deltas:
            case [{"index": int() as index, "function": {"arguments": str(), **named}, **more}] if (
                not named and not more
            ):
                return Grown("arguments", self._at[index].arguments.parts)
            case _:
                return None

    def add_function(self, function: Any, where: object, faults: Faults) -> None:
        """Takes the older `function_call`, of which a reply has one."""
        if not isinstance(function, dict):
            what = f"a call is an object, not {kind_of(function)}"
            faults.add(f"{where}.delta.function_call", what)
            return
        if not any(function.values()):
            return
        if not self._calls:
            self._calls.append(_Call(None))
        self._calls[0].add(None, function.get("name"), function.get("arguments"))

    def values(self) -> list[ToolCall]:
        """The calls, by index; in the order they began where an index is missing."""
        calls = self._calls
        if all(call.index is not None for call in calls):
            calls = sorted(calls, key=lambda call: call.index or 0)
        return [call.value for call in calls]

    def _add(self, delta: dict[str, Any], place: int, where: object, faults: Faults) -> None:
        function = delta.get("function") or delta.get("custom") or {}
        if not isinstance(function, dict):
            what = f"a function is an object, not {kind_of(function)}"
            faults.add(f"{where}.delta.tool_calls[{place}].function", what)
            function = {}
        index = delta.get("index")
        if index is not None and type(index) is not int:
            what = f"an index is a number, not {kind_of(index)}"
            faults.add(f"{where}.delta.tool_calls[{place}].index", what)
            index = None
        call_id = delta.get("id")
        if call_id is not None and not isinstance(call_id, str):
            call_id = faults.id(delta, "id", f"{where}.delta.tool_calls[{place}]")
        call = self._call(index, call_id, function, place)
        if call is None:
            call = self._begin(index, f"{where}.delta.tool_calls[{place}].index", faults)
        call.free = call.free or (not delta.get("function") and bool(delta.get("custom")))
        nameless = not call.id
        call.add(call_id, function.get("name"), function.get("arguments", function.get("input")))
        if nameless and call.id:
            self._of[call.id] = call

    def _begin(self, index: int | None, where: str, faults: Faults) -> _Call:
        call = _Call(index)
        self._calls.append(call)
        if index is not None:
            taken = self._at.get(index)
            if taken is not None:
                faults.add(where, f"index {index} was already the call {taken.id!r}")
            self._at[index] = call
        return call

    def _call(
        self, index: int | None, call_id: str | None, function: dict[str, Any], place: int
    ) -> _Call | None:
        """The call that a delta continues; None where it begins one."""
        if index is not None:
            before = self._at.get(index)
            return before if before and not _begins(before, call_id, function) else None
        return self._unnumbered(call_id, function, place)

    def _unnumbered(
        self, call_id: str | None, function: dict[str, Any], place: int
    ) -> _Call | None:
        """Without an index: the last call of that id, else the last call at all.

        A name and arguments after a whole call begin another, the same id or not. In one delta
        several calls stand side by side, so that a name after the first place begins one too.
        """
        named = bool(function.get("name"))
        same = self._of.get(call_id) if call_id else None
        if same is not None:
            again = named and function.get("arguments") and same.complete
            return None if again else same
        if not self._calls or (place and named):
            return None
        before = self._calls[-1]
        if _begins(before, call_id, function) or (named and before.complete):
            return None
        return before


def _begins(before: _Call, call_id: str | None, function: dict[str, Any]) -> bool:
    """True where a delta at the index of `before` begins another call.

    Another id does, if the delta also names another tool or says something after a whole call (a
    server that invents an id for each delta does neither); without a telling id another tool's name
    after a whole call does.
    """
    name = function.get("name")
    other_name = bool(name and before.name and name != before.name)
    if call_id and before.id:
        if call_id == before.id:
            return False
        says = bool(name or function.get("arguments"))
        return other_name or (says and before.complete)
    return other_name and before.complete
