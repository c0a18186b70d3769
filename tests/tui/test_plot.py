"""Bars of block glyphs, and the axis that they stand on."""

from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from kimitap.tui.widgets.plot import EIGHTHS, WIDEST, Axis, Fill, bar, pointed, runs, ticks

SMOOTH = Fill(EIGHTHS, Style(color="red"))
COARSE = Fill("░", Style(color="blue"))


def drawn(*parts: tuple[float, Fill], top: float, height: int) -> str:
    """The bar's glyphs, from the bottom up."""
    return "".join(glyph for glyph, _ in bar(parts, top, height))


def test_the_greatest_fills_all_cells() -> None:
    assert drawn((80, SMOOTH), top=80, height=3) == "███"


def test_a_bar_is_drawn_in_eighths_of_a_cell() -> None:
    assert drawn((13, SMOOTH), top=24, height=3) == "█▅ "


def test_the_least_is_still_seen_and_nothing_is_not() -> None:
    assert drawn((1, SMOOTH), top=10_000, height=4) == "▁   "
    assert drawn((1, COARSE), top=10_000, height=4) == "░   "
    assert drawn((0, SMOOTH), top=10_000, height=4) == "    "
    assert drawn(top=0, height=4) == "    "


def test_parts_stand_one_on_the_other() -> None:
    assert drawn((50, COARSE), (25, SMOOTH), top=100, height=4) == "░░█ "


def test_a_part_of_half_a_cell_is_seen_and_a_smaller_one_is_not() -> None:
    other = Fill("▒", Style(color="green"))
    assert drawn((68, COARSE), (6, other), top=80, height=8) == "░░░░░░▒ "
    assert drawn((71, COARSE), (3, other), top=80, height=8) == "░░░░░░░ "
    assert drawn((10, COARSE), (6, other), (64, SMOOTH), top=80, height=8) == "░▒██████"


def test_a_bar_without_room_is_no_cell() -> None:
    assert bar([(1, SMOOTH)], 1, 0) == []


def test_bars_are_as_wide_as_there_is_room_for() -> None:
    assert Axis.fitting(10, 60).cells == 6
    assert Axis.fitting(3, 200).cells == WIDEST
    assert Axis.fitting(50, 60).cells == 1


def test_too_many_share_columns() -> None:
    axis = Axis.fitting(1000, 70)
    assert (axis.each, axis.columns) == (15, 67)
    assert axis.things(66) == range(990, 1000)


@given(st.integers(1, 20_000), st.integers(1, 300))
def test_each_thing_has_one_column_and_each_cell_of_it_leads_back(count: int, width: int) -> None:
    axis = Axis.fitting(count, width)
    assert axis.columns * axis.cells <= width
    assert [i for column in range(axis.columns) for i in axis.things(column)] == list(range(count))
    for thing in {0, count // 2, count - 1}:
        column = axis.column(thing)
        assert thing in axis.things(column)
        assert axis.column_at(column * axis.cells) == column
    assert axis.column_at(axis.columns * axis.cells) is None
    assert axis.column_at(-1) is None


@given(st.integers(1, 3000), st.integers(1, 200))
def test_names_below_columns_do_not_touch_and_stay_within(count: int, width: int) -> None:
    axis = Axis.fitting(count, width)
    line = ticks(axis, [str(i + 1) for i in range(count)])
    assert len(line) == width
    for name in line.split():
        assert line[axis.column(int(name) - 1) * axis.cells :].startswith(name)


def test_the_cursors_name_cuts_no_number_in_two() -> None:
    assert pointed("1    40  44  48  52", 6, "▴41") == ("1     ▴41    48  52", 6)
    assert pointed("1    40  44  48  52", 8, "▴41") == ("1    40 ▴41  48  52", 8)
    assert pointed("1    40  44  48", 20, "▴48")[0] == "1    40  44 ▴48"
    assert pointed("12   40", 0, "▴7") == ("▴7   40", 0)


def test_neighbours_of_one_style_are_one_run() -> None:
    red, blue = Style(color="red"), Style(color="blue")
    cells = [("a", red), ("b", red), ("c", blue), ("d", red)]
    assert list(runs(cells)) == [("ab", red), ("c", blue), ("d", red)]
