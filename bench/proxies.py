"""The proxies that are compared: real processes in front of one upstream, ended by their pids."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.client import BrokenStream
from bench.procs import cpu_s, descendants, own_cpu_s

_ROOT = Path(__file__).parent.parent
_READY_S = 60
_END_S = 20


class ProxyFailed(Exception):
    """A proxy did not start or did not end; the text ends with what it printed."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy; `folder` holds its log and its database."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def database(self) -> Path:
        """Where it records, if it does."""
        return self.folder / "bench.db"

    @property
    def log(self) -> str:
        """What it printed."""
        return (self.folder / "log").read_text(errors="replace")

    def cpu_s(self) -> float:
        """Seconds of processor time so far, its child processes included; 0 where unknown."""
        return cpu_s(self.process.pid)

    @property
    def writer(self) -> int | None:
        """The process that writes the recording, if there is one."""
        return next(iter(descendants(self.process.pid)), None)

    def writer_cpu_s(self) -> float:
        """Seconds of processor time of that process so far."""
        return own_cpu_s(self.writer) if self.writer else 0.0

    def stop(self) -> None:
        """End it as Ctrl-C would, and wait until its recording is closed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ProxyFailed(f"{self.name} did not end within {_END_S} s:\n{self.log}") from None


Start = Callable[[str, int, Path], Proxy]
"""Starts a proxy under a name, in front of the upstream's port; its files go into the folder."""


def plain(name: str, upstream: int, folder: Path) -> Proxy:
    """mitmdump that streams and records nothing: the baseline."""
    return _mitmdump(name, upstream, folder, Path(__file__).with_name("plain_streaming.py"))


def addon(name: str, upstream: int, folder: Path, *more: str) -> Proxy:
    """mitmdump with Kimitap's addon, and `more` options."""
    return _open(_mitmdump(name, upstream, folder, _ROOT / "addons" / "kimitap.py", *more))


def record(name: str, upstream: int, folder: Path, *more: str) -> Proxy:
    """`kimitap record`, with `more` options."""
    port = _free_port()
    words = ["--upstream", f"http://127.0.0.1:{upstream}", "--listen", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "kimitap.cli", "record", *words, *more]
    return _open(_start(name, command, port, folder))


@contextmanager
def running(starts: dict[str, Start], upstream: int, folder: Path) -> Iterator[dict[str, Proxy]]:
    """Start the proxies by name, one after another, and end them all, whatever happens."""
    proxies: dict[str, Proxy] = {}
    try:
        for name, start in starts.items():
            own = folder / name
            own.mkdir()
            proxies[name] = start(name, upstream, own)
        yield proxies
    except BrokenStream as error:
        said = "".join(f"{proxy.name}: {proxy.log}\n" for proxy in proxies.values() if proxy.log)
        raise ProxyFailed(f"{error}\n{said}") from error
    finally:
        for proxy in proxies.values():
            proxy.stop()


def _mitmdump(name: str, upstream: int, folder: Path, script: Path, *more: str) -> Proxy:
    port = _free_port()
    beside = Path(sys.executable).with_name("mitmdump")
    program = str(beside) if beside.exists() else shutil.which("mitmdump")
    if program is None:
        raise ProxyFailed("there is no mitmdump; install Kimitap with its dependencies first")
    mode = f"reverse:http://127.0.0.1:{upstream}"
    listen = ["--mode", mode, "--listen-host", "127.0.0.1", "-p", str(port)]
    command = [program, "-q", "-s", str(script), *listen, "--set", f"confdir={folder}", *more]
    return _start(name, command, port, folder)


def _start(name: str, command: list[str], port: int, folder: Path) -> Proxy:
    environment = {**os.environ, "KIMITAP_DB": str(folder / "bench.db")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    proxy = Proxy(name, port, process, folder)
    _await_ready(proxy)
    return proxy


def _await_ready(proxy: Proxy) -> None:
    late = time.monotonic() + _READY_S
    while proxy.process.poll() is None and time.monotonic() < late:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", proxy.port)) == 0:
                return
        time.sleep(0.05)
    if proxy.process.poll() is None:
        proxy.stop()
    raise ProxyFailed(f"{proxy.name} did not start:\n{proxy.log}")


def _open(proxy: Proxy) -> Proxy:
    """A recorder, once its recording is there: it takes requests before."""
    late = time.monotonic() + _READY_S
    while proxy.process.poll() is None and time.monotonic() < late:
        where = f"{proxy.database.as_uri()}?mode=ro"  # or it would be made here
        with suppress(sqlite3.Error), closing(sqlite3.connect(where, uri=True)) as database:
            database.execute("SELECT id FROM exchange LIMIT 1").fetchall()
            return proxy
        time.sleep(0.05)
    if proxy.process.poll() is None:
        proxy.stop()
    raise ProxyFailed(f"{proxy.name} opened no recording:\n{proxy.log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
