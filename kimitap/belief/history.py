"""Roo Code's `api_conversation_history.json` (Cline and Kilo Code keep the same) → messages.

A list of Anthropic messages with fields of Roo's own. What it condensed or truncated stays in the
file under a mark (`condenseParent`, `truncationParent`), and is not sent any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kimitap.conversation import Fault, Message
from kimitap.dialects.anthropic_message import messages_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, loads
from kimitap.errors import CaptureError

LARGEST = 1 << 30
"""Bytes of a history that is read."""
_PUT_AWAY = ("condenseParent", "truncationParent")
_THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking", "thoughtSignature"})
"""Blocks of thought, which the client may keep and not send: they tell no turn from another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that the client holds. `index` is its entry's in the file, from 0, which may be
    several messages; `put_away` where the client keeps it but sends a summary instead."""

    index: int
    message: Message
    put_away: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """A client's history, and what of the file could not be read."""

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()


def read_history(path: Path) -> History:
    """The history in a file; raises `CaptureError` where it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise CaptureError(f"{path} is larger than 1 GiB: no history of a task is")
    try:
        value: object = loads(data)[0]
    except UnreadableJson as error:
        raise CaptureError(f"{path} is {error}: say the client's history") from error
    if not isinstance(value, list) or not any(_is_entry(item) for item in value):
        raise CaptureError(
            f"{path} is no client's history: that is a list of messages with role and content, "
            "such as Roo Code's api_conversation_history.json"
        )
    return history_of(value)


def history_of(items: list[object]) -> History:
    """The history in a file's list; what is no message of it becomes a fault."""
    faults = Faults()
    entries: list[Entry] = []
    for index, item in enumerate(items):
        if _is_thought(item):
            continue
        put_away = isinstance(item, Mapping) and any(item.get(name) for name in _PUT_AWAY)
        if not _is_entry(item):
            faults.add(f"[{index}]", "no message with role and content")
            continue
        for message in messages_of(_without_thoughts(item), f"[{index}]", faults):
            entries.append(Entry(index, message, put_away))
    return History(tuple(entries), faults.told())


def _without_thoughts(item: object) -> object:
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(content, list):
        return item
    kept = [b for b in content if not (isinstance(b, dict) and b.get("type") in _THOUGHTS)]
    return {**item, "content": kept}


def _is_entry(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("role"), str) and "content" in item


def _is_thought(item: object) -> bool:
    """An encrypted thought of OpenAI's, which Roo keeps as an entry of its own."""
    return isinstance(item, dict) and item.get("type") == "reasoning"
