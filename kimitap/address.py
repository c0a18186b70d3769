"""Addresses of servers, as users type them."""

from urllib.parse import SplitResult, urlsplit

from kimitap.errors import UsageError
from kimitap.visible import one_line

_HINT = "say one like http://127.0.0.1:8080"


def server_address(typed: str) -> SplitResult:
    """The parts of a server's address; `http://` where no scheme is said.

    Raises `UsageError`, in words that repeat no password and no parameter, for what is none, and
    for one with a user's name, a fragment or a space in it.
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
    if parts.fragment:
        raise UsageError(f"{shown} is no server's address with a # behind it: {_HINT}")
    return parts
