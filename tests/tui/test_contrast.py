"""Every text can be read on every ground, in every theme: WCAG's 4.5:1, and 7:1 for findings."""

from itertools import product

import pytest
from rich.segment import Segment
from textual.color import Color

from kimitap.rules.finding import Severity
from kimitap.tui import palette
from kimitap.tui.filters import WithoutColour
from kimitap.tui.themes import COLOURS, DEFAULT

TEXTS = ("TEXT", "DIM", "ACCENT", "RULED", "ERROR", "WARNING", "INFO", "ADDED")
GROUNDS = ("GROUND", "PANEL", "BAR", "CURSOR", "GHOSTLY", "JOINED")


def contrast(theme: str, text: str, ground: str) -> float:
    return _ratio(theme, getattr(palette, text), getattr(palette, ground))


def _ratio(theme: str, *colours: str) -> float:
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


@pytest.mark.parametrize("theme", COLOURS)
def test_every_badge_and_every_lit_hit_can_be_read(theme: str) -> None:
    """A hit is reversed: its ink is the ground, on what was the ink of any text."""
    badges = [*palette.BADGE.values(), palette.RECORDING]
    pairs = [(s.color.name, s.bgcolor.name) for s in badges if s.color and s.bgcolor]
    assert len(pairs) == len(badges)
    inks = (getattr(palette, name) for name in TEXTS)
    pairs += [(getattr(palette, ground), ink) for ink, ground in product(inks, GROUNDS)]
    low = [(ink, paper) for ink, paper in pairs if _ratio(theme, ink, paper) < 4.5]
    assert low == []


@pytest.mark.parametrize("severity", ["ERROR", "WARNING", "INFO"])
def test_a_finding_stands_out_from_the_ground(severity: str) -> None:
    assert contrast(DEFAULT, severity, "GROUND") >= 7


def test_without_colours_what_is_wrong_is_bold_and_on_a_ground_of_its_own_reversed() -> None:
    words = (palette.PLUS, palette.MINUS, palette.BADGE[Severity.ERROR], palette.NORMAL)
    segments = [Segment("x", style) for style in (*words, palette.HIT, palette.GHOST_GROUND)]
    seen = [s.style for s in WithoutColour().apply(segments, Color(0, 0, 0)) if s.style]
    assert [bool(style.bold) for style in seen] == [False, True, True, False, False, True]
    assert [bool(style.reverse) for style in seen] == [False, False, True, False, True, True]
    assert all(style.color is None and style.bgcolor is None for style in seen)
