"""Themes: the palette's colours, each put in the place of the one that the screens are painted in.

The screens paint in the palette alone; on a line's way to the terminal a theme's colours take their
place. So every screen has every theme, and none can forget a colour.
"""

from collections.abc import Mapping
from functools import cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from kimitap.tui import palette

DEFAULT = "kimitap"

_DARK = {
    palette.GROUND: palette.GROUND,
    palette.PANEL: palette.PANEL,
    palette.BAR: palette.BAR,
    palette.CURSOR: palette.CURSOR,
    palette.TEXT: palette.TEXT,
    palette.DIM: palette.DIM,
    palette.ACCENT: palette.ACCENT,
    palette.ERROR: palette.ERROR,
    palette.WARNING: palette.WARNING,
    palette.INFO: palette.INFO,
    palette.ADDED: palette.ADDED,
}
_LIGHT = {
    palette.GROUND: "#fbfbf8",
    "#0d1014": "#e4e7ea",
    "#171d25": "#f0f2f4",
    palette.PANEL: "#eef1f4",
    palette.BAR: "#cddbe8",
    palette.CURSOR: "#c9e0f5",
    palette.GHOSTLY: "#ffe4d6",
    palette.JOINED: "#d5f0e2",
    "#2f5573": "#8fb0cc",
    "#3d6e94": "#6a97bb",
    palette.TEXT: "#16202a",
    palette.DIM: "#52606e",
    palette.ACCENT: "#0b5a9c",
    palette.RULED: "#3f6081",
    palette.ERROR: "#b32d00",
    palette.WARNING: "#745700",
    palette.INFO: "#00639c",
    palette.ADDED: "#00684a",
}
_CONTRAST = {
    palette.GROUND: "#000000",
    "#0d1014": "#000000",
    "#171d25": "#000000",
    palette.PANEL: "#0a0a0a",
    palette.BAR: "#123a5c",
    palette.CURSOR: "#003e75",
    palette.GHOSTLY: "#5a1a00",
    palette.JOINED: "#004d33",
    palette.TEXT: "#ffffff",
    palette.DIM: "#cfd6de",
    palette.ACCENT: "#a9d8ff",
    palette.RULED: "#b9d9f5",
    palette.ERROR: "#ff9b6e",
    palette.WARNING: "#ffdb3d",
    palette.INFO: "#8fd3ff",
    palette.ADDED: "#5fe8c0",
}
COLOURS: dict[str, Mapping[str, str]] = {
    DEFAULT: _DARK,
    "kimitap-light": _LIGHT,
    "kimitap-contrast": _CONTRAST,
}
"""Theme → what stands in the place of a colour of the palette; one that is not named stays."""


def themes() -> list[Theme]:
    """Textual's side of the themes: for the palette's list of commands, fields and notices."""
    return [_theme(name, {**_DARK, **colours}) for name, colours in COLOURS.items()]


def _theme(name: str, colours: Mapping[str, str]) -> Theme:
    return Theme(
        name=name,
        primary=colours[palette.ACCENT],
        secondary=colours[palette.INFO],
        warning=colours[palette.WARNING],
        error=colours[palette.ERROR],
        success=colours[palette.ADDED],
        accent=colours[palette.ACCENT],
        foreground=colours[palette.TEXT],
        background=colours[palette.GROUND],
        surface=colours[palette.PANEL],
        panel=colours[palette.BAR],
        dark=name != "kimitap-light",
    )


class Repainted(LineFilter):
    """Puts a theme's colours in the place of the palette's."""

    def __init__(self, colours: Mapping[str, str]) -> None:
        super().__init__()
        instead = {
            RichColor.parse(old).triplet: RichColor.parse(new)
            for old, new in colours.items()
            if old != new
        }

        @cache
        def repainted(style: Style) -> Style:
            ink, ground = (
                instead.get(colour.triplet, colour) if colour is not None else None
                for colour in (style.color, style.bgcolor)
            )
            return style + Style(color=ink, bgcolor=ground)

        self._repainted = repainted

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.style is None
            else Segment(segment.text, self._repainted(segment.style))
            for segment in segments
        ]
