"""Which process is this, and is that one still alive?"""

import os
import socket
import subprocess
from functools import cache
from pathlib import Path


@cache
def host() -> str:
    """This machine's name."""
    return socket.gethostname()


def own() -> tuple[int, str]:
    """This process: its number, and what `started` says of it."""
    return os.getpid(), started(os.getpid()) or ""


def started(pid: int) -> str | None:
    """A word that two processes of the same number never share; None if there is no such process.

    On Linux the machine's boot and the moment after it, else the start time as `ps` says it.
    """
    if not _exists(pid):
        return None
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return _said_by_ps(pid)
    state, *fields = status.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot}:{fields[18]}"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _said_by_ps(pid: int) -> str | None:
    try:
        said = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return said.stdout.strip() or None
