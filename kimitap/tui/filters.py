"""What every line goes through on its way to the terminal, whatever widget drew it."""

import re

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from kimitap.tui.palette import COLOURS, GHOST_GROUND, GROUND, NORMAL, PLUS, TEXT


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
    """Under NO_COLOR, what is wrong is as bright as can be, and what was added as bright as text.

    Greys alone would make them dimmer.
    """

    ALARMS = frozenset(RichColor.parse(colour) for colour in COLOURS.values())
    LOST = Style(color=GROUND, bgcolor=TEXT, bold=True)
    BRIGHT = Style(color="#ffffff", bold=True)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(s.text, self._bright(s.style)) for s in segments]

    def _bright(self, style: Style | None) -> Style | None:
        if style is None:
            return None
        if style.bgcolor == GHOST_GROUND.bgcolor or style.bgcolor in self.ALARMS:
            return style + self.LOST
        if style.color in self.ALARMS:
            return style + self.BRIGHT
        return style + NORMAL if style.color == PLUS.color else style
