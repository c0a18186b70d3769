"""A recorder in a process of its own, which no Ctrl-C reaches, on a free port of loopback."""

import json
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import kimitap
from kimitap.address import server_address
from kimitap.errors import ProxyError

READY_S = 60.0
"""The longest that it may take to listen: on a busy machine imports alone take seconds."""
END_S = 60.0
"""The longest that it may take to write what waits: longer than another program's lock is waited
for."""
_LOOK_S = 2.0

_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kimitap.running.child import main; sys.exit(main(*sys.argv[2:]))"
)
_ROOT = str(Path(kimitap.__file__).resolve().parents[1])


@dataclass
class RunningRecorder:
    """A recorder that listens at `url` (without a path) and records into `where`.

    `warnings` are what it complained of so far, `lost` how many exchanges are missing from the
    recording, as of its end.
    """

    where: str
    url: str = ""
    warnings: list[str] = field(default_factory=list)
    lost: int = 0
    failure: str = ""
    """Why it did not start, or ended before it was told to."""


@contextmanager
def recorder(upstream: str, where: str) -> Iterator[RunningRecorder]:
    """Record what comes to a free port and goes on to `upstream`, within the block.

    When the block ends, everything is on disk. Raises `ProxyError` where it does not start.
    """
    process = _started(upstream, where)
    running = RunningRecorder(where)
    known, last = Event(), deque[str](maxlen=4)
    reader = Thread(
        target=_read, args=(process, running, known, last), name="recorder-output", daemon=True
    )
    reader.start()
    try:
        known.wait(READY_S)
        if not running.url:
            raise ProxyError(running.failure or f"the recorder did not start: {_words(last)}")
        yield running
        if process.poll() is not None:
            running.failure = f"the recorder ended before the command: {_words(last)}"
    finally:
        _end(process)
        reader.join(END_S)


def unreachable(upstream: str) -> str:
    """Why nobody answers at the upstream's address, in a word or two; `""` where somebody does."""
    parts = server_address(upstream)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _LOOK_S).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""


def _started(upstream: str, where: str) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, _ROOT, upstream, where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ProxyError(f"the recorder cannot be started: {error.strerror}") from error


def _read(
    process: "subprocess.Popen[str]", running: RunningRecorder, known: Event, last: deque[str]
) -> None:
    """Take up what it tells, to the end."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            match _told(line):
                case ("ready", url):
                    running.url = url
                    known.set()
                case ("warned", said):
                    running.warnings.append(said)
                case ("failed", said):
                    running.failure = said
                case ("lost", said):
                    running.lost = int(said)
                case _:
                    last.append(line.strip())
    known.set()


def _told(line: str) -> tuple[str, str] | None:
    """What a line of the child tells; None for any other that Python or a library printed."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return next(iter(told.items()), None) if isinstance(told, dict) else None


def _words(last: deque[str]) -> str:
    return " / ".join(filter(None, last)) or "it said nothing"


def _end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    try:
        process.stdin.close()
        process.wait(END_S)
    except (subprocess.TimeoutExpired, OSError):
        process.kill()
        process.wait()
    except KeyboardInterrupt:  # the user will not wait for the rest
        process.kill()
        process.wait()
        raise
