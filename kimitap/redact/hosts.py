"""Names and addresses of hosts: which of them tell whose they are, and where they stand."""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from kimitap.exchange import Exchange, Headers
from kimitap.loopback import is_here

_EVERYONES = frozenset({"0.0.0.0", "::", "host.docker.internal"})
"""Names that are the same on every machine."""
_NAMED = frozenset({"host", ":authority", "x-forwarded-host", "x-forwarded-server"})
_ADDRESSED = frozenset(
    word
    for line in (
        "x-forwarded-for x-real-ip forwarded true-client-ip cf-connecting-ip x-client-ip",
        "x-cluster-client-ip x-envoy-external-address x-original-forwarded-for",
    )
    for word in line.split()
)
_HOST = re.compile(
    r"\s*(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\s:/,\[\]]{1,255}))(?::[0-9]{1,5})?\s*(?:,|\Z)"
)
_ADDRESS = re.compile(r"(?<![\w.:])[0-9A-Fa-f:.]{3,45}(?![\w.:])")


def tells(host: str) -> bool:
    """Whether a host's name or address tells which it is: not this machine's, nor a mask."""
    if not host or host.lower() in _EVERYONES or host.lower().endswith(".invalid"):
        return False
    return not is_here(host.lower())


def hosts_of(exchange: Exchange) -> Iterator[str]:
    """The hosts of an exchange that tell which they are: the server, and as the client calls it."""
    yield from {exchange.host, exchange.host.lower()} if tells(exchange.host) else ()
    for name, value in exchange.request_headers:
        if name.lower() in _NAMED:
            yield from (host for host, _, _ in _named(value))


def without_hosts(headers: Headers, mask: Callable[[str, str], str]) -> Headers:
    """Headers in which hosts and clients' addresses are what `mask` makes of (name, host)."""
    return tuple((name, _value(name, value, mask)) for name, value in headers)


def _value(name: str, value: str, mask: Callable[[str, str], str]) -> str:
    lower = name.lower()
    if lower not in _NAMED and lower not in _ADDRESSED:
        return value
    spans = _named(value) if lower in _NAMED else _addresses(value)
    out: list[str] = []
    at = 0
    for host, start, stop in spans:
        out += (value[at:start], mask(name, host))
        at = stop
    return "".join((*out, value[at:]))


def _named(value: str) -> Iterator[tuple[str, int, int]]:
    """The hosts of a header that names some, by comma, each perhaps with a port."""
    for found in _HOST.finditer(value):
        group = 1 if found[1] else 2
        if tells(found[group]):
            yield found[group], *found.span(group)


def _addresses(value: str) -> Iterator[tuple[str, int, int]]:
    for found in _ADDRESS.finditer(value):
        for address in (found[0], found[0].rpartition(":")[0]):
            if _is_address(address):
                if tells(address):
                    yield address, found.start(), found.start() + len(address)
                break


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_named(text: str, start: int, stop: int) -> bool:
    """Whether `text[start:stop]`, which reads like a host's name, is that host there.

    A name of one word (`llama`) may be any word: it is where a URL or an address names it.
    """
    before, behind = text[max(0, start - 1) : start], text[stop : stop + 1]
    if before.isalnum() or before in ("-", "_") or behind.isalnum() or behind in ("-", "_"):
        return False
    if "." in text[start:stop] or ":" in text[start:stop]:
        return True
    return text.endswith(("//", "@"), 0, start) and behind in ("", *":/?#\"'`<>()[]{},; \t\r\n")
