"""What a turn left behind against what the next request says: (request N + reply N) → request N+1.

The histories come aligned (`Link`); this room says what differs inside each pair, and in the fields
around the messages. DeepDiff compares the structures; nothing here decides whether that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deepdiff import DeepDiff  # type: ignore[import-untyped,unused-ignore]

from kimitap.conversation import Image, Message, Other, Reasoning, ToolCall, Turn
from kimitap.lineage import Fate, Link, Mark, Pair


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; `None` where one side has no such field."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row of the aligned histories. `old_index` is None for a message that is new.

    `is_reply` marks the row of the reply that the first turn produced.
    """

    mark: Mark
    old_index: int | None
    new_index: int | None
    old: Message | None
    new: Message | None
    changes: tuple[Change, ...] = ()
    is_reply: bool = False


@dataclass(frozen=True)
class Diff:
    """Two turns compared. `settings` are differences of model, parameters and tools."""

    link: Link
    rows: tuple[DiffRow, ...]
    settings: tuple[Change, ...]

    @property
    def old(self) -> Turn:
        return self.link.parent

    @property
    def new(self) -> Turn:
        return self.link.child


def diff_link(link: Link) -> Diff:
    """Compare the history that `link.parent` left behind with the messages of `link.child`.

    A reply that came back in several messages that follow one another is compared with all of them
    together, in one row. What an agent did to it is told even where that is its way with every
    message: reasoning left out, one message made into two.
    """
    history, messages = link.history, link.child.messages
    same = [
        DiffRow(Mark.SAME, i, i, history[i], messages[i], is_reply=i == len(history) - 1)
        for i in range(link.prefix)
    ]
    split = _split(link)
    rest = [
        _reply_row(link, pair, split)
        if pair.old == len(history) - 1 and pair.new is not None
        else DiffRow(
            pair.mark,
            pair.old,
            pair.new,
            old := history[pair.old] if pair.old is not None else None,
            new := messages[pair.new] if pair.new is not None else None,
            changes_of(old, new) if old and new else (),
            pair.old == len(history) - 1,
        )
        for pair in link.pairs
        if pair.old is not None or pair.new not in split[1:]
    ]
    return Diff(link, (*same, *rest), _settings(link.parent, link.child))


def _split(link: Link) -> tuple[int, ...]:
    """The messages that stand for the reply and follow one another."""
    slot = link.echo.slot
    return tuple(index for i, index in enumerate(slot) if index == slot[0] + i)


def _reply_row(link: Link, pair: Pair, split: tuple[int, ...]) -> DiffRow:
    reply, messages = link.history[-1], link.child.messages
    at = pair.new if pair.new is not None else link.echo.place
    new = messages[at]
    changes: tuple[Change, ...] = ()
    if len(split) > 1 and at == split[0]:
        parts = tuple(part for index in split for part in messages[index].parts)
        new = replace(new, parts=parts)
        changes = (Change("messages", "1", f"{len(split)} ({split[0]} to {split[-1]})"),)
    changes += changes_of(reply, new)
    lost = link.echo.reasoning in (Fate.GONE, Fate.CHANGED)
    told = Mark.CHANGED if pair.mark is Mark.SAME and (lost or len(split) > 1) else pair.mark
    return DiffRow(told, pair.old, at, reply, new, changes, True)


def changes_of(old: Message, new: Message) -> tuple[Change, ...]:
    """The fields that differ between two forms of one message, in the order of the message."""
    before, after = _as_fields(old), _as_fields(new)
    return _compare(before, after)


def _as_fields(message: Message) -> dict[str, str]:
    """A message as a flat mapping of field names to text, so that each difference has a name."""
    fields = {"role": message.role}
    if message.reasoning:
        fields["reasoning"] = message.reasoning
    signed = [p.signature for p in message.parts if isinstance(p, Reasoning) and p.signature]
    if signed:
        fields["reasoning.signature"] = " ".join(signed)
    if message.text:
        fields["text"] = message.text
    for i, call in enumerate(message.tool_calls):
        fields |= _call_fields(f"tool_calls[{i}]", call)
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


def _settings(old: Turn, new: Turn) -> tuple[Change, ...]:
    return _compare(_setting_fields(old), _setting_fields(new))


def _setting_fields(turn: Turn) -> dict[str, object]:
    tools = {tool.name: tool.json for tool in turn.tools}
    return {**turn.parameters, "model": turn.model, "stream": turn.stream, "tools": tools}


def _compare(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[Change, ...]:
    """The leaves at which two mappings differ, by path, in the order of DeepDiff's paths."""
    found = DeepDiff(old, new, verbose_level=2, view="tree", threshold_to_diff_deeper=0)
    changes = [
        Change(_path(level), _shown(level.t1), _shown(level.t2))
        for kind in found
        for level in found[kind]
    ]
    order = {name: i for i, name in enumerate(dict.fromkeys([*old, *new]))}
    return tuple(sorted(changes, key=lambda c: (_rank(c.field, order), c.field)))


def _rank(field: str, order: Mapping[str, int]) -> int:
    """A path's place in the message: that of the whole path, else of its first name."""
    return order.get(field, order.get(field.split(".")[0], len(order)))


def _path(level: object) -> str:
    keys = level.path(output_format="list")  # type: ignore[attr-defined]
    return ".".join(str(key) for key in keys)


def _shown(value: object) -> str | None:
    if type(value).__name__ == "NotPresent":
        return None
    return value if isinstance(value, str) else repr(value)
