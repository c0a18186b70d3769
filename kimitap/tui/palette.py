"""Colours and marks. Contrast is 7:1 for findings on the ground, 4.5:1 for any text on any ground.

Nothing is told by colour alone.
"""

from rich.style import Style

from kimitap.rules.finding import Severity

GROUND = "#12161c"
PANEL = "#1a212a"
BAR = "#24394a"
CURSOR = "#1f3a52"
GHOSTLY = "#3a1c10"
JOINED = "#143428"
TEXT = "#e6e9ee"
DIM = "#98a5b5"
ACCENT = "#8fbbe0"
RULED = "#86a9c7"
ERROR = "#ff7a45"
WARNING = "#f0c000"
INFO = "#56b4e9"
ADDED = "#2bc49a"
REMOVED = ERROR
THUMBS = ("#2f5573", "#3d6e94")
"""A scroll bar, and one under the mouse."""

NORMAL = Style(color=TEXT)
FAINT = Style(color=DIM)
STRONG = Style(color=TEXT, bold=True)
NAME = Style(color=ACCENT, bold=True)
RULE = Style(color=RULED)
THOUGHT = Style(color=DIM, italic=True)
HIT = Style(reverse=True)
PLUS = Style(color=ADDED)
MINUS = Style(color=REMOVED)
KEY = Style(color=WARNING, bold=True)
RECORDING = Style(color=GROUND, bgcolor=TEXT, bold=True)

COLOURS = {Severity.ERROR: ERROR, Severity.WARNING: WARNING, Severity.INFO: INFO}
ALARM = {severity: Style(color=colour, bold=True) for severity, colour in COLOURS.items()}
BADGE = {
    severity: Style(color=GROUND, bgcolor=colour, bold=True) for severity, colour in COLOURS.items()
}
CURSOR_GROUND = Style(bgcolor=CURSOR)
GHOST_GROUND = Style(bgcolor=GHOSTLY)
PARTNER_GROUND = Style(bgcolor=JOINED)
JSON_KEY = Style(color=ACCENT)
JSON_STRING = Style(color=ADDED)
JSON_NUMBER = Style(color=WARNING)
JSON_CONSTANT = Style(color=INFO, italic=True)
