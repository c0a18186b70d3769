"""Where the reader is taken at the beginning: once, and nowhere after he has moved himself."""

from kimitap.places import PlaceWord
from kimitap.tui.source import View

Standing = tuple[int, object] | None
"""The thread that is open, and what tells one row from another; None where there is none."""


class Arrival:
    """Decides, view by view, whether to go to the place: `place` if that is not None, else the
    worst finding.

    A long recording comes in several views. Until the place is in one, a conversation is shown if
    none was asked for; later views leave the reader where he is, but for the first finding.
    """

    def __init__(self, place: PlaceWord | None) -> None:
        self.place = place
        self._over = False
        self._left_at: Standing = None

    def is_now(self, view: View, at: Standing) -> bool:
        """Whether to go now; `at` is where the reader stands. After True call `arrived`."""
        if self._over or not view.threads:
            return False
        if at is None:
            return self.place is None or self._is_sure(view)
        if at != self._left_at:
            self._over = True
        elif not view.unread:
            self._over = True
            return bool(view.findings)
        return not self._over and self._is_sure(view)

    def arrived(self, view: View, at: Standing) -> None:
        """The reader was taken there."""
        self._over = self._is_sure(view)
        self._left_at = at

    def _is_sure(self, view: View) -> bool:
        """True where nothing that comes later would have been the better place."""
        return not view.unread or self._has_come(view)

    def _has_come(self, view: View) -> bool:
        place = self.place
        if place is None:
            return bool(view.findings)
        match place.kind:
            case "s":
                return any(session.number == place.number for session in view.sessions)
            case "t":
                return any(thread.number == place.number for thread in view.threads)
            case _:
                turns = (thread.place_of(place.number) for thread in view.threads)
                return any(at is not None for at in turns) or any(
                    other.number == place.number for other in view.others
                )
