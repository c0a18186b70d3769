"""What differs between two forms of one message, or in the fields around the messages, by name.

DeepDiff compares structures (parameters, tools); the fields of a message are few and flat.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from deepdiff import DeepDiff  # type: ignore[import-untyped,unused-ignore]

from kimitap.conversation import Image, Message, Other, Reasoning, ToolCall, Turn


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; `None` where one side has no such field."""

    field: str
    old: str | None
    new: str | None


def changes_of(old: Message, new: Message) -> tuple[Change, ...]:
    """The fields that differ between two forms of one message, in the order of the message.

    A call is compared with the call that stands for it, wherever that stands: `tool_calls[0]` is
    the old message's first, `tool_calls[+1]` a new call, the new message's second. Where the same
    calls stand in another order, `tool_calls` tells it.
    """
    if old is new or old == new:
        return ()
    pairs = paired_calls(old.tool_calls, new.tool_calls)
    before, after = _as_fields(old), _as_fields(new)
    for p, q in pairs:
        name = f"tool_calls[{p}]" if p is not None else f"tool_calls[+{q}]"
        before |= _call_fields(name, old.tool_calls[p]) if p is not None else {}
        after |= _call_fields(name, new.tool_calls[q]) if q is not None else {}
    kept = [(p, q) for p, q in pairs if p is not None and q is not None]
    if kept != sorted(kept, key=lambda pair: pair[1]):
        before["tool_calls"] = ", ".join(str(p) for p, _ in kept)
        after["tool_calls"] = ", ".join(str(q) for _, q in kept)
    before |= _last_fields(old)
    after |= _last_fields(new)
    names = sorted(dict.fromkeys([*before, *after]), key=_place)
    found = (Change(name, before.get(name), after.get(name)) for name in names)
    return tuple(change for change in found if change.old != change.new)


_ORDER = ("role", "reasoning", "text", "tool_calls", "tool_results", "parts")


def _place(name: str) -> int:
    """Where a field stands in a message; fields of one kind stay as they are."""
    return next((i for i, kind in enumerate(_ORDER) if name.startswith(kind)), len(_ORDER))


def paired_calls(
    old: Iterable[ToolCall], new: Iterable[ToolCall]
) -> list[tuple[int | None, int | None]]:
    """Which call stands for which: the same call, else the same id, else the same name, else place.

    The old ones in their order, then those that are new.
    """
    left, right = dict(enumerate(old)), dict(enumerate(new))
    found: dict[int, int] = {}
    for same in (_one_call, _one_id, _one_name):
        for p, one in left.items():
            taken = set(found.values())
            q = next((q for q, c in right.items() if q not in taken and same(one, c)), None)
            if p not in found and q is not None:
                found[p] = q
    free = [q for q in right if q not in found.values()]
    for p in left:
        if p not in found and free:
            found[p] = free.pop(0)
    return [*((p, found.get(p)) for p in left), *((None, q) for q in free)]


def _one_call(one: ToolCall, other: ToolCall) -> bool:
    return one.stands_for == other.stands_for


def _one_id(one: ToolCall, other: ToolCall) -> bool:
    return bool(one.id) and one.id == other.id


def _one_name(one: ToolCall, other: ToolCall) -> bool:
    return one.name == other.name


def _as_fields(message: Message) -> dict[str, str]:
    """A message up to its calls as a mapping of field names to text."""
    fields = {"role": message.role}
    if message.reasoning:
        fields["reasoning"] = message.reasoning
    signed = [p.signature for p in message.parts if isinstance(p, Reasoning) and p.signature]
    if signed:
        fields["reasoning.signature"] = " ".join(signed)
    if message.text:
        fields["text"] = message.text
    return fields


def _last_fields(message: Message) -> dict[str, str]:
    """What follows the calls."""
    fields = {}
    for i, result in enumerate(message.tool_results):
        fields[f"tool_results[{i}].id"] = _shown_id(result.call_id)
        if result.failed:
            fields[f"tool_results[{i}].failed"] = "true"
    for i, part in enumerate(p for p in message.parts if isinstance(p, Image | Other)):
        fields[f"parts[{i}]"] = part.digest if isinstance(part, Image) else part.json
    return fields


def _call_fields(at: str, call: ToolCall) -> dict[str, str]:
    return {
        f"{at}.id": _shown_id(call.id),
        f"{at}.name": call.name,
        f"{at}.arguments": call.arguments,
    }


def _shown_id(identifier: str | None) -> str:
    return "(no id)" if identifier is None else identifier or '""'


def settings_of(old: Turn, new: Turn) -> tuple[Change, ...]:
    """The differences of model, parameters and tools, each at its path."""
    return _leaves(_setting_fields(old), _setting_fields(new))


def _setting_fields(turn: Turn) -> dict[str, object]:
    tools = {tool.name: tool.json for tool in turn.tools}
    return {**turn.parameters, "model": turn.model, "stream": turn.stream, "tools": tools}


class _Level(Protocol):
    """DeepDiff's word for two values at one path."""

    t1: object
    t2: object

    def path(self, *, output_format: str) -> list[object]: ...


class _Found(Protocol):
    """What DeepDiff found so far."""

    def custom_report_result(self, report_type: str, level: _Level) -> None: ...


class _Texts:
    """Has DeepDiff take texts as they are: it would compare their lines too, at any cost."""

    def match(self, level: _Level) -> bool:
        return isinstance(level.t1, str) and isinstance(level.t2, str)

    def give_up_diffing(self, level: _Level, diff_instance: _Found) -> bool:
        if level.t1 != level.t2:
            diff_instance.custom_report_result("values_changed", level)
        return True


def _leaves(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[Change, ...]:
    """The leaves at which two mappings differ, by path, in the order of the mappings."""
    found = DeepDiff(
        old,
        new,
        verbose_level=2,
        view="tree",
        threshold_to_diff_deeper=0,
        custom_operators=[_Texts()],
    )
    order = {name: i for i, name in enumerate(dict.fromkeys([*old, *new]))}
    return tuple(sorted(_changes(found), key=lambda c: (_rank(c.field, order), c.field)))


def _changes(found: Mapping[str, Iterable[_Level]]) -> Iterator[Change]:
    for levels in found.values():
        for level in levels:
            path = ".".join(str(key) for key in level.path(output_format="list"))
            yield Change(path, _shown(level.t1), _shown(level.t2))


def _rank(field: str, order: Mapping[str, int]) -> int:
    """A path's place: that of the whole path, else of its first name."""
    return order.get(field, order.get(field.split(".")[0], len(order)))


def _shown(value: object) -> str | None:
    if type(value).__name__ == "NotPresent":
        return None
    return value if isinstance(value, str) else repr(value)
