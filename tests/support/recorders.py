"""The two ways to record, each a real process that a test may hinder, limit or kill."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.proxy import (
    SCRIPT,
    Proxy,
    environment,
    free_port,
    listens,
    mitmdump,
    wait_for,
)

MITMDUMP, RECORD = "mitmdump", "kimitap record"
KINDS = (MITMDUMP, RECORD)

_SMALL = """
import sys
from kimitap.recorder import run_proxy
def say(line): print(line, flush=True)
run_proxy(*sys.argv[1:4], on_ready=lambda url: say("ready: " + url), say=say,
          memory_mb=int(sys.argv[4]))
"""
"""`kimitap record` with another bound on its memory, for which it has no option."""

READY = r"^ready: |Kimitap (records|is going to record|cannot record|does NOT)|recording cannot"

_PATIENCE_S = 180.0
_AGAIN_S = 15.0

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1
_libc = ctypes.CDLL(None)


def obey_permissions() -> None:
    """For `preexec_fn`: be refused what a file's mode forbids, also where root runs the tests."""
    if sys.platform == "linux":
        _libc.prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


def command(
    kind: str, url: str, port: int, where: Path | str, home: Path, memory_mb: int | None
) -> list[str]:
    """The command line of a recorder before `url`."""
    if kind == MITMDUMP:
        memory = () if memory_mb is None else ("--set", f"kimitap_memory={memory_mb}")
        return mitmdump(
            *("-s", str(SCRIPT), "--mode", f"reverse:{url}"),
            *("--listen-host", "127.0.0.1", "-p", str(port)),
            *("--set", f"confdir={home / 'mitmproxy'}", "--set", f"kimitap_db={where}", *memory),
        )
    listen = f"127.0.0.1:{port}"
    if memory_mb is not None:
        return [sys.executable, "-c", _SMALL, url, listen, str(where), str(memory_mb)]
    words = ("record", "--upstream", url, "--listen", listen, "--db", str(where))
    return [sys.executable, "-m", "kimitap.cli", *words]


def start_recorder(
    kind: str,
    url: str,
    where: Path,
    home: Path,
    *options: str,
    memory_mb: int | None = None,
    before: Callable[[], None] | None = None,
    within: Sequence[str] = (),
    ready: str = READY,
    port: int = 0,
    script: Path | None = None,
    **variables: str,
) -> Proxy:
    """A recorder of that kind, once it has printed a line like `ready` and listens.

    `before` runs in the child before the program, `within` is a program that runs ours.
    """
    port = port or free_port()
    words = [*within, *command(kind, url, port, where, home, memory_mb), *options]
    if script:
        words[words.index(str(SCRIPT))] = str(script)
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env={**environment(home), **variables},
        preexec_fn=before,
    )
    proxy = Proxy(process, port, where)
    proxy.read()
    try:
        proxy.said(ready, _PATIENCE_S)
        wait_for(lambda: listens(port) or process.poll() is not None, f"port {port}", _PATIENCE_S)
    except BaseException:
        proxy.kill()
        raise
    return proxy


def stop(proxy: Proxy) -> str:
    """Ctrl-C; all that it has printed. It may take long: what waits is written first.

    Once more after a while: asyncio forgets a signal that comes while its self-pipe is full, as
    with mitmproxy's log of a thousand connections that close at once.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while proxy.process.poll() is None and time.monotonic() < deadline:
        proxy.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            proxy.process.wait(_AGAIN_S)
    return proxy.stop()
