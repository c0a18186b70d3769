"""The views that are measured, a line each: how to come to it, and what is then done in it."""

from typing import NamedTuple


class View(NamedTuple):
    """`opened` are the keys that lead there from the conversation; `done` those that are pressed
    there in turn, `times` in all, each until all is painted: there and back, so that a short view
    is never at its end."""

    name: str
    opened: tuple[str, ...]
    done: tuple[str, ...]
    times: int = 12

    @property
    def opens(self) -> bool:
        """True where the keys lead to another screen, or to a field."""
        return self.opened != ("g",)

    @property
    def doing(self) -> str:
        """What its row says of the keys that are measured."""
        return f"{self.name}: {' '.join(self.done)}"


_PAGES = ("pagedown", "pageup")

VIEWS = (
    View("conversation", ("g",), _PAGES),
    View("conversation, line by line", ("g",), ("j", "k")),
    View("next finding", ("g",), ("n",)),
    View("search in a thread", ("slash",), ("e",), 8),
    View("left pane", ("h",), _PAGES),
    View("sessions", ("s",), _PAGES),
    View("findings", ("F",), _PAGES),
    View("search in all", ("S",), ("e",), 8),
    View("timeline", ("T",), ("l", "h")),
    View("turn", ("v",), _PAGES),
    View("diff", ("d",), _PAGES),
    View("wire", ("r",), _PAGES),
)
"""Keys as Textual names them. The recordings of one turn count and of many are shown alike, so that
a view's ratio tells what its length costs."""
