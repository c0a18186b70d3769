"""Recorded text for a page: its beginning at once, all of it folded, and a bound on the whole."""

from dataclasses import dataclass

from kimitap.transcript.wording import size_of
from kimitap.visible import visible

AT_ONCE = 1_200
"""Characters of a text that are seen without unfolding it."""
LINES_AT_ONCE = 16
LONGEST = 2_000_000
"""Characters of one text that a page holds."""
MOST = 8_000_000
"""Characters of folded texts that a page holds in all: a browser opens it at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text on the page, clean. `whole` is what unfolding shows, `""` where `head` is all of it.

    `gone` counts the characters that are left out of the page, `before` those before the head.
    """

    head: str
    whole: str = ""
    size: str = ""
    gone: int = 0
    before: int = 0

    def __bool__(self) -> bool:
        return bool(self.head)


class Budget:
    """What a page may still hold of folded texts, in characters."""

    def __init__(self, left: int = MOST) -> None:
        self.left = left

    def shown(
        self, text: str, at_once: int = AT_ONCE, lines: int = LINES_AT_ONCE, start: int = 0
    ) -> Shown:
        """The text as far as there is room for it; the page says what is left out.

        What is seen at once holds `start`, with a little of what stands before it.
        """
        first = _head_from(text, start, at_once, lines)
        head = "\n".join(text[first : first + at_once].split("\n")[:lines])
        if len(head) == len(text):
            return Shown(visible(text))
        whole = text[: max(0, min(LONGEST, self.left))]
        self.left -= len(whole)
        if len(whole) <= len(head):
            whole = ""
        gone = len(text) - max(len(whole), len(head))
        return Shown(visible(head), visible(whole), size_of(text), gone, first)


def _head_from(text: str, start: int, at_once: int, lines: int) -> int:
    """Where the head begins so that `start` stands in it: with the text, if it can be."""
    if start < at_once // 2 and text.count("\n", 0, start) < lines // 2:
        return 0
    near = text[max(0, start - at_once // 4) : start].split("\n")[-max(1, lines // 4) :]
    return start - len("\n".join(near))
