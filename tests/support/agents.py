"""Real agents from PyPI, installed by the project's script into a folder of their own."""

import subprocess
import sys
from pathlib import Path

from tests.support.llama import SCRIPTS

NOT_TO_BE_HAD = 3
INSTALL_S = 600


class NoAgent(Exception):
    """The agent cannot be had here; the text says why."""


def install(name: str) -> Path:
    """The agent's folder of commands; quick where it is installed. Raises `NoAgent`."""
    result = subprocess.run(
        [SCRIPTS / "setup-agent.sh", name, sys.executable],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if result.returncode == NOT_TO_BE_HAD:
        raise NoAgent(result.stderr.strip().splitlines()[-1])
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip())


def installed(name: str) -> bool:
    """Whether it was installed before."""
    return (SCRIPTS.parent / ".agents" / name / "ready").is_file()
