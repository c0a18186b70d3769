"""A line on a terminal that tells how far it is, and goes again."""

import sys


class Line:
    """The last line of stderr, written over again and again; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._shown = False
        self._terminal = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Put the text there, for what stood there before."""
        if self._terminal:
            self._shown = True
            self._write(f"\r{text}\x1b[K")

    def clear(self) -> None:
        """Take it away, so that what comes next stands in its place."""
        if self._shown:
            self._shown = False
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
