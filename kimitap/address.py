"""Addresses of servers, as users type them."""

from urllib.parse import SplitResult, urlsplit

from kimitap.errors import UsageError
from kimitap.visible import one_line

_HINT = "say one like http://127.0.0.1:8080"


def server_address(typed: str) -> SplitResult:
    """The parts of a server's address; `http://` where no scheme is said.

    Raises `UsageError`, in words that repeat no password and no parameter, for what is none, and
    for one with a user's name, a fragment or a space in it; also for a bare word, with neither
    scheme nor port nor dot: it is a slip more often than a host.
    """
    url = typed if "://" in typed else f"http://{typed}"
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fit, parts = False, urlsplit("")
    shown = one_line(typed.rpartition("@")[2].partition("?")[0].partition("#")[0], 200)
    if not fit or not url.isprintable() or " " in url:
        raise UsageError(f"{shown} is no server's address: {_HINT}")
    if "@" in parts.netloc:
        raise UsageError(f"{shown} is no server's address with a user's name before it: {_HINT}")
    if "://" not in typed and parts.port is None and not _names_host(parts.hostname or ""):
        raise UsageError(
            f"{shown} is no server's address: {_HINT}, or http://{shown} for that host"
        )
    if parts.fragment:
        raise UsageError(f"{shown} is no server's address with a # behind it: {_HINT}")
    return parts


def _names_host(name: str) -> bool:
    """True for a host that nobody types by mistake for another word."""
    return "." in name or ":" in name or name == "localhost"
