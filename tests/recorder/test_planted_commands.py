"""Planted secrets, and the commands that run on: nothing that their processes print, log or write
holds one. Each is the real process, its standard output and error read to the end."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from tests.support.planted import (
    CREDENTIALS,
    HEADERS,
    PLAIN,
    PLAYS,
    SECRETS,
    Planted,
    assert_none,
    chat,
    request_of,
)
from tests.support.proxy import (
    Peer,
    Play,
    Proxy,
    environment,
    fetch,
    free_port,
    request_bytes,
    upstream,
    wait_for,
)
from tests.support.secrets import KEYS

PATIENCE_S = 120.0
ALL = CREDENTIALS | PLAIN
COMPLETIONS = "/v1/chat/completions"
OTHER_KEY = "glpat-" + "zY8xW6vU4tS2rQ0pO9nM"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder of this test's own, where settings hold secrets."""
    folder = tmp_path / "home"
    (folder / ".codex").mkdir(parents=True)
    return folder


def words_of(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "kimitap.cli", *map(str, words)]


def surroundings(own: Path, more: Mapping[str, str]) -> dict[str, str]:
    return {**environment(own), "HOME": str(own), **more}


def done(own: Path, *words: str | Path, **more: str) -> tuple[int, bytes]:
    """A command's exit status, and all that it printed."""
    process = subprocess.run(
        words_of(*words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=own,
        env=surroundings(own, more),
        timeout=PATIENCE_S,
        check=False,
    )
    assert b"Traceback" not in process.stdout, process.stdout.decode()
    return process.returncode, process.stdout


@contextmanager
def going_on(own: Path, *words: str | Path) -> Iterator[Proxy]:
    """A command that ends with Ctrl-C."""
    process = subprocess.Popen(
        words_of(*words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=own,
        env=surroundings(own, {}),
    )
    running = Proxy(process, 0, own)
    running.read()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    yield from ((file.name, file.read_bytes()) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_watch_prints_no_secret(planted: Planted, own: Path, kind: str) -> None:
    with going_on(own, "check", planted.where, "--watch", "--format", kind) as watch:
        wait_for(lambda: len(watch.lines) > 3, "findings", PATIENCE_S)
        printed = watch.stop()
    assert len(printed) > 200, printed
    assert_none(printed.encode(), ALL, "what was printed")


AGENT = """
import os, sys, urllib.request
from pathlib import Path
for file in sys.argv[1:]:
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions", Path(file).read_bytes(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["PLANTED"]})
    urllib.request.urlopen(request).read()
"""


def test_a_command_behind_a_recorder_leaves_no_secret(own: Path, tmp_path: Path) -> None:
    bodies = []
    for turn in range(3):
        bodies.append(tmp_path / f"{turn}.json")
        bodies[-1].write_bytes(chat(turn))
    key, made = CREDENTIALS["bearer"], tmp_path / "made"
    made.mkdir()
    with upstream() as server:
        server.on(COMPLETIONS, PLAYS[COMPLETIONS])
        words = ("run", "--upstream", server.url, "--db", made / "run.db")
        told = ("--format", "json", "--output", made / "told.json", "--fail-on", "never")
        agent = (sys.executable, "-c", AGENT, *bodies)
        status, printed = done(own, *words, *told, "--", *agent, PLANTED=key)
        again, printed_too = done(own, *words, "--", *agent, PLANTED=key)
        assert sum(key.encode() in peer.head for peer in server.seen) == 6
    assert (status, again) == (0, 1), printed_too.decode()
    assert len(printed_too) > 200
    assert json.loads((made / "told.json").read_bytes())
    assert_none(printed + printed_too + (made / "told.json").read_bytes(), ALL, "what was told")
    for name, data in files_below(made):
        assert_none(data, CREDENTIALS, name)


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_what_a_client_believes_is_told_without_a_secret(
    planted: Planted, own: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    history = tmp_path / "api_conversation_history.json"
    history.write_bytes(orjson.dumps(orjson.loads(chat(2))["messages"]))
    status, printed = done(own, "belief", planted.where, history, *more)
    assert status in (0, 1), printed.decode()
    assert len(printed) > 1000
    assert_none(printed, ALL, "what was printed")


def refused(peer: Peer) -> None:
    """A server that says every secret in its refusal."""
    said = orjson.dumps({"error": {"message": "; ".join(SECRETS.values()), "code": 400}})
    peer.answer(said, "400 Bad Request", "Content-Type: application/json\r\n")


@pytest.mark.parametrize("play", [PLAYS[COMPLETIONS], refused], ids=["answered", "refused"])
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_a_replay_prints_no_secret_and_writes_no_credential(
    planted: Planted, own: Path, tmp_path: Path, play: Play, more: tuple[str, ...]
) -> None:
    given = [HEADERS[kind] for kind in ("bearer", "API key", "own name")]
    secrets = [CREDENTIALS[kind] for kind in ("bearer", "API key", "own name")]
    headers = [
        word
        for (name, value), secret in zip(given, secrets, strict=True)
        for word in ("--header", f"{name}: {value % secret}")
    ]
    made = tmp_path / "made"
    made.mkdir()
    with upstream() as server:
        server.on(COMPLETIONS, play)
        words = ("replay", planted.where, "2", "-n", "2", "--server", server.url)
        status, printed = done(own, *words, "--output", made / "again.db", *headers, *more)
        assert status == 0, printed.decode()
        assert all(secret.encode() in peer.head for peer in server.seen for secret in secrets), (
            "the server got none"
        )
        assert len(server.seen) == 2
    assert_none(printed, ALL, "what was printed")
    for name, data in files_below(made):
        assert_none(data, CREDENTIALS, name)


def test_a_served_recording_prints_no_secret_of_what_it_is_asked(
    planted: Planted, own: Path
) -> None:
    port = free_port()
    at = ("--listen", f"127.0.0.1:{port}", "--speed", "max")
    with going_on(own, "serve-recording", planted.where, *at) as served:
        served.said("^ready: ", PATIENCE_S)
        query = f"?api_key={CREDENTIALS['query']}&x=hf_{CREDENTIALS['shape']}"
        right = fetch(port, request_of(COMPLETIONS, chat(0), "application/json"))
        other = orjson.dumps({"messages": [{"role": "user", "content": str(SECRETS)}]})
        wrong = fetch(port, request_of(COMPLETIONS + query, other, "application/json"))
        swapped = chat(0).replace(KEYS["GitLab"].encode(), OTHER_KEY.encode())
        nearly = fetch(port, request_of(COMPLETIONS, swapped, "application/json"))
        nowhere = fetch(port, request_of(f"/none{query}", other, "application/json"))
        printed = served.stop()
    answers = [head[9:12] for head, _ in (right, wrong, nearly, nowhere)]
    assert answers == [b"200", b"409", b"409", b"404"]
    assert printed.count("differs") >= 2, printed
    assert OTHER_KEY not in printed
    assert_none(printed.encode(), ALL, "what was printed")
    for head, body in (right, wrong, nearly, nowhere):
        assert_none(head + body, CREDENTIALS, "what was served")


def test_the_doctor_prints_no_secret_of_settings_variables_and_servers(
    planted: Planted, own: Path
) -> None:
    said = "; ".join(SECRETS.values())
    with upstream() as server:
        server.on("/health", lambda peer: peer.answer(orjson.dumps({"status": said})))
        server.on("/props", lambda peer: peer.answer(orjson.dumps({"chat_template": said})))
        server.on("/v1/models", refused)
        key = CREDENTIALS["bearer"]
        bypass = f"http://kim:{key}@127.0.0.1:{server.port}/v1"
        settings = f'base_url = "{bypass}"  # {key}\n'
        (own / ".codex" / "config.toml").write_text(settings)
        words = ("doctor", planted.where, "--upstream", server.url)
        at = ("--listen", f"127.0.0.1:{free_port()}")
        variables = {"OPENAI_BASE_URL": bypass, "OPENAI_API_KEY": key, "HTTP_PROXY": bypass}
        status, printed = done(own, *words, *at, **variables)
    assert status in (0, 1), printed.decode()
    assert b"OPENAI_BASE_URL names the server itself" in printed
    assert b"config.toml, line 1" in printed
    assert_none(printed, ALL, "what was printed")


def test_the_status_prints_no_secret(planted: Planted, own: Path) -> None:
    status, printed = done(own, "status", planted.where)
    assert status == 0, printed.decode()
    assert b"5" in printed
    assert_none(printed, ALL, "what was printed")
    where = f"postgresql+psycopg://kim:{CREDENTIALS['userinfo']}@127.0.0.1:{free_port()}/none"
    status, printed = done(own, "status", "--db", where)
    assert status == 2
    assert b"127.0.0.1" in printed or b"psycopg" in printed
    assert_none(printed, ALL, "what was printed")


def test_who_has_no_token_gets_no_secret_from_the_screens_in_a_browser(
    planted: Planted, own: Path
) -> None:
    port = free_port()
    with going_on(own, "web", planted.where, "--listen", f"127.0.0.1:{port}") as web:
        ready = web.said("^ready: ", PATIENCE_S)
        token = ready.partition("?")[2] or ready.rpartition("/")[2]
        host = (f"Host: 127.0.0.1:{port}",)
        asked: Callable[[str], tuple[bytes, bytes]] = lambda path: fetch(  # noqa: E731
            port, request_bytes(path, headers=host).replace(b"Host: server\r\n", b"")
        )
        answers = [asked(path) for path in ("/", "/none", "/?token=wrong", "/ws")]
        printed = web.stop().replace(token, "")
    assert all(head[9:10] == b"4" for head, _ in answers), [head for head, _ in answers]
    for head, body in answers:
        assert_none(head + body, ALL, "what was answered")
    assert_none(printed.encode(), ALL, "what was printed")
