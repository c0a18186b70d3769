"""The views that are measured, a line each: how to come to it, and what is then done in it."""

from typing import NamedTuple


class View(NamedTuple):
    """`opened` are the keys that lead there from the conversation; `done` is a key that is pressed
    there `times` times, each time until it is painted."""

    name: str
    opened: tuple[str, ...]
    done: str
    times: int = 12

    @property
    def opens(self) -> bool:
        """True where the keys lead to another screen, or to a field."""
        return self.opened != ("g",)

    @property
    def doing(self) -> str:
        """What its row says of the keys that are measured."""
        return f"{self.name}: {self.done}"


VIEWS = (
    View("conversation", ("g",), "pagedown"),
    View("conversation, line by line", ("g",), "j"),
    View("next finding", ("g",), "n"),
    View("search in a thread", ("slash",), "e", 8),
    View("left pane", ("h",), "pagedown"),
    View("sessions", ("s",), "pagedown"),
    View("findings", ("F",), "pagedown"),
    View("search in all", ("S",), "e", 8),
    View("timeline", ("T",), "l"),
    View("turn", ("v",), "pagedown"),
    View("diff", ("d",), "pagedown"),
    View("wire", ("r",), "pagedown"),
)
"""Keys as Textual names them. The recordings of one turn count and of many are shown alike, so that
a view's ratio tells what its length costs."""
