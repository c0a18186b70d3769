"""Where the screens are served: an address that nobody else can reach, unless that is allowed."""

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from socket import AF_INET, AF_INET6

from kimitap.errors import UsageError

DEFAULT_LISTEN = "127.0.0.1:9091"


@dataclass(frozen=True, slots=True)
class Address:
    """An address of this machine and a port; port 0 is one that is free."""

    host: str
    port: int

    @property
    def remote(self) -> bool:
        """Whether other machines can reach it."""
        return not ip_address(self.host).is_loopback

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

    def knows(self, host: str) -> bool:
        """Whether a browser that sends this Host header means this server.

        Where others can reach it, it goes by each of the machine's addresses, and by its name: no
        name server that is somebody else's can make a browser send one of those.
        """
        if not self.remote or host in self.hosts:
            return host in self.hosts
        name, _, port = host.rpartition(":") if self.port != 80 else (host, "", "80")
        return port == str(self.port) and (name == socket.gethostname() or _is_ip(name))


def parse_listen(listen: str, *, remote: bool = False) -> Address:
    """The address that `HOST:PORT` names; raises `UsageError` where it is none.

    One that other machines can reach is refused unless `remote`.
    """
    host, _, port = listen.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    known = "127.0.0.1" if host == "localhost" else host
    try:
        address = Address(known, int(port))
        refused = address.remote and not remote
    except ValueError:
        address, refused = Address(known, -1), False
    if not 0 <= address.port < 1 << 16 or not host:
        raise UsageError(f"{listen!r} is no address to listen on: give one like {DEFAULT_LISTEN}")
    if refused:
        raise UsageError(
            f"{host} can be reached by other machines, and with it all that was recorded: forward "
            f"a port instead (ssh -L 9091:127.0.0.1:9091 HOST), or say --allow-remote"
        )
    return address


def reachable(address: Address) -> Address:
    """The address to open from elsewhere: where it is any of the machine's, the one by which this
    machine goes out, as far as it knows one. Nothing is sent."""
    if not ip_address(address.host).is_unspecified:
        return address
    six = ":" in address.host
    family, elsewhere = (AF_INET6, "2001:db8::1") if six else (AF_INET, "192.0.2.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return Address(probe.getsockname()[0], address.port)
    except OSError:
        return Address("::1" if six else "127.0.0.1", address.port)


def _is_ip(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def bound(address: Address) -> socket.socket:
    """A socket that listens at the address; raises `UsageError` where that cannot be."""
    family = AF_INET6 if ":" in address.host else AF_INET
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
