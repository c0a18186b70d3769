"""A screen that begins once its widgets are there."""

from textual.screen import Screen


class Composed[Result](Screen[Result]):
    """Calls `begin` once, when all that it composes is mounted.

    A reader may leave while a screen opens: then it is mounted without a widget, and never begins.
    Textual calls each class's `on_mount`, so that a subclass which has its own and calls this one
    would begin twice.
    """

    def on_mount(self) -> None:
        if self.children:
            self.begin()

    def begin(self) -> None:
        """Fill the widgets."""
        raise NotImplementedError
