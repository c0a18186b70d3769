"""`kimitap web` as a process: the line that it prints, and what is left when it ends."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from kimitap.cli import run
from tests.support.proxy import environment
from tests.support.served import SAMPLE, until

READY = re.compile(r"ready: open (http://127\.0\.0\.1:(\d+)/\?token=[\w-]{40,})\n")


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address that it printed."""
    command = [sys.executable, "-m", "kimitap.cli", "web", *words, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = READY.fullmatch(process.stdout.readline())
        assert said is not None
        yield process, said[1]
    finally:
        process.kill()
        process.communicate()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that the command says instead of starting."""
    assert run(["web", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1, err
    return err


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return " Z " not in Path(f"/proc/{pid}/stat").read_text()


async def opened(client: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    async with client.get(url) as answer:
        assert answer.status == 200
    origin = url.split("/?")[0]
    return await client.ws_connect(f"{origin}/ws?width=120&height=40", origin=origin)


def browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_it_serves_the_screens_until_ctrl_c_and_leaves_no_process() -> None:
    with running(SAMPLE) as (process, url):
        async with browser() as client:
            page = await opened(client, url)
            await until(page, "LOST TURN")
            tabs = children(process.pid)
            assert len(tabs) == 1
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.to_thread(process.communicate, None, 15)
            assert time.monotonic() - began < 8
            assert (process.returncode, out, err) == (0, "", "")
            assert not any(alive(pid) for pid in tabs)


async def test_a_tab_ends_even_if_the_server_was_killed() -> None:
    with running(SAMPLE) as (process, url):
        async with browser() as client:
            page = await opened(client, url)
            await until(page, "LOST TURN")
            (tab,) = children(process.pid)
            process.kill()
            async with asyncio.timeout(15):
                while alive(tab):
                    await asyncio.sleep(0.1)


async def test_place_and_options_are_those_of_tui() -> None:
    words = (SAMPLE, "3", "--ignore", "tool-turn-lost", "--no-config")
    with running(*words) as (process, url):
        async with browser() as client:
            page = await opened(client, url)
            shown = await until(page, "nothing wrong found")
            assert "turn 3 of 4 · #3" in shown
            process.terminate()
            await asyncio.to_thread(process.communicate, None, 15)
            assert process.returncode == 0


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(capsys, SAMPLE, "--listen", f"127.0.0.1:{port}")
    assert said.startswith(f"kimitap: port {port} is in use on 127.0.0.1: ")


def test_other_machines_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "or say --allow-remote" in refused(capsys, SAMPLE, "--listen", "0.0.0.0:9091")


_ALONE = """
import fcntl, socket, struct, subprocess, sys
with socket.socket() as any:  # loopback is down at first: IFF_UP | IFF_RUNNING
    fcntl.ioctl(any, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
words = [sys.executable, "-m", "kimitap.cli", "web", sys.argv[1], "--allow-remote"]
web = subprocess.Popen([*words, "--listen", "0.0.0.0:0"], stdout=-1, stderr=-1, text=True)
try:
    warning = web.stderr.readline()
    url = web.stdout.readline().removeprefix("ready: open ").strip()
    port = int(url.partition("/?")[0].rpartition(":")[2])
    def get(query, host):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            lines = f"GET /{query} HTTP/1.1", f"Host: {host}", "Connection: close", "", ""
            peer.sendall("\\r\\n".join(lines).encode())
            return peer.makefile().readline().split()[1]
    token = "?" + url.partition("?")[2]
    here = f"127.0.0.1:{port}"
    print(get("", here), get("?token=wrong", here), get(token, here), get(token, "evil.example"))
    print(warning, end="")
finally:
    web.terminate()
"""


_OTHERS = """
import os, subprocess, sys
for words in (["serve-recording", sys.argv[1]], ["record", "--upstream", "http://127.0.0.1:1"]):
    words = [sys.executable, "-m", "kimitap.cli", *words, "--listen", "0.0.0.0:0", "--allow-remote"]
    with subprocess.Popen(words, stdout=-1, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            if "can connect" in line or "can use your server" in line:
                print(line, end="", flush=True)
                process.terminate()
"""


def alone(script: str, folder: Path) -> str:
    """What a script prints in a network of its own, which nobody else can reach."""
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", script, SAMPLE]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=folder,
            env=environment(folder),
        )
    except FileNotFoundError:
        pytest.skip("needs Linux's unshare")
    if "unshare" in done.stderr:
        pytest.skip("no network of one's own is permitted here")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_recorder_and_a_recording_that_is_served_warn_too(tmp_path: Path) -> None:
    served, recorded = alone(_OTHERS, tmp_path).splitlines()
    assert served.startswith("kimitap: other machines can connect: ")
    assert "listens on 0.0.0.0" in recorded


def test_with_a_word_others_are_let_in_who_have_the_token_and_the_user_is_warned(
    tmp_path: Path,
) -> None:
    answers, warning = alone(_ALONE, tmp_path).splitlines()
    assert answers == "403 403 200 403"
    assert warning.startswith("kimitap: other machines can connect: ")


def test_no_recording_is_one_line_before_anything_starts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "nothing.db" in refused(capsys, str(tmp_path / "nothing.db"), "--listen", "127.0.0.1:0")
    (tmp_path / "other.db").write_text("no database")
    assert "other.db" in refused(capsys, str(tmp_path / "other.db"), "--listen", "127.0.0.1:0")


def test_no_such_place_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "77" in refused(capsys, SAMPLE, "77", "--listen", "127.0.0.1:0")
