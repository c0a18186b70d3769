"""Bars made of block glyphs: turns on columns, values on rows. Nothing here knows what it draws."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.style import Style

EIGHTHS = "▁▂▃▄▅▆▇█"
WIDEST = 10
"""Cells of a bar, its gap included, where there is room for more."""

Cell = tuple[str, Style]
"""A glyph and its style."""
EMPTY: Cell = (" ", Style.null())


@dataclass(frozen=True, slots=True)
class Fill:
    """How a part of a bar looks: glyphs from low to full. One glyph fills whole cells only."""

    glyphs: str
    style: Style


@dataclass(frozen=True, slots=True)
class Axis:
    """`count` things side by side in `width` cells: `each` of them a column of `cells` cells."""

    count: int
    width: int
    each: int
    cells: int

    @classmethod
    def fitting(cls, count: int, width: int) -> "Axis":
        """As wide as there is room for; several things share a column where there are too many."""
        width = max(1, width)
        each = max(1, -(-count // width))
        columns = max(1, -(-count // each))
        return cls(count, width, each, max(1, min(WIDEST, width // columns)))

    @property
    def columns(self) -> int:
        return -(-self.count // self.each)

    def column(self, thing: int) -> int:
        """The column in which a thing stands."""
        return thing // self.each

    def things(self, column: int) -> range:
        """The things that share a column."""
        return range(column * self.each, min(self.count, (column + 1) * self.each))

    def column_at(self, cell: int) -> int | None:
        """The column whose cells hold `cell`; None where there is none."""
        at = cell // self.cells
        return at if 0 <= at < self.columns else None

    def wide(self, glyph: str, *, thin: bool = False) -> str:
        """A glyph as wide as a bar, with the gap to the next one; `thin`: the glyph once."""
        return f"{glyph * (1 if thin else max(1, self.cells - 1)):<{self.cells}}"


def bar(parts: Iterable[tuple[float, Fill]], top: float, height: int) -> list[Cell]:
    """A bar of parts, one on the other, as `height` cells from the bottom up; `top` fills them all.

    What is greater than nothing is seen: at least the lowest glyph of its first part; and so is
    each part of half a cell or more.
    """
    stack = [(value / top * height, fill) for value, fill in parts if value > 0] if top > 0 else []
    total = min(float(height), sum(value for value, _ in stack))
    if not stack or height < 1:
        return [EMPTY] * max(0, height)
    cells = [_cell(stack, at, total) for at in range(height)]
    if cells[0] == EMPTY:
        cells[0] = (stack[0][1].glyphs[0], stack[0][1].style)
    _show_each(stack, cells)
    return cells


def _show_each(stack: Sequence[tuple[float, Fill]], cells: list[Cell]) -> None:
    """Give a part that falls between two cells the one where its middle is."""
    highest = max(at for at, cell in enumerate(cells) if cell != EMPTY)
    seen, reached = {style for _, style in cells}, 0.0
    for value, fill in stack:
        if value >= 0.5 and fill.style not in seen:
            cells[min(highest, int(reached + value / 2))] = (fill.glyphs[-1], fill.style)
        reached += value


def _cell(stack: Sequence[tuple[float, Fill]], at: int, total: float) -> Cell:
    """The cell between the heights `at` and `at + 1` of a bar that ends at `total`."""
    share = min(1.0, total - at)
    if share <= 0:
        return EMPTY
    fill = _fill_at(stack, at + share / 2)
    step = round(share * len(fill.glyphs))
    return (fill.glyphs[step - 1], fill.style) if step else EMPTY


def _fill_at(stack: Sequence[tuple[float, Fill]], height: float) -> Fill:
    reached = 0.0
    for value, fill in stack:
        reached += value
        if height < reached:
            return fill
    return stack[-1][1]


def runs(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Neighbours of one style joined into one text."""
    text, style = "", Style.null()
    for glyph, its in cells:
        if its is not style and its != style:
            if text:
                yield text, style
            text, style = "", its
        text += glyph
    if text:
        yield text, style


def ticks(axis: Axis, names: Sequence[str]) -> str:
    """The names of some things below their columns, as many as fit with two cells between them."""
    line, free = "", 0
    for column in range(axis.columns):
        at, name = column * axis.cells, names[column * axis.each]
        if at >= free and at + len(name) <= axis.width:
            line = f"{line:<{at}}{name}"
            free = at + len(name) + 2
    return f"{line:<{axis.width}}"


def pointed(line: str, at: int, name: str) -> tuple[str, int]:
    """`line` with `name` over it near the cell `at`, and the cell where that begins."""
    begin = max(0, min(at, len(line) - len(name)))
    before = line[:begin]
    if before and before[-1] != " ":  # a number that is cut in two would be another number
        cut = before.rfind(" ") + 1
        before = before[:cut] + " " * (begin - cut)
    rest = line[begin + len(name) :]
    if rest and rest[0] != " ":
        gone = len(rest) - len(rest.lstrip("0123456789"))
        rest = " " * gone + rest[gone:]
    return before + name + rest, begin
