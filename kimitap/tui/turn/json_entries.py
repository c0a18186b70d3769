"""JSON as the entries of an outline: one line a value, what is in it made when it is unfolded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from kimitap.transcript.wording import plural
from kimitap.tui.palette import FAINT, JSON_CONSTANT, JSON_KEY, JSON_NUMBER, JSON_STRING
from kimitap.tui.turn.json_values import (
    Json,
    Members,
    Number,
    children,
    parse_text,
    pretty,
    preview,
)
from kimitap.tui.widgets.entry import Copied, Entry
from kimitap.visible import one_line, visible

_SHORT = 60
"""A string of so many characters on one line needs no unfolding."""
_LONG = 200
"""Of a longer one, its length is told."""
_STOPS = 2
"""`n` stops at the first levels: a request's fields, and each message."""
_LONGEST_KEY = 60


@dataclass(frozen=True, eq=False)
class JsonEntry:
    """A value and its name, `level` counted from the top of its JSON.

    A string that is JSON itself (a call's arguments) unfolds to what it holds.
    """

    key: str
    value: Json
    level: int = 0
    named: bool = True
    """False for an element: its key is its index."""
    column: int = 0
    """The cells of the longest index among its neighbours."""
    whole: bool = False
    """Unfolded at first, with all that is in it."""

    bare = False
    words = True
    marked = True
    body_style = JSON_STRING
    ground = Style.null()

    @property
    def unfolds(self) -> bool:
        if isinstance(self.value, list | Members):
            return bool(self.value)
        return self._is_text and (self._long or self._looks_like_json)

    @property
    def born_open(self) -> bool:
        return self.whole or (self.level == 0 and isinstance(self.value, list | Members))

    @property
    def stop(self) -> bool:
        return self.level < _STOPS

    @property
    def leveled(self) -> bool:
        return isinstance(self.value, list | Members)

    @property
    def has_body(self) -> bool:
        return self._is_text and self._long and self._held is None

    @property
    def _is_text(self) -> bool:
        return isinstance(self.value, str) and not isinstance(self.value, Number)

    @property
    def _long(self) -> bool:
        return isinstance(self.value, str) and (len(self.value) > _SHORT or "\n" in self.value)

    @property
    def _looks_like_json(self) -> bool:
        text = self.value.strip() if isinstance(self.value, str) else ""
        return len(text) > 2 and f"{text[0]}{text[-1]}" in {"{}", "[]"}

    @cached_property
    def _held(self) -> "list[Json] | Members | None":
        """What a string holds that is JSON itself."""
        if not self._is_text or not self._looks_like_json:
            return None
        value = parse_text(str(self.value)).value
        return value if isinstance(value, list | Members) and value else None

    def head(self, opened: bool, width: int) -> Sequence[Segment]:
        lead = self._lead()
        room = width - sum(cell_len(segment.text) for segment in lead)
        if isinstance(self.value, list | Members):
            return [*lead, *self._container(opened, room)]
        if not self._is_text:
            style = JSON_NUMBER if isinstance(self.value, Number) else JSON_CONSTANT
            return [*lead, Segment(preview(self.value, room), style)]
        if opened:
            return [*lead, Segment(self._size(), FAINT)]
        size = f"  {self._size()}" if len(str(self.value)) > _LONG else ""
        room -= len(size)
        said = preview(self.value, room)
        if cell_len(said) > room:
            said = preview(self.value, max(1, room // 2)) if size else said
        return [*lead, Segment(said, JSON_STRING), Segment(size, FAINT)]

    def _lead(self) -> list[Segment]:
        if not self.key:
            return []
        key = one_line(self.key, _LONGEST_KEY) or '""'
        if self.named:
            return [Segment(key, JSON_KEY), Segment(": ", FAINT)]
        return [Segment(f"{key:>{self.column}}  ", FAINT)]

    def _container(self, opened: bool, room: int) -> list[Segment]:
        if opened:
            what = "member" if isinstance(self.value, Members) else "element"
            return [Segment(plural(self._count, what), FAINT)]
        count = f"[{self._count}] " if isinstance(self.value, list) and self._count > 1 else ""
        return [Segment(count, FAINT), Segment(preview(self.value, room), FAINT)]

    @property
    def _count(self) -> int:
        return len(self.value) if isinstance(self.value, list | Members) else 0

    def _size(self) -> str:
        held = "JSON, " if self._looks_like_json else ""
        return f"{held}{plural(len(str(self.value)), 'char')}"

    def body(self) -> str:
        return visible(str(self.value)).expandtabs(4) if self._is_text else ""

    def inner(self) -> Sequence[Entry]:
        if isinstance(self.value, list | Members):
            held = self.value
            return json_entries(held, self.level + 1, whole=self.whole) if held else ()
        return json_entries(self._held, self.level + 1, whole=self.whole) if self._held else ()

    def sought(self) -> tuple[str, bool]:
        if isinstance(self.value, list | Members):
            return one_line(self.key, _LONGEST_KEY), True
        if self._is_text and self._long and not self._looks_like_json:
            return one_line(self.key, _LONGEST_KEY), True
        said = visible(str(self.value)) if self._is_text else preview(self.value, _SHORT)
        return f"{one_line(self.key, _LONGEST_KEY)}: {said}", False

    def copied(self) -> Copied:
        text = visible(str(self.value)) if self._is_text else pretty(self.value)
        name = one_line(self.key, _LONGEST_KEY)
        return Copied(text, (name if self.named else f"element {name}") or "the value")


def json_entries(value: Json, level: int = 0, *, whole: bool = False) -> list[Entry]:
    """What is in a value, an entry each; a value without members is one entry without a name."""
    if isinstance(value, list | Members) and value:
        named = isinstance(value, Members)
        column = 0 if named else len(str(len(value) - 1))
        return [
            JsonEntry(name, item, level, named, column, whole) for name, item in children(value)
        ]
    return [JsonEntry("", value, level, whole=whole)]
