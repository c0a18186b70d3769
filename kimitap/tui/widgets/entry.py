"""One entry of an outline: a line, the text below it, and the entries below that."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from rich.segment import Segment
from rich.style import Style

from kimitap.tui.palette import NORMAL

MOST_HITS = 100_000
"""A search ends at so many hits."""

_CLEAR = Style.null()

Path = tuple[int, ...]
"""Where an entry stands: its index among the roots, in that one its index, and so on."""


class Hit(NamedTuple):
    """Where a search hits: an entry, and an offset in its text; -1 is its line."""

    path: Path
    offset: int


class Copied(NamedTuple):
    """A text for the clipboard, and in a word or two what it is."""

    text: str
    what: str


class Entry(Protocol):
    """What an outline asks of an entry. All text is clean, its tabs expanded."""

    @property
    def unfolds(self) -> bool:
        """True where there is more than the line."""
        ...

    @property
    def born_open(self) -> bool:
        """True where it is unfolded at first."""
        ...

    @property
    def bare(self) -> bool:
        """True for a text without a line of its own, which is always shown."""
        ...

    @property
    def stop(self) -> bool:
        """True where `n` stops."""
        ...

    @property
    def leveled(self) -> bool:
        """True where it is folded and unfolded with all others of its level."""
        ...

    @property
    def marked(self) -> bool:
        """True where room is left for a fold's mark though it does not unfold."""
        ...

    @property
    def has_body(self) -> bool:
        """True where unfolding shows a text of its own."""
        ...

    @property
    def words(self) -> bool:
        """True where the text is wrapped between words."""
        ...

    @property
    def body_style(self) -> Style | None:
        """How the text looks, if not as usual."""
        ...

    @property
    def ground(self) -> Style:
        """What is behind it, from edge to edge."""
        ...

    def head(self, opened: bool, width: int) -> Sequence[Segment]:
        """Its line; what is wider than `width` cells is cut."""
        ...

    def body(self) -> str:
        """Its text: what is shown below the line, or, where it does not unfold, stands in it."""
        ...

    def inner(self) -> Sequence["Entry"]:
        """The entries in it, made anew at each call."""
        ...

    def sought(self) -> tuple[str, bool]:
        """What a search finds at its line; and whether it looks into its text and what is in it.

        False where these only say again what was found at the line.
        """
        ...

    def copied(self) -> Copied:
        """What is copied of it."""
        ...


@dataclass(frozen=True, eq=False)
class Item:
    """An entry of given parts: `label` is its line, `text` what unfolds, `parts` what is in it."""

    label: Sequence[Segment] = ()
    text: str = ""
    parts: Sequence[Entry] | Callable[[], Sequence[Entry]] = ()
    born_open: bool = True
    bare: bool = False
    stop: bool = False
    leveled: bool = True
    marked: bool = True
    words: bool = True
    body_style: Style | None = None
    ground: Style = _CLEAR
    copy: Copied | Callable[[], Copied] | None = None
    aside: Sequence[Segment] = ()
    """Stands at the right edge, where there is room."""
    rest: Callable[[int], Sequence[Segment]] | None = None
    """Paints what follows the label, in the cells that are left."""

    @property
    def unfolds(self) -> bool:
        return not self.bare and bool(self.text or self.parts)

    @property
    def has_body(self) -> bool:
        return bool(self.text)

    def head(self, opened: bool, width: int) -> Sequence[Segment]:
        if self.rest is not None:
            taken = sum(segment.cell_length for segment in self.label)
            return (*self.label, *self.rest(max(0, width - taken)))
        if not self.aside:
            return self.label
        gap = width - sum(s.cell_length for s in (*self.label, *self.aside))
        return (*self.label, Segment(" " * gap), *self.aside) if gap > 1 else self.label

    def body(self) -> str:
        return self.text

    def inner(self) -> Sequence[Entry]:
        return self.parts() if callable(self.parts) else self.parts

    def sought(self) -> tuple[str, bool]:
        return "".join(segment.text for segment in (*self.label, *self.aside)), True

    def copied(self) -> Copied:
        if self.copy is not None:
            return self.copy() if callable(self.copy) else self.copy
        said = "".join(segment.text for segment in self.label).strip()
        return Copied(self.text or said, "this text" if self.text else "this line")


class Late:
    """An entry that unfolds and is made when it is first looked at: there may be thousands."""

    unfolds = leveled = marked = stop = words = True
    bare = has_body = False
    body_style: Style | None = None
    ground = _CLEAR

    def __init__(self, make: Callable[[], Item], born_open: bool = False) -> None:
        self._make = make
        self.born_open = born_open

    @cached_property
    def _item(self) -> Item:
        return self._make()

    def head(self, opened: bool, width: int) -> Sequence[Segment]:
        return self._item.head(opened, width)

    def body(self) -> str:
        return ""

    def inner(self) -> Sequence[Entry]:
        return self._item.inner()

    def sought(self) -> tuple[str, bool]:
        return self._item.sought()

    def copied(self) -> Copied:
        return self._item.copied()


def note(text: str, style: Style = NORMAL, *, stop: bool = False) -> Item:
    """A remark on a line of its own."""
    return Item((Segment(text, style),), stop=stop, marked=False)


def outline_text(roots: Sequence[Entry]) -> str:
    """All of it unfolded, for a file."""
    lines = []
    for path, entry in walk(roots):
        indent = "  " * (len(path) - 1)
        if not entry.bare:
            lines.append(f"{indent}{entry.sought()[0]}".rstrip())
        if entry.bare or entry.has_body:
            below = indent if entry.bare else f"{indent}  "
            lines += [f"{below}{line}".rstrip() for line in entry.body().split("\n")]
    return "\n".join(lines) + "\n"


def find(roots: Sequence[Entry], pattern: re.Pattern[str]) -> list[Hit]:
    """Where the pattern stands, top to bottom, in what is folded too."""
    hits: list[Hit] = []
    for path, entry in walk(roots):
        line, deep = entry.sought()
        if pattern.search(line):
            hits.append(Hit(path, -1))
        if deep and (entry.bare or entry.has_body):
            hits.extend(Hit(path, found.start()) for found in pattern.finditer(entry.body()))
        if len(hits) > MOST_HITS:
            break
    return hits[:MOST_HITS]


def walk(roots: Sequence[Entry]) -> Iterator[tuple[Path, Entry]]:
    """All entries, top to bottom, but what only says again what its line says."""
    stack: list[tuple[Path, Entry]] = [((i,), e) for i, e in enumerate(roots)]
    stack.reverse()
    while stack:
        path, entry = stack.pop()
        yield path, entry
        if entry.sought()[1]:
            inner = entry.inner()
            stack.extend(((*path, i), inner[i]) for i in range(len(inner) - 1, -1, -1))
