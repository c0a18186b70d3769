"""How much of a recording is kept while it grows, and the process that sees to it."""

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import kimitap
from kimitap import amounts

logger = logging.getLogger("kimitap")

PATIENCE_S = 5.0
"""How long the end waits for a transaction of the keeper's."""
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kimitap.recorder.keeping import main; main(*sys.argv[2:])"
)
_ROOT = str(Path(kimitap.__file__).resolve().parents[1])


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept: nothing older than `age`, and at most `size` bytes; None is no limit."""

    age: timedelta | None = None
    size: int | None = None

    @classmethod
    def parse(cls, age: str, size: str) -> Self:
        """The limits as a user types them: `30d`, `5GB`; empty is none. Raises UsageError."""
        return cls(amounts.age(age) if age else None, amounts.size(size) if size else None)

    def __bool__(self) -> bool:
        return self.age is not None or self.size is not None

    def __str__(self) -> str:
        told = []
        if self.age is not None:
            told.append(f"what is older than {amounts.span(self.age)} is deleted for good")
        if self.size is not None:
            told.append(f"of more than {amounts.in_words(self.size)} the oldest is deleted")
        return ", and ".join(told)


class Keeper:
    """The process, started at once on the running loop; it ends with us, however we end."""

    def __init__(self, option: str, limits: Limits) -> None:
        self._process: Process | None = None
        self._closing = False
        self._life = asyncio.get_running_loop().create_task(self._live(option, limits))

    async def close(self) -> None:
        """End it, and wait for that."""
        self._closing = True
        if self._process and self._process.stdin:
            self._process.stdin.close()
        await asyncio.wait([self._life], timeout=PATIENCE_S)

    async def _live(self, option: str, limits: Limits) -> None:
        try:
            self._process = await _started(option, limits)
        except OSError as error:
            logger.warning("Kimitap: nothing is deleted: no process can be started: %s", error)
            return
        assert self._process.stdout is not None and self._process.stdin is not None
        if self._closing:
            self._process.stdin.close()
        with suppress(OSError):
            async for line in self._process.stdout:
                said, complaint = json.loads(line)
                logger.log(logging.WARNING if complaint else logging.INFO, "Kimitap: %s", said)
        await self._process.wait()
        if not self._closing:
            logger.warning(
                "Kimitap: the process that deletes what is old has ended: it starts with the next "
                "recorder; until then say `kimitap prune`"
            )


async def _started(option: str, limits: Limits) -> Process:
    age = "" if limits.age is None else str(limits.age.total_seconds())
    size = "" if limits.size is None else str(limits.size)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _CODE, _ROOT, option, age, size),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for the recorder alone
    )
