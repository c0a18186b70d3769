"""Planted secrets, through a real `kimitap record` and a real mitmdump: where they lie, and leave.

Credentials of headers and URLs are looked for in the database, its log and index of the log, in
all that the recorders print, and in all outputs; the secrets of bodies, which a recording keeps,
in all outputs. They are looked for as they are, as JSON, URLs and base64 spell them, and in what
compression hides.
"""

import base64
import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson
import pytest

from kimitap.exchange import Exchange
from kimitap.store import Recording
from tests.support.commands import Command, command
from tests.support.playing import playing
from tests.support.proxy import (
    Peer,
    Play,
    Proxy,
    Upstream,
    environment,
    fetch,
    free_port,
    start_proxy,
    upstream,
    wait_for,
)
from tests.support.secrets import KEYS, TOLD

PATIENCE_S = 60.0
_BODY = "zY8xW6vU4tS2rQ0pO9nM7lK5jI3hG1fE"
HEADERS = {  # (name, value) with %s for the secret
    "bearer": ("Authorization", "Bearer %s"),
    "proxy": ("Proxy-Authorization", "Basic %s"),
    "API key": ("x-api-key", "%s"),
    "cookie": ("Cookie", "theme=dark; sid=%s"),
    "vault": ("X-Vault-Token", "%s"),
    "own name": ("X-Team-Secret", "%s"),
    "referer": ("Referer", "http://h/x?token=%s"),
    "within": ("X-Note", "key glpat-%s of mine"),
    "URL": ("X-Forwarded-Url", "http://kim:%s@h/x"),
    "name": ("sk-proj-%s", "1"),
}
QUERY = {
    "query": "api_key=%s",
    "encoded": "pass%%77ord=%s",
    "nested": "next=http%%3A%%2F%%2Fh%%2F%%3Ftoken%%3D%s",
    "userinfo": "to=http%%3A%%2F%%2Fkim%%3A%s%%40h%%2F",
    "shape": "x=hf_%s",
}
SET = {"set cookie": ("Set-Cookie", "sid=%s; Path=/"), "location": ("Location", "/?sig=%s")}


def _of(number: int) -> str:
    return f"{_BODY[number % 8 :]}{number:02d}aB"


CREDENTIALS = {name: _of(n) for n, name in enumerate((*HEADERS, *QUERY, *SET))}
TEXTS = {name: (f"take {key} now", key) for name, key in KEYS.items()} | TOLD
SECRETS = {name: secret for name, (_, secret) in TEXTS.items()}
_PLAIN = {  # where escapes and structure do not come between a secret and who looks for it
    name: secret
    for name, secret in SECRETS.items()
    if secret.isascii() and secret.isprintable() and len(secret) >= 7
}


@cache
def forms(secret: str) -> frozenset[bytes]:
    """How a secret may be spelled."""
    escaped = json.dumps(secret)[1:-1]
    spelled = {secret, escaped, json.dumps(escaped)[1:-1], quote(secret, safe="")}
    wrapped = [base64.b64encode(b"x" * lead + secret.encode()) for lead in range(3)]
    inner = {whole[4 if lead else 0 : -4] for lead, whole in enumerate(wrapped)}
    return frozenset({one.encode() for one in (*spelled, quote_plus(secret))} | inner)


def assert_none(data: bytes, secrets: dict[str, str], where: str) -> None:
    for name, secret in secrets.items():
        for form in forms(secret):
            assert form not in data, f"{name} in {where}: {form!r}"


@dataclass
class Planted:
    """What was recorded, and what the recorder printed and left while it ran and after."""

    where: Path
    printed: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


def _heads() -> list[str]:
    return [
        f"{name % CREDENTIALS[kind] if '%s' in name else name}: "
        f"{value % CREDENTIALS[kind] if '%s' in value else value}"
        for kind, (name, value) in HEADERS.items()
    ]


def _request(path: str, body: bytes, kind: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *_heads(), f"Content-Type: {kind}"]
    head += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body


def _chat(turn: int) -> bytes:
    """A request whose history holds every secret, as text, argument, key and JSON within JSON."""
    texts = [text for text, _ in TEXTS.values()]
    calls = [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": "run", "arguments": json.dumps({"command": text})},
        }
        for i, text in enumerate(texts)
    ]
    results = [
        {"role": "tool", "tool_call_id": f"call_{i}", "content": json.dumps({"said": text})}
        for i, text in enumerate(texts)
    ]
    history = [
        {"role": "user", "content": "\n".join(texts)},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *(results if turn < 2 else results[:-9]),
        {"role": "user", "content": f"go on: {texts[turn]}"},
    ]
    metadata = dict.fromkeys(KEYS.values(), 1) | {"password": "pl4nted-by-name"}
    return orjson.dumps(
        {"model": "m", "messages": history[: 4 + 99 * turn], "metadata": metadata, "stream": True}
    )


def _events(peer: Peer) -> None:
    """An answer that says every secret, cut within each."""
    peer.stream_head()
    text = "\n".join(text for text, _ in TEXTS.values())
    for at in range(0, len(text), 11):
        delta = {"choices": [{"index": 0, "delta": {"content": text[at : at + 11]}}]}
        peer.chunk(b"data: " + orjson.dumps(delta) + b"\n\n")
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    peer.chunk(b"data: " + orjson.dumps(last) + b"\n\ndata: [DONE]\n\n")
    peer.chunk(b"")


def _refused(peer: Peer) -> None:
    said = "; ".join(text for text, _ in TEXTS.values())
    body = gzip.compress(orjson.dumps({"error": {"message": f"cannot read {said}", "code": 400}}))
    extra = "Content-Encoding: gzip\r\nContent-Type: application/json\r\n"
    extra += "".join(
        f"{name}: {value % CREDENTIALS[kind]}\r\n" for kind, (name, value) in SET.items()
    )
    peer.answer(body, "400 Bad Request", extra)


def _form() -> bytes:
    parts = [
        f'--b1\r\nContent-Disposition: form-data; name="p{i}"\r\n\r\n{text}\r\n'
        for i, (text, _) in enumerate(TEXTS.values())
    ]
    return "".join((*parts, "--b1--\r\n")).encode()


PLAYS: dict[str, Play] = {
    "/v1/chat/completions": _events,
    "/v1/refused": _refused,
    "/v1/audio/transcriptions": lambda peer: peer.answer(b'{"text":"heard"}'),
}


def _talk(port: int) -> None:
    query = "&".join(said % CREDENTIALS[kind] for kind, said in QUERY.items())
    for turn in range(3):
        fetch(port, _request(f"/v1/chat/completions?{query}", _chat(turn), "application/json"))
    fetch(port, _request("/v1/refused", _chat(0), "application/json"))
    kind = "multipart/form-data; boundary=b1"
    fetch(port, _request("/v1/audio/transcriptions", _form(), kind))


def _recorded(where: Path) -> bool:
    if not where.exists():
        return False
    with Recording.open(str(where)) as recording:
        ended = [one.ended_at is not None for one in recording.exchanges()]
    return len(ended) == 5 and all(ended)


def _planted(proxy: Proxy, server: Upstream) -> Planted:
    planted = Planted(proxy.where)
    try:
        for path, play in PLAYS.items():
            server.on(path, play)
        _talk(proxy.port)
        for name in (*HEADERS, *QUERY):
            assert any(CREDENTIALS[name].encode() in peer.head for peer in server.seen), name
        wait_for(lambda: _recorded(proxy.where), "the exchanges", PATIENCE_S)
        for file in proxy.where.parent.iterdir():  # the log and its index are there, too
            planted.files[f"{file.name}, recording"] = file.read_bytes()
    finally:
        planted.printed = proxy.stop()
    for file in proxy.where.parent.iterdir():
        planted.files[file.name] = file.read_bytes()
    return planted


@pytest.fixture(scope="module")
def planted(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """By `kimitap record`."""
    where = tmp_path_factory.mktemp("planted") / "kimitap.db"
    port = free_port()
    with upstream() as server:
        words = ["record", "--upstream", server.url, "--listen", f"127.0.0.1:{port}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "kimitap.cli", *words, "--db", str(where)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=home,
            env=environment(home),
        )
        proxy = Proxy(process, port, where)
        proxy.read()
        proxy.said("^ready: ", PATIENCE_S)
        return _planted(proxy, server)


@pytest.fixture(scope="module")
def chatty(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """By a mitmdump that prints what it can, but for the flows themselves: those are its own."""
    where = tmp_path_factory.mktemp("chatty") / "kimitap.db"
    with upstream() as server:
        words = ("--set", "termlog_verbosity=debug", "--set", "flow_detail=0")
        return _planted(start_proxy(server.url, where, home, *words), server)


def test_there_are_enough_of_them() -> None:
    assert len(CREDENTIALS) >= 16
    assert len(_PLAIN) >= 60


@pytest.mark.parametrize("by", ["planted", "chatty"])
def test_credentials_of_headers_and_urls_never_reach_the_disk(
    by: str, request: pytest.FixtureRequest
) -> None:
    planted: Planted = request.getfixturevalue(by)
    assert {"kimitap.db, recording", "kimitap.db-wal, recording"} <= planted.files.keys()
    for name, data in planted.files.items():
        assert_none(data, CREDENTIALS, name)
    with Recording.open(str(planted.where)) as recording:
        for exchange in recording.exchanges():
            assert_none(_head(exchange), CREDENTIALS, f"the head of exchange {exchange.number}")


@pytest.mark.parametrize("by", ["planted", "chatty"])
def test_the_recorder_prints_no_secret(by: str, request: pytest.FixtureRequest) -> None:
    planted: Planted = request.getfixturevalue(by)
    printed = planted.printed.encode()
    assert b"kimitap" in printed.lower()
    assert_none(printed, CREDENTIALS | _PLAIN, "what was printed")


def test_the_secrets_of_bodies_are_recorded_as_they_were(planted: Planted) -> None:
    with Recording.open(str(planted.where)) as recording:
        said = b"\n".join(one.request.content for one in recording.exchanges())
    assert all(any(form in said for form in forms(secret)) for secret in _PLAIN.values())


def _head(exchange: Exchange) -> bytes:
    heads = [*exchange.request_headers, *exchange.response_headers]
    lines = [exchange.path, exchange.detail, exchange.reason, *(f"{n}: {v}" for n, v in heads)]
    return "\n".join(lines).encode(errors="surrogateescape")


@pytest.fixture
def kimitap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return command(tmp_path, capsys)


def _written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files, and what archives and recordings hold, with compression undone."""
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        data = file.read_bytes()
        yield file.name, data
        if file.suffix == ".zip":
            with zipfile.ZipFile(BytesIO(data)) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist())
        if file.suffix == ".db":
            with Recording.open(str(file)) as recording:
                for one in recording.exchanges():
                    yield f"{file.name} {one.number}", _head(one)
                    yield f"{file.name} {one.number} request", one.request.content
                    yield f"{file.name} {one.number} response", one.response


BODIES = (_chat(0), b'{"messages":[]}')
OUTPUTS = [
    *(
        ("check", "--format", kind)
        for kind in ("text", "json", "sarif", "junit", "github", "markdown")
    ),
    *(
        ("diff", "1", "2", "--format", kind)
        for kind in ("text", "json", "markdown", "html", "patch")
    ),
    ("diff", "2", "3", "--format", "json"),
    *(
        ("export", "--format", kind, "--output", f"out.{kind}")
        for kind in ("har", "flow", "jsonl", "openai-jsonl", "otlp", "curl")
    ),
    ("export", "1", "--format", "curl"),
    ("export", "1", "--format", "curl", "--redact", "none"),
    ("report", "--output", "folder"),
    ("report", "1", "--whole", "--zip", "--output", "all.zip"),
    ("report", "3", "--redact", "text", "--output", "words"),
]


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_no_output_holds_a_secret(
    planted: Planted, kimitap: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    first, *more = words
    done = kimitap(first, planted.where, *more)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout + done.stderr
    secrets = CREDENTIALS | _PLAIN
    assert_none((done.stdout + done.stderr).encode(), secrets, "what was printed")
    for name, data in _written(tmp_path):
        assert_none(data, secrets, name)


def test_a_served_recording_gives_no_credential(planted: Planted) -> None:
    """It answers as the server did, in bodies byte for byte: that is what it is for."""
    with playing(planted.where) as played:
        asked = [_request("/v1/chat/completions", body, "application/json") for body in BODIES]
        heads, bodies = zip(*(fetch(played.port, one) for one in asked), strict=True)
    assert b" 200 " in heads[0]
    for data in (*heads, *bodies, "\n".join(played.said + played.complaints).encode()):
        assert_none(data, CREDENTIALS, "what was served")
