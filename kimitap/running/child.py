"""The recorder's process: records until its parent closes its stdin, and tells it in lines of JSON.

It is told by stdin and not by a signal, so that it also ends where the parent was killed.
"""

import json
import logging
import os
import signal
import sys
from threading import Thread

from kimitap.errors import KimitapError
from kimitap.recorder import run_proxy


def main(upstream: str, where: str) -> int:
    """Record what comes to a free port of loopback; 1 where it cannot."""
    Thread(target=_end_with_parent, daemon=True, name="parent").start()
    logging.getLogger().addHandler(_Telling(logging.WARNING))
    try:
        done = run_proxy(
            upstream,
            "127.0.0.1:0",
            where,
            on_ready=lambda url: _tell("ready", url),
            say=lambda _: None,
        )
    except KimitapError as error:
        _tell("failed", str(error))
        return 1
    _tell("lost", str(done.lost))
    return 0


class _Telling(logging.Handler):
    """Tells the parent of what went wrong: what was lost, above all."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one line, without a traceback."""
        _tell("warned", record.getMessage())


def _tell(what: str, said: str) -> None:
    print(json.dumps({what: said}), flush=True)  # noqa: T201


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGINT)
