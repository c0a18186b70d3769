"""The way to the scribe's process and back: starts it, sends it slips, hears its news.

Two threads, which mostly sleep in a system call; nothing here is called from the event loop but
`put`, `wake` and the end.
"""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import kimitap
from kimitap.recorder.frames import read_news, send
from kimitap.recorder.slips import AnyNews, AnySlip, weight

_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kimitap.recorder.writing import main; main(sys.argv[2])"
)
_FRAME_BYTES = 4 << 20
_BIGGER_PIPE = 1 << 20


class Post:
    """One scribe's process. `hear` is called with its news, on a thread; with None when it ends."""

    def __init__(self, option: str, hear: Callable[[AnyNews | None], None]) -> None:
        self._hear = hear
        self._slips: deque[AnySlip] = deque()
        self._awake = threading.Event()
        self._closing = False
        root = Path(kimitap.__file__).resolve().parents[1]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, str(root), option],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C in the terminal is for the recorder alone
        )
        _widen(cast(BinaryIO, self._process.stdin))
        self._threads = [
            threading.Thread(target=work, name=f"kimitap-{name}", daemon=True)
            for name, work in (("post", self._send), ("news", self._listen))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The scribe's process."""
        return self._process.pid

    def put(self, slip: AnySlip) -> None:
        """Queue a slip; it leaves at the next `wake`."""
        self._slips.append(slip)

    def wake(self) -> None:
        """Have what is queued sent."""
        self._awake.set()

    def close(self, patience_s: float) -> bool:
        """Send what is queued and wait until it is written; False if that takes too long."""
        self._closing = True
        self._awake.set()
        for thread in self._threads:
            thread.join(patience_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _send(self) -> None:
        file = cast(BinaryIO, self._process.stdin)
        try:
            while not (self._closing and not self._slips):
                self._awake.wait()
                self._awake.clear()
                while self._slips:
                    send(file, self._frame())
                self._awake.set() if self._closing else None
        except OSError:
            pass  # it died; `_listen` sees that too
        finally:
            file.close()

    def _frame(self) -> list[AnySlip]:
        frame, size = [], 0
        while self._slips and size < _FRAME_BYTES:
            slip = self._slips.popleft()
            frame.append(slip)
            size += weight(slip)
        return frame

    def _listen(self) -> None:
        file = cast(BinaryIO, self._process.stdout)
        for some in read_news(file):
            for news in some:
                self._hear(news)
        file.close()
        self._process.wait()
        self._hear(None)


def _widen(pipe: BinaryIO) -> None:
    """Let a long request go in fewer steps, where the system can."""
    try:
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _BIGGER_PIPE)
    except (ImportError, AttributeError, OSError):
        pass
