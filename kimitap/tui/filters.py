"""What every line goes through on its way to the terminal, whatever widget drew it."""

import re
from functools import cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from kimitap.tui.palette import ADDED, COLOURS, GHOSTLY, TEXT, THUMBS


class NoControls(LineFilter):
    """Lets no character through that a terminal would act on."""

    ACTING = re.compile(
        "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
        "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
    )

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(self.ACTING.sub("?", text), style) if self.ACTING.search(text) else segment
            for segment in segments
            for text, style in ((segment.text, segment.style),)
        ]


class WithoutColour(LineFilter):
    """Under NO_COLOR nothing has a colour: the terminal's own ink on its own ground.

    What is wrong is bold, and on a ground of its own reversed, as is a scroll bar. Textual alone
    would write greys, in which what is wrong is dimmer than what is not.
    """

    ALARMS = frozenset(RichColor.parse(colour) for colour in COLOURS.values())
    STRIKING = ALARMS | {RichColor.parse(colour) for colour in (GHOSTLY, TEXT, ADDED, *THUMBS)}
    """Grounds that say something."""

    def __init__(self) -> None:
        super().__init__()
        self._plain = cache(self._without)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(s.text, s.style and self._plain(s.style)) for s in segments]

    def _without(self, style: Style) -> Style:
        loud = style.bgcolor in self.STRIKING
        return Style(
            bold=loud or style.bold or style.color in self.ALARMS,
            italic=style.italic,
            underline=style.underline,
            strike=style.strike,
            reverse=loud is not bool(style.reverse),
        )
