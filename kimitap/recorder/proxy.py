"""The proxy of `kimitap record`: mitmproxy's own master in this process, before one upstream."""

# mypy: untyped-calls-exclude=mitmproxy

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from mitmproxy import ctx
from mitmproxy.addons import block, core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from kimitap.errors import ProxyError, RecordingUnavailable
from kimitap.recorder.addon import SILENCE_S, Recorder, beyond_loopback
from kimitap.recorder.swift import SwiftOptions
from kimitap.recorder.tally import Tally

DEFAULT_LISTEN = "127.0.0.1:9090"


def run_proxy(
    upstream: str,
    listen: str,
    where: str,
    *,
    on_ready: Callable[[str], None],
    say: Callable[[str], None],
    memory_mb: int = 256,
    keep: str = "",
    max_size: str = "",
) -> Tally:
    """Record what passes between `listen` (host:port) and `upstream` (a URL) until Ctrl-C.

    Meanwhile what is older than `keep` (`30d`) is deleted, and the oldest where more than
    `max_size` (`5GB`) is in use.

    `on_ready` is called once with the base URL that clients use; `say` gets each line there is to
    say, none if the proxy cannot start: the error says it. Returns what was recorded. Raises
    ProxyError if the proxy cannot start, and RecordingError if the recording at `where` cannot be
    opened.
    """
    host, port = parse_listen(listen)
    target = parse_upstream(upstream)
    _try_to_listen(host, port)
    given: dict[str, str | int] = {
        "kimitap_db": where,
        "kimitap_memory": memory_mb,
        "kimitap_keep": keep,
        "kimitap_max_size": max_size,
    }
    with _said_by(say) as saying:

        def ready(url: str) -> None:
            saying.begin()
            on_ready(url)

        return asyncio.run(_serve(target, host, port, ready, given))


def parse_listen(listen: str) -> tuple[str, int]:
    """`host:port`, `port` or `[::1]:port` as host and port. Raises ProxyError."""
    host, _, port = listen.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ProxyError(f"{listen!r} is no address to listen on: give one like {DEFAULT_LISTEN}")
    return host, int(port)


def demand_loopback(listen: str) -> None:
    """Raise ProxyError where other machines could connect to the address."""
    host, port = parse_listen(listen)
    try:
        found = socket.getaddrinfo(host, port)
    except OSError as error:
        raise ProxyError(_why_not(error, host, port)) from error
    if beyond_loopback(str(address[0]) for *_, address in found):
        raise ProxyError(
            f"{host} can be reached by other machines, which could use your server through it: "
            f"listen on 127.0.0.1:{port}, or say --allow-remote if that is meant"
        )


def parse_upstream(upstream: str) -> str:
    """The upstream's `scheme://host:port`. Raises ProxyError."""
    hint = "give the server's address, like http://127.0.0.1:8080"
    url = upstream.strip() if "://" in upstream else f"http://{upstream.strip()}"
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ProxyError(f"{upstream!r} is no upstream ({error}): {hint}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ProxyError(f"{upstream!r} is no upstream: {hint}")
    if parts.path.strip("/") or parts.query:
        raise ProxyError(
            f"{upstream!r} has a path: {hint}, and let the clients ask for {parts.path}"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def _try_to_listen(host: str, port: int) -> None:
    """Find out what is wrong with the address before anything else is said or made."""
    try:
        socket.getaddrinfo(host, port)
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as error:
        raise ProxyError(_why_not(error, host, port)) from error


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Ready:
    """Tells, as the last of the addons, that the proxy listens and records, or that it cannot."""

    def __init__(self, recorder: Recorder, on_ready: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._on_ready = on_ready
        self.failure: Exception | None = None

    async def running(self) -> None:
        """Look at what came of listening, and of opening the recording."""
        if self._recorder.opening:
            await self._recorder.opening
        servers = list(ctx.master.addons.get("proxyserver").servers)
        self.failure = next((s.last_exception for s in servers if s.last_exception), None)
        if complaint := self._recorder.complaint:
            self.failure = RecordingUnavailable(complaint.reason)
        if self.failure is None:
            host, port = servers[0].listen_addrs[0][:2]
            host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
            self._on_ready(f"http://{host}:{port}")
        else:
            ctx.master.shutdown()


async def _serve(
    target: str,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    given: Mapping[str, str | int],
) -> Tally:
    recorder = Recorder()
    ready = _Ready(recorder, on_ready)
    master = Master(SwiftOptions())
    master.addons.add(*_needed(target), recorder, ready)
    master.options.update(
        mode=[f"reverse:{target}"],
        listen_host=host,
        listen_port=port,
        connection_strategy="lazy",
        tcp_timeout=SILENCE_S,
        **given,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(
            NotImplementedError, RuntimeError, ValueError
        ):  # not the main thread; Windows
            loop.add_signal_handler(number, master.shutdown)
    await master.run()
    if isinstance(ready.failure, RecordingUnavailable):
        raise ready.failure
    if recorder.futile and recorder.complaint:  # heard of late
        raise RecordingUnavailable(recorder.complaint.reason)
    if ready.failure is not None:  # somebody took the port between our look and mitmproxy's
        raise ProxyError(_why_not(ready.failure, host, port)) from ready.failure
    return recorder.tally


def _needed(target: str) -> list[object]:
    """The addons without which mitmproxy is no reverse proxy: each other one costs every event."""
    needed = [
        core.Core(),
        block.Block(),
        disable_h2c.DisableH2C(),
        proxyserver.Proxyserver(),
        next_layer.NextLayer(),
    ]
    return [*needed, tlsconfig.TlsConfig()] if target.startswith("https:") else needed


def _why_not(failure: Exception, host: str, port: int) -> str:
    """One line: why the proxy does not listen, and what to do."""
    number = failure.errno if isinstance(failure, OSError) else None
    if number == errno.EADDRINUSE:
        return f"port {port} is in use on {host}: stop what uses it, or choose one with --listen"
    if number == errno.EACCES:
        return f"port {port} may not be used by you: choose one above 1023 with --listen"
    if isinstance(failure, socket.gaierror) or number == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: choose one with --listen"
    return f"cannot listen on {host}:{port}: {failure}"


@contextmanager
def _said_by(say: Callable[[str], None]) -> Iterator["_Saying"]:
    """Give what Kimitap says, and what mitmproxy warns of, to `say`, within the block."""
    handler = _Saying(say)
    ours, root = logging.getLogger("kimitap"), logging.getLogger()
    before = ours.level
    ours.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        ours.setLevel(before)


class _Saying(logging.Handler):
    """Keeps back what is logged until it may `begin` to say it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        self._early: list[str] | None = []

    def begin(self) -> None:
        """Say what was kept back, and all that follows at once."""
        early, self._early = self._early, None
        for line in early or ():
            self._say(line)

    def emit(self, record: logging.LogRecord) -> None:
        """Say one line; a traceback only where it is all there is to know."""
        line = record.getMessage() if not record.exc_info else self.format(record)
        if self._early is None:
            self._say(line)
        else:
            self._early.append(line)
