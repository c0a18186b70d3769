"""Files that a command leaves: whole or not at all, and for their owner only."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kimitap.errors import UsageError
from kimitap.visible import one_line


@contextmanager
def written_to(output: Path | None) -> Iterator[BinaryIO]:
    """What takes the bytes of `output`; without one, or for `-`, standard output.

    A file is written beside its place and put there at the end, so that a failure leaves what was
    there before. A pipe or device is written to as it is. Raises `UsageError` where the file cannot
    be written.
    """
    if output is None or str(output) == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if output.exists() and not output.is_file():
            with output.open("wb") as file:
                yield file
        else:
            yield from _replaced(output.resolve())
    except OSError as error:
        name = one_line(str(output), 300)
        why = error.strerror or error
        raise UsageError(f"{name} cannot be written: {why}; name another file") from error


def _replaced(output: Path) -> Iterator[BinaryIO]:
    draft = output.with_name(f".{output.name[:100]}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
