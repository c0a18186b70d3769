"""The port that `kimitap record` would take, and one live request through a recorder."""

import socket
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from kimitap.doctor.check import Check, bad, good, warning
from kimitap.doctor.server import ask
from kimitap.errors import KimitapError
from kimitap.running import recorder
from kimitap.store import Recording

PATH = "/v1/models"
"""What is asked for: every server of this kind answers it, and nothing is generated."""


def look_at_port(host: str, port: int) -> Check:
    """Is the port free, or is a recorder there already?"""
    address = f"{host}:{port}"
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if _answers(host, port):
            return warning(
                "Port",
                f"somebody listens at {address} already: a recorder, perhaps",
                "kimitap status says who records; or record elsewhere with --listen",
            )
        return bad("Port", f"{address} cannot be listened on ({error.strerror})", "name another")
    return good("Port", f"{address} is free")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return False
    return True


def try_it(upstream: str) -> Iterator[Check]:
    """Start a recorder with a recording of its own, ask through it, and look what was recorded."""
    with tempfile.TemporaryDirectory(prefix="kimitap-doctor-") as folder:
        where = str(Path(folder) / "trial.db")
        try:
            with recorder(upstream, where) as running:
                direct_s, direct = _timed(upstream)
                through_s, through = _timed(running.url)
        except KimitapError as error:
            yield bad("Recorder", str(error), "see `kimitap record --help`")
            return
        except (OSError, HTTPException) as error:
            yield bad("Recorder", f"a request did not come through ({error})", "report this")
            return
        with Recording.open(where) as recording:
            kept = [exchange.endpoint for exchange in recording.exchanges()]
    if PATH not in kept or direct[0] != through[0]:
        yield bad("Recorder", "a request came through otherwise than it went", "report this")
        return
    yield good(
        "Recorder",
        f"a live request came through and was recorded: {1000 * through_s:.0f} ms, direct "
        f"{1000 * direct_s:.0f} ms",
    )


def _timed(base: str) -> tuple[float, tuple[int, object]]:
    start = time.monotonic()
    answer = ask(base, PATH)
    return time.monotonic() - start, answer
