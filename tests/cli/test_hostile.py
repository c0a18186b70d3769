"""Recorded text cannot act in the terminal, whatever command prints it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from kimitap.cli import run
from kimitap.store import RecordingWriter
from kimitap.visible import visible
from tests.support import hostile_pages
from tests.support.proxy import Peer, environment, free_port, upstream
from tests.support.recordings import recording
from tests.support.requests_made import asked

HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\u2028\r\n[bold]$(touch pwned)`id`"
)

COMMANDS: Sequence[Sequence[str]] = (
    ("show", "{db}"),
    ("show", "{db}", "2"),
    *(
        ("check", "{db}", "--format", form)
        for form in ("text", "json", "sarif", "junit", "github", "markdown")
    ),
    *(
        ("diff", "{db}", "1", "2", "--format", form)
        for form in ("text", "markdown", "html", "json", "patch")
    ),
    ("status", "{db}"),
    ("verify", "{db}"),
    ("prune", "{db}", "--max-size", "1", "--dry-run"),
    ("export", "{db}", "--format", "curl"),
    ("report", "{db}", "--whole", "-o", "{folder}/report"),
    ("replay", "{db}", "1", "--server", "http://127.0.0.1:1", "--yes"),
    ("tui", "{db}", "99"),
    ("show", "{db}", HOSTILE),
    ("show", "{folder}/" + HOSTILE.replace("\r\n", "")),
    ("check", "{db}", "--select", HOSTILE),
    ("export", "{db}", "--format", "har", "-o", "{folder}/none/" + HOSTILE),
)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = recording(tmp_path_factory.mktemp("hostile") / "k.db", hostile_pages.session())
    with RecordingWriter(str(path)) as writer:
        writer.lose(1, HOSTILE, asked(b"").started_at)
    return path


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:1] + words[2:])[:40])
def test_nothing_that_acts_is_printed(
    where: Path, words: Sequence[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    named = [word.replace("{db}", str(where)).replace("{folder}", str(tmp_path)) for word in words]
    run(named)
    out, err = capfdbinary.readouterr()
    said = (out + err).decode()
    assert said.strip()
    said = said.replace("\u200b", "")  # ours, in Markdown: it keeps `#2` from being a link
    assert visible(said) == said


def test_a_server_cannot_act_through_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def props(peer: Peer) -> None:
        caps = {"supports_tools": False, HOSTILE: HOSTILE}
        said = {"build_info": HOSTILE, "chat_template": HOSTILE, "chat_template_caps": caps}
        peer.answer(orjson.dumps(said), extra="Server: \x1b[31mx\r\n")

    def models(peer: Peer) -> None:
        peer.answer(orjson.dumps({"data": [{"id": HOSTILE}, {"id": [HOSTILE]}]}))

    with upstream() as server:
        server.on("/health", lambda peer: peer.answer(HOSTILE.encode(), "200 \x1b[31mOK"))
        server.on("/props", props)
        server.on("/v1/models", models)
        run(["doctor", "--upstream", server.url, "--listen", f"127.0.0.1:{free_port()}"])
    said = b"".join(capfdbinary.readouterr()).decode()
    assert "gnp.exe" in said
    assert visible(said) == said


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 \x1b[31m\x9b\r\n", b"\x1b]0;x\x07 200 OK\r\n"])
def test_neither_client_nor_server_can_act_through_what_the_recorder_prints(
    tmp_path: Path, head: bytes
) -> None:
    acts = b"\x1b]52;c;aGFja2Vk\x07\xc2\x9b31m\xe2\x80\xae$(touch pwned)`id`"

    def play(peer: Peer) -> None:
        peer.send(head + b"Server: " + acts + b"\r\nContent-Length: 2\r\n\r\n{}")
        peer.cut()

    port = free_port()
    with upstream() as server:
        server.on("/v1/x", play)
        command = [sys.executable, "-m", "kimitap.cli", "record", "--upstream", server.url]
        process = subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{port}", "--db", str(tmp_path / "k.db")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env=environment(tmp_path),
        )
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            while b"ready: " not in first:
                first += process.stdout.readline()
            for line in (
                b"GET /v1/x HTTP/1.1\r\nHost: x\r\nUser-Agent: " + acts + b"\r\n\r\n",
                b"GET /v1/" + acts + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                acts + b"\r\n\r\n",
            ):
                with socket.create_connection(("127.0.0.1", port), 30) as client:
                    client.sendall(line)
                    with suppress(OSError):
                        client.recv(1 << 16)
        finally:
            process.send_signal(signal.SIGINT)
            said = (first + process.communicate(timeout=60)[0]).decode()
    assert "exchange" in said
    assert visible(said) == said
    assert not (tmp_path / "pwned").exists()
