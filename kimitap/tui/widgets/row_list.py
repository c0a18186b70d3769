"""A list of rows that are values, and the screen that filters and folds them."""

from collections.abc import Callable, Sequence
from typing import Protocol

from kimitap.transcript.query import terms
from kimitap.tui.conversation.reading import ring
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.view_screen import ViewScreen
from kimitap.tui.widgets.virtual_list import VirtualList


class Folding(Protocol):
    """A row that may have others below it: `folds` says so, `opened` whether they are shown."""

    @property
    def folds(self) -> bool: ...
    @property
    def opened(self) -> bool: ...


class RowList[Row](VirtualList):
    """Rows that are replaced while the reader stands on one of them."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()

    @property
    def current(self) -> Row | None:
        """The row at the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def put(
        self, rows: Sequence[Row], find: Callable[[Row], int | None], to: Row | None = None
    ) -> None:
        """Show these rows at the place where the reader was; `find` says where a row is now.

        The cursor goes to the row `to`, as far down the screen as it was; else, and where that is
        nowhere, it stays on its row; where that is gone too, on its line.
        """
        top = self.scroll_offset.y
        first = find(self.rows[top]) if top < len(self.rows) else None
        wanted = (find(row) for row in (to, self.current) if row is not None)
        cursor = next((at for at in wanted if at is not None), self.cursor)
        self.rows = rows
        self.show(len(rows), cursor=cursor, top=self.top_with(cursor, first, self.down))
        if to is not None:
            self.reveal()


class ListScreen[Row: Folding](ViewScreen):
    """A list with heads that fold, a filter, and a title that says what is shown.

    A subclass composes a `FilterField` and its list, and says what is filtered and folded.
    """

    HEAD = "head"
    """What a head stands for, in a word."""
    HINT = ""
    """What can be typed into the filter."""

    @property
    def list(self) -> RowList[Row]:
        raise NotImplementedError

    @property
    def words(self) -> tuple[str, ...]:
        """What the filter asks for."""
        raise NotImplementedError

    @property
    def filtered(self) -> bool:
        """True where something is kept back."""
        return bool(self.words)

    def keep(self, words: tuple[str, ...]) -> None:
        """List only what has these words."""
        raise NotImplementedError

    def drop_filter(self) -> None:
        """List all there is."""
        self.keep(())

    def turn(self, row: Row) -> None:
        """Fold or unfold a row."""
        raise NotImplementedError

    def is_head(self, row: Row) -> bool:
        """True where others stand below it."""
        return row.folds

    @property
    def current(self) -> Row | None:
        """The row at the cursor."""
        return self.list.current

    @property
    def heads(self) -> Sequence[int]:
        """Where the heads are."""
        return [i for i, row in enumerate(self.list.rows) if self.is_head(row)]

    def say_nothing_here(self) -> None:
        """Say why a key does nothing where no row is."""
        kept = ": esc drops the filter" if self.filtered else ""
        self.notify(f"Nothing is listed here{kept}.", markup=False)

    def action_choose(self) -> None:
        self.list.action_choose()

    def action_unfold(self, way: int) -> None:
        """Unfold the row at the cursor (1); fold it (-1), or go to the head that it is below."""
        row = self.current
        if row is None:
            self.say_nothing_here()
            return
        self.list.reveal()
        if row.folds and row.opened is (way < 0):
            self.turn(row)
        elif way < 0 and not self.is_head(row):
            above = ring(self.list.cursor, self.heads, -1)
            self.list.cursor = above if above is not None else 0

    def action_head(self, way: int) -> None:
        """To the next head (1), or the one before (-1); at an end that is said."""
        if self.current is None:
            self.say_nothing_here()
        elif not self.go_ring(self.heads, way):
            end = "last" if way > 0 else "first"
            self.notify(f"This is in the {end} {self.HEAD}.", markup=False)

    def go_ring(self, stops: Sequence[int], way: int) -> bool:
        """To the next of these rows (1), or the one before (-1); False where there is none."""
        at = ring(self.list.cursor, stops, way)
        if at is not None:
            self.list.cursor = at
        return at is not None

    def action_filter(self) -> None:
        field = self.query_one(FilterField)
        field.open()
        field.placeholder = self.HINT

    def on_filter_field_typed(self, event: FilterField.Typed) -> None:
        words = terms(event.words)
        if words != self.words:
            self.keep(words)
        if event.done:
            self.list.focus()

    def action_back(self) -> None:
        """Drop the filter; without one, leave."""
        field = self.query_one(FilterField)
        if not (self.filtered or field.has_class("-open")):
            self.dismiss()
            return
        field.close()
        self.drop_filter()
        self.list.focus()
