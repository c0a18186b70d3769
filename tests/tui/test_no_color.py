"""Under NO_COLOR a terminal gets no colour at all, and words and symbols say what is wrong."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

from tests.support.recorded import lost, record

SGR = re.compile(r"\x1b\[([\d;:]*)m")
COLOURS = {*range(30, 50), *range(90, 108), 58, 59}

SAID = {
    b"F": ("1 finding", "tool-turn-lost"),
    b"s": ("by newest", "1 session"),
    b"d": ("CAME BACK BLANK",),
    b"T": ("timeline", "tool-turn-lost"),
    b"v": ("headers", "timings"),
}
"""Key → words of the screen that it opens."""


class Screens:
    """The command on a terminal of 120 columns, whose every byte is kept."""

    def __init__(self, recording: str) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
            environment |= {"COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
            words = [sys.executable, "-m", "kimitap.cli", recording]
            os.execve(sys.executable, words, environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.written = b""

    def press(self, keys: bytes, *until: str) -> None:
        """Type, and read until all of these words were written since."""
        begin = len(self.written)
        os.write(self.terminal, keys)
        late = time.monotonic() + 60
        while missing := [words for words in until if words not in self._text(begin)]:
            assert time.monotonic() < late, (missing, self._text(begin)[-3000:])
            if select.select([self.terminal], [], [], 1.0)[0]:
                self.written += os.read(self.terminal, 65536)

    def _text(self, begin: int) -> str:
        """Without what moves the cursor or changes the ink."""
        return re.sub(
            r"\x1b\[[\d;?<>=:]*[a-zA-Z]", "", self.written[begin:].decode("utf-8", "replace")
        )

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def test_no_screen_writes_a_colour_and_each_says_by_word_and_symbol_what_is_wrong(
    tmp_path: Path,
) -> None:
    screens = Screens(record(tmp_path / "a.db", lost()))
    try:
        screens.press(b"", "✗", "LOST TURN", "tool-turn-lost", "n next")
        for key, words in SAID.items():
            screens.press(key, "✗", *words)
            screens.press(b"q", "LOST TURN")
        screens.press(b"?", "Conversation: keys")
    finally:
        screens.close()
    codes = {
        int(code or 0)
        for found in SGR.findall(screens.written.decode("utf-8", "replace"))
        for code in re.split("[;:]", found)
    }
    assert codes, "something is bold or reversed"
    assert not codes & COLOURS
    assert {1, 7} <= codes
