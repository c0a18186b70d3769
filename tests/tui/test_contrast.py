"""Every text can be read on every ground, in every theme: WCAG's 4.5:1, and 7:1 for findings."""

from itertools import product

import pytest
from rich.segment import Segment
from textual.color import Color

from kimitap.tui import palette
from kimitap.tui.filters import WithoutColour
from kimitap.tui.themes import COLOURS, DEFAULT

TEXTS = ("TEXT", "DIM", "ACCENT", "RULED", "ERROR", "WARNING", "INFO", "ADDED")
GROUNDS = ("GROUND", "PANEL", "BAR", "CURSOR", "GHOSTLY", "JOINED")


def contrast(theme: str, text: str, ground: str) -> float:
    colours = (getattr(palette, name) for name in (text, ground))
    ink, paper = (Color.parse(COLOURS[theme].get(colour, colour)) for colour in colours)
    low, high = sorted(_luminance(colour) for colour in (ink, paper))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize(("theme", "text"), product(COLOURS, TEXTS))
def test_a_text_can_be_read_on_every_ground(theme: str, text: str) -> None:
    found = {ground: round(contrast(theme, text, ground), 1) for ground in GROUNDS}
    assert min(found.values()) >= 4.5, found


@pytest.mark.parametrize("severity", ["ERROR", "WARNING", "INFO"])
def test_a_finding_stands_out_from_the_ground(severity: str) -> None:
    assert contrast(DEFAULT, severity, "GROUND") >= 7


def test_without_colours_what_was_added_is_as_bright_as_text() -> None:
    (added,) = WithoutColour().apply([Segment("+ new", palette.PLUS)], Color(0, 0, 0))
    (lost,) = WithoutColour().apply([Segment("- old", palette.MINUS)], Color(0, 0, 0))
    assert added.style is not None and added.style.color == palette.NORMAL.color
    assert lost.style is not None and lost.style.bold
