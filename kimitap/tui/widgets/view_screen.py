"""A screen of what the whole recording says: it is handed each fresh view."""

from collections.abc import Iterable, Sequence

from rich.segment import Segment

from kimitap.rules.finding import Place
from kimitap.tui.conversation.asked_here import place_copied
from kimitap.tui.keys import Key
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar, foot_segments
from kimitap.tui.widgets.composed import Composed
from kimitap.tui.wishes import CopyCurl, ShowHelp


class ViewScreen(Composed[None]):
    """A title, something in between, and the keys.

    The app calls `apply` at first, and again whenever more was recorded; what the reader looks at
    then stays where it is. A subclass composes a `Bar(id="title")`, its widgets and a
    `Bar(id="foot")`, names its KEYS, and paints in `shown`. Where what it shows was taken out of
    the recording, `lost` says so, and the screen closes once it is on top.
    """

    KEYS: Sequence[Key] = ()
    NAME = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (120, "-broad")]  # noqa: RUF012 (as Textual declares it)

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self._composed = False
        self._left = False

    def begin(self) -> None:
        self._composed = True
        self.query_one("#foot", Bar).set_segments(foot_segments(self.KEYS))
        self.shown()

    def apply(self, view: View) -> None:
        """Show a fresh view."""
        self.view = view
        if self._composed:
            self.shown()
            self._leave_if_lost()

    def on_screen_resume(self) -> None:
        """What lay over it was closed."""
        if self._composed:
            self._leave_if_lost()

    def _leave_if_lost(self) -> None:
        said = "" if self.view.unread else self.lost()
        if said and self.app.screen is self and not self._left:
            self._left = True
            self.app.notify(said, severity="warning", markup=False)
            self.dismiss()

    def lost(self) -> str:
        """Why there is nothing left to show; empty where there is."""
        return ""

    def shown(self) -> None:
        """Paint `self.view`."""
        raise NotImplementedError

    def set_title(self, segments: Iterable[Segment]) -> None:
        """Say at the top what is being looked at."""
        self.query_one("#title", Bar).set_segments(segments)

    def here(self) -> Place | None:
        """The place at the cursor; None where there is none."""
        return None

    def action_copy_place(self) -> None:
        if place := self._place():
            self.post_message(place_copied(self.view, place.exchange, place.message_index))

    def action_copy_curl(self) -> None:
        if place := self._place():
            self.post_message(CopyCurl(place.exchange))

    def _place(self) -> Place | None:
        place = self.here()
        if place is None:
            self.notify("There is no turn here.", markup=False)
        return place

    def action_back(self) -> None:
        self.dismiss()

    def action_help(self) -> None:
        self.post_message(ShowHelp(self.NAME, self.KEYS))
