"""A JSON text that comes in pieces: whether it is whole so far."""

import re

import orjson

_TELLING = re.compile(r'\\.|["\\\[\]{}]', re.DOTALL)
_WHITE = " \t\n\r"
_LONGEST_BARE = 64
"""A number, `true` or `null` is no longer than this."""


class Growing:
    """Takes pieces; however often it is asked, each character is looked at once."""

    __slots__ = ("_begun", "_carry", "_depth", "_in_string", "_never", "_read", "_whole", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._read = 0
        """So many parts were looked at."""
        self._carry = ""
        """A backslash whose second half has not come."""
        self._depth = 0
        self._in_string = False
        self._begun = False
        """A bracket has been there."""
        self._never = False
        self._whole = False

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def whole(self) -> bool:
        """True where the pieces are one JSON value, and nothing is missing."""
        if self._read < len(self.parts) and not self._never:
            new = "".join(self.parts[self._read :])
            self._read = len(self.parts)
            self._look(self._carry + new)
            if new.strip(_WHITE):
                self._judge()
        return self._whole and not self._never

    def _look(self, text: str) -> None:
        self._carry = ""
        for found in _TELLING.finditer(text):
            mark = found[0]
            if mark == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._begun = True
                self._depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
            elif mark == "\\":
                self._carry = mark

    def _judge(self) -> None:
        self._whole = False
        if self._in_string or self._depth > 0:
            return
        text = self.text
        try:
            orjson.loads(text)
            self._whole = True
        except orjson.JSONDecodeError:
            self._never = self._begun or len(text.strip()) > _LONGEST_BARE
