"""What a process used, read from Linux's /proc; zero where there is none."""

import os
from pathlib import Path

_PROC = Path("/proc")


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process and its living descendants, all threads."""
    if not (_PROC / "self" / "stat").exists():
        return 0.0
    ticks, parents = {}, {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(entry)):
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(member, 0) for member in family) / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """The most memory that this process had at once, in MB (10^6 bytes)."""
    try:
        status = (_PROC / "self" / "status").read_text()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def _stat(entry: Path) -> list[str]:
    """The fields of /proc/PID/stat after the command's name (state first); empty if it ended."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
