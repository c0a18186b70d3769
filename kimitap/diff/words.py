"""Where two threads part, in words. What was recorded is on one line and cannot act.

`mask` takes out what must not be told (for a report, secrets), before anything is cut.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from kimitap.beginnings import shared_prefix
from kimitap.conversation import Message, ToolCall, Turn
from kimitap.diff.comparison import ThreadPair, TurnPair
from kimitap.diff.link import DiffRow
from kimitap.lineage import Mark
from kimitap.visible import one_line

_SAID = 60
_BEFORE = 20
"""Characters before a difference that are quoted with it."""


_NOTHING = "nothing more"

Mask = Callable[[str], str]


def parting(threads: ThreadPair, mask: Mask = str) -> str:
    """A sentence or two: up to where two threads are the same, and what each does there."""
    at, turns = threads.parts_at, threads.turns
    old, new = threads.old or "the first", threads.new or "the second"
    if bool(threads.old) is not bool(threads.new):
        lone = threads.old or threads.new
        return f"Nothing stands for {lone} ({_plural(len(turns), 'turn')})."
    if at is None:
        count = f"all {len(turns)} turns" if len(turns) > 1 else "the one turn"
        return f"The same in {count}.{_settings(turns, mask)}"
    pair = turns[at]
    where = f"The same up to turn {at + 1}, where" if at else "Different from turn 1 on, where"
    if pair.old is None or pair.new is None:
        goes = sum(turn.mark is pair.mark for turn in turns[at:])
        longer = new if pair.old is None else old
        rest = goes == len(turns) - at
        what = f"goes on alone for {_plural(goes, 'turn')}" if rest else "has a turn of its own"
        return f"{where} {longer} {what}{_number(pair.old or pair.new)}.{_settings(turns, mask)}"
    return f"{where} {_parting(pair, old, new, mask)}.{_settings(turns, mask)}"


def _parting(pair: TurnPair, old: str, new: str, mask: Mask) -> str:
    assert pair.old is not None and pair.new is not None
    numbers = _number(pair.old), _number(pair.new)
    if "request" in pair.differs:
        one, other = _told(pair, mask)
        return f"{old} is told {one}{numbers[0]}, {new} {other}{numbers[1]}"
    calls = pair.old.reply.message.tool_calls, pair.new.reply.message.tool_calls
    if calls[0] and _means(calls[0]) == _means(calls[1]):
        same_order = [c.stands_for for c in calls[0]] == [c.stands_for for c in calls[1]]
        how = "with other words" if same_order else "in another order"
        return f"{old}{numbers[0]} and {new}{numbers[1]} call the same tools {how}"
    one, other = (doing(turn.reply.message, mask) for turn in (pair.old, pair.new))
    return f"{old} {one}{numbers[0]}, {new} {other}{numbers[1]}"


def doing(reply: Message, mask: Mask = str) -> str:
    """What a reply does, as a verb and its object: `calls read_file({"path":"a"})`."""
    if reply.tool_calls:
        named = [_call(call, mask) for call in reply.tool_calls[:3]]
        more = len(reply.tool_calls) - len(named)
        return f"calls {', '.join(named)}{f' and {more} more' if more else ''}"
    if reply.text.strip():
        return f"says {_quoted(mask(reply.text))}"
    return "thinks and says nothing" if reply.reasoning.strip() else "says nothing"


def _call(call: ToolCall, mask: Mask) -> str:
    return one_line(mask(f"{call.name}({call.arguments})"), _SAID)


def _quoted(text: str) -> str:
    return f'"{one_line(text, _SAID)}"'


def _told(pair: TurnPair, mask: Mask) -> tuple[str, str]:
    """On each side, the first of the turn's own messages that is not the same on the other."""
    diff = pair.diff()
    said = [row for row in diff.rows[diff.earlier :] if not row.is_reply]
    rows = [row for row in said if row.mark is not Mark.SAME and not _is_system(row)]
    old = next((row for row in rows if row.old is not None), None)
    new = next((row for row in rows if row.new is not None), None)
    return (
        _quote(old.old, old.new, mask) if old else _NOTHING,
        _quote(new.new, new.old, mask) if new else _NOTHING,
    )


def _quote(message: Message | None, other: Message | None, mask: Mask) -> str:
    """A message from where it differs from the other form of it, if there is one."""
    if message is None:
        return _NOTHING
    if message.blank:
        return f"a blank {one_line(message.role, 20)} message"
    if not message.text.strip():
        return doing(message, mask).replace("calls", "of", 1)
    text = mask(message.text)
    begin = shared_prefix(text, mask(other.text)) - _BEFORE if other else 0
    return f'"…{one_line(text[begin:], _SAID)}"' if begin > 0 else _quoted(text)


def _is_system(row: DiffRow) -> bool:
    return any(m is not None and m.role == "system" for m in (row.old, row.new))


def _means(calls: Sequence[ToolCall]) -> Counter[tuple[str, str]]:
    return Counter(call.stands_for for call in calls)


def _settings(turns: Sequence[TurnPair], mask: Mask) -> str:
    differs = {what for turn in turns for what in turn.differs}
    if not {"settings", "system"} & differs:
        return ""
    pair = next(t for t in turns if {"settings", "system"} & set(t.differs))
    if pair.old and pair.new and pair.old.model != pair.new.model:
        one, other = (one_line(mask(turn.model), 40) for turn in (pair.old, pair.new))
        return f" Models: {one} and {other}."
    words = [w for w in ("settings", "system") if w in differs]
    named = {"settings": "settings (parameters, tools)", "system": "system prompts"}
    return f" Their {' and '.join(named[w] for w in words)} differ."


def _number(turn: Turn | None) -> str:
    return f" (#{turn.exchange})" if turn else ""


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
