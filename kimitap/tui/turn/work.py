"""What a worker of the turn's screen hands back: a face made, searched, wrapped, unfolded, told."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from kimitap.errors import KimitapError
from kimitap.rules.finding import Severity
from kimitap.tui.palette import ALARM
from kimitap.tui.turn.faces import TEXTS, Place, Readers, make
from kimitap.tui.turn.text import SoughtText
from kimitap.tui.widgets.entry import Hit, Path, note
from kimitap.tui.widgets.made import Made
from kimitap.tui.widgets.text_pane import Block, Laid, lay
from kimitap.visible import visible


class Shape(NamedTuple):
    """How a text will be shown: in so many cells, wrapped or cut there."""

    width: int
    wraps: bool


class Ready(NamedTuple):
    """A face was made; of a text also how its lines are wrapped."""

    place: Place
    face: str
    made: Made
    laid: Laid | None = None


class Rewrapped(NamedTuple):
    """A long text was wrapped anew, or cut."""

    pane: SoughtText
    laid: Laid


class Prepared(NamedTuple):
    """What unfolding these entries shows was made; `room`: it is not too much."""

    face: str
    turned: frozenset[Path]
    room: bool


class Found(NamedTuple):
    """A face was searched; `go` where the reader wants to see the first hit."""

    face: str
    pattern: re.Pattern[str]
    hits: Sequence[Hit]
    go: bool


class Whole(NamedTuple):
    """A face's whole text, for an editor."""

    text: str
    suffix: str


def ready(face: str, place: Place, readers: Readers, message: int | None, shape: Shape) -> Ready:
    """Make a face, at `message` if there is one; what went wrong with that is shown instead."""
    try:
        made = make(face, place, readers, message)
    except KimitapError as error:
        said, alarm = visible(str(error)), ALARM[Severity.ERROR]
        made = Made([note(said, alarm)], [Block(said, alarm)], text=lambda: f"{said}\n")
    laid = lay(tuple(made.blocks), *shape) if face in TEXTS else None
    return Ready(place, face, made, laid)
