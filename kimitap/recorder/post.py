"""The way to the scribe's process and back: starts it, sends it slips, hears its news.

Two threads, which mostly sleep in a system call, so that the event loop never waits for a pipe.
"""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import kimitap
from kimitap.recorder.frames import read_news, send
from kimitap.recorder.slips import AnyNews, AnySlip, Trouble, weight

_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kimitap.recorder.writing import main; main(sys.argv[2])"
)
_FRAME_BYTES = 4 << 20
_BIGGER_PIPE = 1 << 20


class Post:
    """One scribe's process, started after `rest_s` seconds; slips may be put at once.

    `hear` is called with its news, on a thread; None among them: the process has ended.
    """

    def __init__(
        self, option: str, hear: Callable[[Sequence[AnyNews | None]], None], rest_s: float = 0.0
    ) -> None:
        self._option = option
        self._hear = hear
        self._rest_s = rest_s
        self._slips: deque[AnySlip] = deque()
        self._awake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimitap-post", daemon=True)
        self._thread.start()

    def put(self, slip: AnySlip) -> None:
        """Queue a slip; it leaves at the next `wake`."""
        self._slips.append(slip)

    def wake(self) -> None:
        """Have what is queued sent."""
        self._awake.set()

    def close(self, patience_s: float) -> bool:
        """Send what is queued and wait until it is written; False if that takes too long."""
        self._closing.set()
        self._awake.set()
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._closing.wait(self._rest_s)
        try:
            process = _started(self._option)
        except OSError as error:
            self._hear([Trouble(f"the process that writes cannot be started: {error}"), None])
            return
        listener = threading.Thread(
            target=self._listen, args=(process,), name="kimitap-news", daemon=True
        )
        listener.start()
        with suppress(OSError), cast(BinaryIO, process.stdin) as file:  # it may die
            self._send(file)
        listener.join()

    def _send(self, file: BinaryIO) -> None:
        while not self._closing.is_set() or self._slips:
            self._awake.wait()
            self._awake.clear()
            while self._slips:
                send(file, self._frame())
            if self._closing.is_set():
                self._awake.set()

    def _frame(self) -> list[AnySlip]:
        frame, size = [], 0
        while self._slips and size < _FRAME_BYTES:
            slip = self._slips.popleft()
            frame.append(slip)
            size += weight(slip)
        return frame

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        with cast(BinaryIO, process.stdout) as file:
            for news in read_news(file):
                self._hear(news)
        process.wait()
        self._hear([None])
        self._awake.set()


def _started(option: str) -> "subprocess.Popen[bytes]":
    root = Path(kimitap.__file__).resolve().parents[1]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _CODE, str(root), option],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # Ctrl-C in the terminal is for the recorder alone
    )
    _widen(cast(BinaryIO, process.stdin))
    return process


def _widen(pipe: BinaryIO) -> None:
    """Let a long request go in fewer steps, where the system can."""
    try:
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _BIGGER_PIPE)
    except (ImportError, AttributeError, OSError):
        pass
