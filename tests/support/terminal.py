"""A command in a terminal of its own, whose keys a test types."""

import subprocess
import sys
from collections.abc import Sequence

_SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
CTRL_C = b"\x03"


class Terminal:
    """A running command; `keys` are typed, what it shows is read at its end."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SPAWN, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def type(self, keys: bytes) -> None:
        """As if somebody typed them."""
        assert self._process.stdin is not None
        self._process.stdin.write(keys)
        self._process.stdin.flush()

    def end(self, patience_s: float = 60) -> tuple[int, str]:
        """Wait for the command's end: its status, and all that was shown."""
        shown, _ = self._process.communicate(timeout=patience_s)
        return self._process.returncode, shown.decode()
