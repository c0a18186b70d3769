"""How much memory a process takes, from Linux's /proc."""

from pathlib import Path

import pytest

from tests.support.proxy import Proxy, scribe_of

MB = 1_000_000


def peak_mb(pid: int) -> float:
    """The most that it has had at once, in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        pytest.skip("needs Linux's /proc to know another process's memory")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / MB


class Growth:
    """How much the peaks of a proxy and of the process that writes for it have grown since."""

    def __init__(self, proxy: Proxy) -> None:
        self._pids = (proxy.process.pid, scribe_of(proxy.process.pid))
        self._before = tuple(map(peak_mb, self._pids))

    def measured(self) -> tuple[float, float]:
        """The growth of the proxy and of the writer, in MB."""
        after = map(peak_mb, self._pids)
        proxy, writer = (now - then for now, then in zip(after, self._before, strict=True))
        return proxy, writer
