"""How many connections the proxy may have at once."""

import sys
from contextlib import suppress

_WANTED = (65_536, 10_240)
"""The second is what macOS allows at most."""


def allow_many() -> None:
    """Let this process open as many files as the system lets it.

    An exchange takes two, and most systems give a program 256 or 1,024 unless it asks for more:
    mitmproxy answers for what comes then with a 502.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _WANTED:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or soft >= most:
            return
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return
