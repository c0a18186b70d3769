"""What `check` found, ready to be told, and where it is written."""

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import click

from kimitap.analysis import Analysis
from kimitap.errors import UsageError
from kimitap.export.formats import Checked, harmless
from kimitap.rules import RULES
from kimitap.running.since import Recorded
from kimitap.settings import DEFAULTS, Settings
from kimitap.store import file_of, shown
from kimitap.visible import one_line


def result_of(where: str, analysis: Analysis | Recorded, settings: Settings = DEFAULTS) -> Checked:
    """What was found in the recording at `where`, or in one run of it, ready for any format."""
    return Checked(
        database=shown(where),
        uri=_uri(where),
        counts=analysis.counts,
        others=len(analysis.others),
        sessions=analysis.sessions,
        findings=harmless(analysis.findings),
        rules=[rule for rule in RULES if settings.choice.wants(rule.name)],
        fail_on=settings.fail_on,
    )


def _uri(where: str) -> str:
    """The recording as a URI reference: a file by its path from here, else by its whole one."""
    path = file_of(where)
    if path is None:
        return quote(shown(where), safe=":/?=&@*")
    whole = path.absolute()
    if whole.is_relative_to(Path.cwd()):
        return quote(os.fsencode(whole.relative_to(Path.cwd()).as_posix()))
    return whole.as_uri()


def spare(where: str, output: Path | None) -> None:
    """Raise `UsageError` where the output would overwrite the recording."""
    path = file_of(where)
    if output and path and output.exists() and path.exists() and output.samefile(path):
        raise UsageError(f"--output {output} would overwrite the recording: name another file")


def speak_utf8() -> None:
    """Have stdout speak what JSON and XML are written in, whatever the terminal's encoding is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def close_stdout() -> None:
    """Write no more: the reader has gone, and Python would complain while flushing at exit."""
    sys.stdout = None


@contextmanager
def told_to(output: Path | None) -> Iterator[Callable[[str], None]]:
    """What takes lines for `output`, a file for its owner only; without one, or for `-`, stdout.

    Raises `UsageError` where the file cannot be written.
    """
    if output is None or str(output) == "-":
        yield click.echo
        return
    with _refused(output):
        file = _private(output)

    def say(text: str) -> None:
        with _refused(output):
            print(text, file=file, flush=True)

    try:
        yield say
    finally:
        with _refused(output):
            file.close()


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = one_line(str(path), 300)
        raise UsageError(
            f"{name} cannot be written: {error.strerror}; name another file"
        ) from error


def _private(path: Path) -> TextIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fchmod(handle, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")
