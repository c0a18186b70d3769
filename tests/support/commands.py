"""A command of Kimitap's, run in this process: what it printed, and its exit status."""

from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

from kimitap.cli import run


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


def command(cwd: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `kimitap WORDS` in a folder."""

    def call(*words: str | Path) -> Done:
        with chdir(cwd):
            status = run([str(word) for word in words])
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    return call
