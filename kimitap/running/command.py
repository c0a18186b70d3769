"""The command as a child that has this process's terminal, its streams and its signals."""

import errno
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from kimitap.errors import KimitapError

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_SIGNALLED = 128
_PASSED_ON = ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_TYPED = (signal.SIGINT, signal.SIGQUIT)
"""What a terminal sends to all that run in its foreground: the command gets it by itself."""


class CannotStart(KimitapError):
    """The command could not be started; `status` is what a shell would exit with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def run_command(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run it to its end, and give its status as a shell does: 128 + n after signal n.

    Signals sent to this process go on to the command; those that a terminal sends reach both, and
    are left to the command. Raises `CannotStart`.
    """
    with _passing_on() as passing:
        try:
            process = subprocess.Popen(words, env=environment)
        except OSError as error:
            raise _why_not(words[0], error) from error
        except ValueError as error:  # a NUL in a word
            raise CannotStart(f"the command cannot be started: {error}", NOT_EXECUTABLE) from error
        passing.to(process)
        status = process.wait()
    return status if status >= 0 else _SIGNALLED - status


def _why_not(name: str, error: OSError) -> CannotStart:
    if error.errno == errno.ENOENT:
        return CannotStart(f"{name}: there is no such command", NOT_FOUND)
    return CannotStart(f"{name} cannot be started: {error.strerror}", NOT_EXECUTABLE)


class _Passing:
    """Hands signals on to a process, also those that came before it was there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def to(self, process: "subprocess.Popen[bytes]") -> None:
        """From now on to this one."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def heed(self, number: int, frame: FrameType | None) -> None:
        """A signal came."""
        if number in _TYPED and _in_foreground():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


@contextmanager
def _passing_on() -> Iterator[_Passing]:
    """Within the block signals are passed on; what is ignored (`nohup`) stays so, for both."""
    passing = _Passing()
    before = {}
    for name in _PASSED_ON:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, passing.heed)
    try:
        yield passing
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """True where a terminal's keys reach this process, and so the command as well."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
