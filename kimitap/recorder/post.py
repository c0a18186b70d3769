"""The way to the scribe's process and back, on the event loop, which never waits for it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import kimitap
from kimitap.recorder.frames import HEAD, length_of, news_of, packed_slips
from kimitap.recorder.slips import AnyNews, AnySlip, Trouble

_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kimitap.recorder.writing import main; main(sys.argv[2])"
)
_ROOT = str(Path(kimitap.__file__).resolve().parents[1])
_FRAME_BYTES = 1 << 20
"""So much is packed at a time, in a millisecond or two."""
_LITTLE = 1 << 15
_PIPE_BYTES = 1 << 18
"""A long request goes in steps of so many bytes, each so short that no event waits for it."""


class Post:
    """One scribe's process, started after `rest_s` seconds; slips may be put at once.

    `slips`, each with its size, are those that wait already. `hear` is called with its news; None
    among them: the process has ended.
    """

    def __init__(
        self,
        option: str,
        hear: Callable[[Sequence[AnyNews | None]], None],
        slips: Iterable[tuple[AnySlip, int]] = (),
        rest_s: float = 0.0,
    ) -> None:
        self._hear = hear
        self._slips = deque(slips)
        self._packed: deque[memoryview] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._closing = asyncio.Event()
        self._life = asyncio.get_running_loop().create_task(self._live(option, rest_s))

    @property
    def started(self) -> bool:
        """Whether there is, or was, a process."""
        return self._process is not None

    def put(self, slip: AnySlip, size: int) -> None:
        """Queue a slip of about `size` bytes; it leaves at the next `send`."""
        self._slips.append((slip, size))

    def send(self) -> None:
        """Send what is queued, as soon as the process reads it."""
        pipe = self._process.stdin if self._process else None
        if pipe is None or pipe.is_closing():
            return
        if (self._sending is None or self._sending.done()) and not self._sent_at_once(pipe):
            self._sending = asyncio.get_running_loop().create_task(self._send(pipe))

    def _pack(self) -> None:
        """Pack the first of what is queued as one frame."""
        frame: list[AnySlip] = []
        total = 0
        while self._slips and total <= _FRAME_BYTES:
            slip, size = self._slips.popleft()
            frame.append(slip)
            total += size
        self._packed += packed_slips(frame)

    def _sent_at_once(self, pipe: asyncio.StreamWriter) -> bool:
        """Write all that is queued, if it is little and the pipe is empty: an answer may wait for
        its request to be on disk, and a task would cost it a round of the event loop."""
        if self._closing.is_set() or pipe.transport.get_write_buffer_size():
            return False
        if self._packed or sum(size for _, size in self._slips) > _LITTLE:
            return False
        if self._slips:
            self._pack()
        while self._packed:
            pipe.write(self._packed.popleft())
        return True

    async def _send(self, pipe: asyncio.StreamWriter) -> None:
        """Write all that is queued, no faster than the process reads; hang up at the end."""
        with suppress(OSError):  # it died: `_live` tells
            while self._packed or self._slips:
                if not self._packed:
                    self._pack()
                part = self._packed.popleft()
                for start in range(0, len(part), _PIPE_BYTES):
                    pipe.write(part[start : start + _PIPE_BYTES])
                    await pipe.drain()
            if self._closing.is_set():
                pipe.close()

    async def close(self, patience_s: float) -> bool:
        """Send what is queued and wait until it is written; False if that takes too long."""
        self._closing.set()
        self.send()
        done, _ = await asyncio.wait([self._life], timeout=patience_s)
        return bool(done)

    async def _live(self, option: str, rest_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), rest_s)
        try:
            self._process = await _started(option)
        except OSError as error:
            self._hear([Trouble(f"the process that writes cannot be started: {error}"), None])
            return
        self.send()
        await self._listen(self._process)
        await self._process.wait()
        self._hear([None])

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        with suppress(asyncio.IncompleteReadError, OSError):  # it ended, or died
            while True:
                length = length_of(await process.stdout.readexactly(HEAD))
                self._hear(news_of(await process.stdout.readexactly(length)))


async def _started(option: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _CODE, _ROOT, option),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for the recorder alone
    )
    _widen(process)
    return process


def _widen(process: Process) -> None:
    """Make the pipe larger than its usual 64 KB, where the system can."""
    if sys.platform == "linux" and process.stdin:
        import fcntl

        with suppress(OSError, ValueError):  # the latter: it has died already
            pipe = process.stdin.get_extra_info("pipe")
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
