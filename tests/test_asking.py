"""Asking a server for prompts, against a real socket that answers as llama-server does."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from kimitap import analysis as analysing
from kimitap import asking
from kimitap.analysis import Analysis
from kimitap.asking import Refused, Server, ask, wanted
from kimitap.cli import run
from kimitap.errors import UsageError
from kimitap.store import Recording
from tests.support import prompts, recorded

Answer = Callable[[str, bytes], tuple[int, bytes]]


@contextmanager
def serving(answer: Answer, closing: bool = False) -> Iterator[str]:
    """A server's URL; where `closing`, it ends connections without a word."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, data = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = closing

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def rendering(path: str, body: bytes) -> tuple[int, bytes]:
    """Renders messages and tools, but leaves calls out."""
    assert path == "/apply-template"
    request = json.loads(body)
    said = [f"<|{m['role']}|>{m['content'] or ''}" for m in request["messages"]]
    return 200, json.dumps(
        {"prompt": "\n".join((json.dumps(request.get("tools")), *said))}
    ).encode()


def refusing(path: str, body: bytes) -> tuple[int, bytes]:
    return 400, b'{"error":{"code":400,"message":"roles must alternate"}}'


@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.parametrize("suffix", ["", "/", "/v1"])
def test_a_prompt_is_what_the_server_renders(closing: bool, suffix: str) -> None:
    with serving(rendering, closing) as url:
        server = Server(url + suffix)
        body = b'{"messages":[{"role":"user","content":"Hello."}]}'
        assert [server.prompt(body) for _ in range(3)] == ["null\n<|user|>Hello."] * 3


def test_a_request_that_the_server_refuses_keeps_the_others() -> None:
    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        return rendering(path, body) if b"good" in body else refusing(path, body)

    bodies = {
        n: b'{"messages":[{"role":"user","content":"%s"}]}' % w
        for n, w in ((4, b"bad"), (5, b"good"))
    }
    with serving(answer) as url:
        prompts, refused = ask(Server(url), bodies)
    assert prompts == {5: "null\n<|user|>good"}
    assert refused == {4: "400: roles must alternate"}


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"prompt": 7}'])
def test_an_answer_without_a_prompt_is_a_refusal(answer: bytes) -> None:
    with serving(lambda path, body: (200, answer)) as url, pytest.raises(Refused):
        Server(url).prompt(b"{}")


@pytest.mark.parametrize(("status", "word"), [(404, "is it llama-server"), (401, "key")])
def test_another_server_is_told_from_this_one(status: int, word: str) -> None:
    with serving(lambda path, body: (status, b"{}")) as url, pytest.raises(UsageError, match=word):
        Server(url).prompt(b"{}")


def test_a_server_that_is_not_there_is_a_line() -> None:
    with serving(rendering) as url:
        pass
    with pytest.raises(UsageError, match="cannot be asked: Connection refused"):
        Server(url).prompt(b"{}")


@pytest.mark.parametrize(
    "url",
    ["ftp://localhost", "http://", "http://10.0.0.7:8080", "http://example.org", "http://localhost:x",
     "http://user:word@localhost", "https://host/?key=1"],
)  # fmt: skip
def test_an_unfit_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Server(url)


@pytest.mark.parametrize("url", ["localhost:1", "http://[::1]:1", "https://10.0.0.7", "127.0.0.2"])
def test_this_machine_and_what_is_encrypted_may_be_asked(url: str) -> None:
    Server(url)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as refused:
        Server("http://me:hunter2@127.0.0.1:8080/?key=sesame")
    assert "hunter2" not in str(refused.value) and "sesame" not in str(refused.value)


def test_too_much_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_SENT", 10)
    with serving(rendering) as url, pytest.raises(Refused, match="longer"):
        Server(url).prompt(b'{"messages": []}')


def test_too_much_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_READ", 10)
    with serving(rendering) as url, pytest.raises(UsageError, match="longer"):
        Server(url).prompt(b'{"messages": []}')


@pytest.mark.parametrize("part", ["head", "body", "nothing"])
def test_a_server_that_trickles_has_no_more_time_than_one_that_is_silent(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its bytes comes within the time, but not all of them."""
    monkeypatch.setattr(asking, "TIME_S", 0.5)
    over = Event()

    def trickle(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        if part == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        elif part == "head":
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        with suppress(OSError):
            while not over.wait(0.05):
                connection.sendall(b"" if part == "nothing" else b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=lambda: trickle(listener.accept()[0]), daemon=True)
        thread.start()
        server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(UsageError, match="no answer within"):
            server.prompt(b"{}")
        over.set()
        thread.join(60)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return recorded.record(tmp_path / "k.db", recorded.lost())


def test_the_last_of_each_thread_and_those_with_findings_are_asked_about(database: str) -> None:
    with Recording.open(database) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        assert wanted(analysis.threads, ()) == [3]
        assert wanted(analysis.threads, analysis.findings) == [3]
        assert wanted(analysis.threads, (), every=True) == [1, 2, 3]


def test_check_tells_what_the_template_hides(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(rendering) as url:
        assert run(["check", database, "--ask-server", url, "--ask-all"]) == 1
    told = capsys.readouterr()
    assert "hidden-from-model" in told.out
    assert "tool call" in told.out
    assert "3 of 3 prompts rendered by" in told.err


def test_check_says_in_one_line_that_no_server_is_there(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(rendering) as url:
        pass
    assert run(["check", database, "--ask-server", url]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "cannot be asked" in told.err


def test_a_check_by_a_server_that_renders_nothing_is_none(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda path, body: (500, b'{"error": {"message": "no template"}}')) as url:
        assert run(["check", database, "--ask-server", url]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "0 of 1 prompts rendered" in told.err


def test_show_prints_the_prompt_with_the_place_of_each_message(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["show", database, "2", "--prompt"]) == 2
    assert "is not recorded" in capsys.readouterr().err
    with serving(rendering) as url:
        assert run(["show", database, "2", "--prompt", "--ask-server", url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines if line.startswith("── message")] == [
        "── message 0 (system)",
        "── message 1 (user)",
        "── message 2 (assistant)",
        "── message 3 (tool)",
    ]
    assert "✗ call read_file, message 2, absent" in lines
    assert any(line.startswith("✓ result c1, message 3, at ") for line in lines)


def test_a_recorded_prompt_is_shown_also_where_too_many_are_to_be_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysing, "MOST_PROMPTS", 10)
    assert run(["show", prompts.hidden(tmp_path / "a.db"), "1", "--prompt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "✗ call write_file, message 2, absent" in lines
    assert run(["diff", str(tmp_path / "a.db"), "1"]) == 0
    assert "What the model saw of request 1" in capsys.readouterr().out


def test_asking_does_not_go_with_watching(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", database, "--watch", "--ask-server", "http://localhost:1"]) == 2
    assert run(["check", database, "--ask-all"]) == 2
    assert "--watch" in capsys.readouterr().err
