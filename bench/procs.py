"""What a process used, read from Linux's /proc; zero where there is none."""

import os
from pathlib import Path

_PROC = Path("/proc")


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process and its living descendants, all threads."""
    return sum(map(own_cpu_s, (pid, *descendants(pid))))


def own_cpu_s(pid: int) -> float:
    """Seconds of processor time of a process alone, all threads."""
    fields = _stat(_PROC / str(pid))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def descendants(pid: int) -> set[int]:
    """The living processes that a process started, and those that they started."""
    if not (_PROC / "self" / "stat").exists():
        return set()
    entries = [entry for entry in _PROC.iterdir() if entry.name.isdigit()]
    parents = {int(e.name): int(fields[1]) for e in entries if (fields := _stat(e))}
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family - {pid}


def resident_mb(pid: int) -> float:
    """The memory that a process has now, in MB (10^6 bytes); 0 where it ended."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


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
