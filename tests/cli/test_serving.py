"""`kimitap serve-recording` refuses in one clear line what it cannot serve."""

import socket
from pathlib import Path

import pytest

from kimitap.cli import run
from tests.support import chat
from tests.support.recorded import lost, record


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a.db", "--listen", "0.0.0.0:0"), "--allow-remote"),
        (("a.db", "--listen", "nowhere"), "no address to listen on"),
        (("a.db",), "say which session: kimitap serve-recording s1 (of s1, s4)"),
        (("a.db", "s9"), "has no s9; it has s1, s4"),
        (("a.db", "1"), "is no session: say s3"),
        (("a.db", "s1", "s4"), "one place at most"),
        (("empty.db",), "holds no conversation to serve"),
        (("gone.db",), "no recording"),
    ],
)
def test_a_mistake_is_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    sea = chat.request(chat.user("Write a poem about the sea."))
    poem = chat.exchange(9, sea, chat.choice(chat.assistant("Sea.")), client="127.0.0.1:9")
    record(tmp_path / "a.db", [*lost(), poem])
    record(tmp_path / "empty.db", [])
    assert run(["serve-recording", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_port_in_use_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = record(tmp_path / "a.db", lost())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve-recording", where, "--listen", f"127.0.0.1:{port}"]) == 2
    assert f"port {port} is in use" in capsys.readouterr().err
