"""Where the screens are served: an address of this machine that nobody else can reach."""

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from kimitap.errors import UsageError

DEFAULT_LISTEN = "127.0.0.1:9091"


@dataclass(frozen=True, slots=True)
class Address:
    """A loopback address and a port; port 0 is one that is free."""

    host: str
    port: int

    @property
    def name(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def origin(self) -> str:
        return f"http://{self.name}:{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser may call this server in its Host header.

        Any other name is one that somebody else's name server points here.
        """
        names = {f"{self.name}:{self.port}", f"localhost:{self.port}"}
        return frozenset(names | ({self.name, "localhost"} if self.port == 80 else set()))


def parse_listen(listen: str) -> Address:
    """The address that `HOST:PORT` names; raises `UsageError` where it is none, or not loopback."""
    host, _, port = listen.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    known = "127.0.0.1" if host == "localhost" else host
    try:
        number, loopback = int(port), ip_address(known).is_loopback
    except ValueError:
        number, loopback = -1, False
    if not 0 <= number < 1 << 16 or not host:
        raise UsageError(f"{listen!r} is no address to listen on: give one like {DEFAULT_LISTEN}")
    if not loopback:
        raise UsageError(
            f"{host} is not this machine alone: the screens are served on loopback only "
            f"({DEFAULT_LISTEN}); from elsewhere, forward a port: ssh -L 9091:127.0.0.1:9091 HOST"
        )
    return Address(known, number)


def bound(address: Address) -> socket.socket:
    """A socket that listens at the address; raises `UsageError` where that cannot be."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise UsageError(_why_not(address, error)) from error


def _why_not(address: Address, error: OSError) -> str:
    choose = "choose one with --listen"
    match error.errno:
        case errno.EADDRINUSE:
            where = f"port {address.port} is in use on {address.host}"
            return f"{where}: stop what uses it, or {choose}"
        case errno.EACCES:
            return f"port {address.port} may not be used by you: {choose} above 1023"
        case errno.EADDRNOTAVAIL:
            return f"{address.host} is no address of this machine: {choose}"
        case _:
            return f"cannot listen on {address.name}:{address.port}: {error.strerror}"
