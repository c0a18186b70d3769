"""Secrets planted in all that passes a recorder, and how they are looked for afterwards.

Those of headers and URLs are `CREDENTIALS`, which never reach the disk; those of bodies are
`SECRETS`, which a recording keeps, and of which `PLAIN` are found however a text is escaped.
"""

import base64
import gzip
import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson

from kimitap.store import Recording
from tests.support.proxy import (
    Peer,
    Play,
    Proxy,
    Upstream,
    environment,
    fetch,
    free_port,
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
PLAIN = {  # where escapes and structure do not come between a secret and who looks for it
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
    """None of them is there, however it is spelled."""
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


def request_of(path: str, body: bytes, kind: str) -> bytes:
    """A raw request with the credentials in its head."""
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *_heads(), f"Content-Type: {kind}"]
    head += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body


def chat(turn: int) -> bytes:
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
        fetch(port, request_of(f"/v1/chat/completions?{query}", chat(turn), "application/json"))
    fetch(port, request_of("/v1/refused", chat(0), "application/json"))
    kind = "multipart/form-data; boundary=b1"
    fetch(port, request_of("/v1/audio/transcriptions", _form(), kind))


def _recorded(where: Path) -> bool:
    if not where.exists():
        return False
    with Recording.open(str(where)) as recording:
        ended = [one.ended_at is not None for one in recording.exchanges()]
    return len(ended) == 5 and all(ended)


def planted_through(proxy: Proxy, server: Upstream) -> Planted:
    """Send all of it through a recorder, and stop that."""
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


def plant(where: Path, home: Path) -> Planted:
    """All of it, by `kimitap record`."""
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
        return planted_through(proxy, server)
