"""Planted secrets, through a real `kimitap record` and a real mitmdump: where they lie, and leave.

Credentials of headers and URLs are looked for in the database, its log and index of the log, in
all that the recorders print, and in all outputs; the secrets of bodies, which a recording keeps,
in all outputs. They are looked for as they are, as JSON, URLs and base64 spell them, and in what
compression hides.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from kimitap.exchange import Exchange
from kimitap.store import Recording
from tests.support.commands import Command, command
from tests.support.planted import (
    CREDENTIALS,
    PLAIN,
    Planted,
    assert_none,
    chat,
    forms,
    planted_through,
    request_of,
)
from tests.support.playing import playing
from tests.support.proxy import fetch, start_proxy, upstream


@pytest.fixture(scope="module")
def chatty(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """By a mitmdump that prints what it can, but for the flows themselves: those are its own."""
    where = tmp_path_factory.mktemp("chatty") / "kimitap.db"
    with upstream() as server:
        words = ("--set", "termlog_verbosity=debug", "--set", "flow_detail=0")
        return planted_through(start_proxy(server.url, where, home, *words), server)


def test_there_are_enough_of_them() -> None:
    assert len(CREDENTIALS) >= 16
    assert len(PLAIN) >= 60


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
    assert_none(printed, CREDENTIALS | PLAIN, "what was printed")


def test_the_secrets_of_bodies_are_recorded_as_they_were(planted: Planted) -> None:
    with Recording.open(str(planted.where)) as recording:
        said = b"\n".join(one.request.content for one in recording.exchanges())
    assert all(any(form in said for form in forms(secret)) for secret in PLAIN.values())


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


BODIES = (chat(0), b'{"messages":[]}')
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
    secrets = CREDENTIALS | PLAIN
    assert_none((done.stdout + done.stderr).encode(), secrets, "what was printed")
    for name, data in _written(tmp_path):
        assert_none(data, secrets, name)


def test_a_served_recording_gives_no_credential(planted: Planted) -> None:
    """It answers as the server did, in bodies byte for byte: that is what it is for."""
    with playing(planted.where) as played:
        asked = [request_of("/v1/chat/completions", body, "application/json") for body in BODIES]
        heads, bodies = zip(*(fetch(played.port, one) for one in asked), strict=True)
    assert b" 200 " in heads[0]
    for data in (*heads, *bodies, "\n".join(played.said + played.complaints).encode()):
        assert_none(data, CREDENTIALS, "what was served")
