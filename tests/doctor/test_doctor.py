"""What keeps a user from recording is named, with what to do; what is well is said to be."""

import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from kimitap.cli import run
from kimitap.doctor import Check, State
from kimitap.doctor.clients import HOME_FILES, PROJECT_FILES, look_at_clients
from kimitap.doctor.machine import look_at_machine
from kimitap.doctor.place import look_at_place
from kimitap.doctor.server import look_at_server
from kimitap.doctor.trial import look_at_port
from kimitap.store import RecordingWriter
from tests.support.proxy import Peer, Play, Upstream, free_port, upstream
from tests.support.recordings import lost_tool_turn, recording
from tests.support.requests_made import asked

PROXY = "http://127.0.0.1:9090"


def answer(value: object, status: str = "200 OK") -> Play:
    def play(peer: Peer) -> None:
        peer.answer(orjson.dumps(value), status)

    return play


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as one:
        one.on("/health", answer({"status": "ok"}))
        one.on("/props", answer({"build_info": "b1-x", "chat_template_caps": {}}))
        one.on("/v1/models", answer({"data": [{"id": "kimi-k2"}]}))
        yield one


def named(checks: Sequence[Check], what: str) -> Check:
    return next(check for check in checks if check.what == what)


def test_a_server_that_is_ready_is_good(server: Upstream) -> None:
    checks = list(look_at_server(server.url))
    assert {check.state for check in checks} == {State.GOOD}
    assert named(checks, "Models").said == "kimi-k2"
    assert named(checks, "Build").said == "b1-x"


def test_a_server_that_is_away_is_to_mend() -> None:
    (check,) = look_at_server(f"http://127.0.0.1:{free_port()}")
    assert check.state is State.BAD
    assert "--upstream URL" in check.to_do


def test_a_server_that_loads_is_waited_for(server: Upstream) -> None:
    server.on("/health", answer({"error": {"message": "Loading model"}}, "503 Unavailable"))
    assert "still loading" in named(list(look_at_server(server.url)), "Server").said


@pytest.mark.parametrize(
    ("props", "state"),
    [
        ({"chat_template_caps": {"supports_tools": False}}, State.WARNING),
        ({"chat_template_caps": {"supports_tools": True}}, State.GOOD),
        ({"chat_template": "{{ messages }}"}, State.WARNING),
        ({"chat_template": "{% for tool in tools %}"}, State.GOOD),
    ],
)
def test_a_template_without_tools_is_known(
    server: Upstream, props: dict[str, object], state: State
) -> None:
    server.on("/props", answer(props))
    check = named(list(look_at_server(server.url)), "Template")
    assert check.state is state
    assert bool(check.to_do) is (state is State.WARNING)


@pytest.mark.parametrize(("size", "state"), [(4096, State.WARNING), (131_072, State.GOOD)])
def test_a_small_context_is_known(server: Upstream, size: int, state: State) -> None:
    server.on("/props", answer({"default_generation_settings": {"n_ctx": size}}))
    assert named(list(look_at_server(server.url)), "Context").state is state


@pytest.mark.parametrize("odd", [[], "x", None, {"chat_template_caps": 3, "build_info": []}])
def test_odd_answers_are_no_answers(server: Upstream, odd: object) -> None:
    server.on("/props", answer(odd))
    server.on("/v1/models", answer(odd))
    assert {check.what for check in look_at_server(server.url)} == {"Server"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080/v1", True),
        ("http://127.0.0.1:80801/v1", False),
        ("http://127.0.0.1:9090/v1", False),
    ],
)
def test_a_variable_that_names_the_server_is_told(tmp_path: Path, value: str, found: bool) -> None:
    variables = {"OPENAI_BASE_URL": value}
    checks = list(look_at_clients("http://127.0.0.1:8080", PROXY, variables, tmp_path, tmp_path))
    assert any("OPENAI_BASE_URL" in check.said for check in checks) is found
    assert any(check.to_do == f"say {PROXY} there, while you record" for check in checks) is found


def test_a_file_that_names_the_server_is_told_without_its_text(tmp_path: Path) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    for path in (home / ".codex/config.toml", here / "opencode.json"):
        path.parent.mkdir(parents=True)
        path.write_text('\nkey = "sk-geheim"; base_url = "http://localhost:8080/v1"\n')
    checks = list(look_at_clients("http://127.0.0.1:8080", PROXY, {}, home, here))
    assert [check.state for check in checks] == [State.WARNING, State.WARNING]
    assert "config.toml, line 2, names" in checks[0].said
    assert "geheim" not in repr(checks)


def test_an_extension_of_an_editor_that_names_the_server_is_told_without_its_text(
    tmp_path: Path,
) -> None:
    state = tmp_path / ".config" / "Code" / "User" / "globalStorage" / "state.vscdb"
    state.parent.mkdir(parents=True)
    with closing(sqlite3.connect(state)) as database, database:
        database.execute("CREATE TABLE ItemTable (key TEXT UNIQUE, value BLOB)")
        kept = {
            "saoudrizwan.claude-dev": '{"openAiBaseUrl": "http://127.0.0.1:8080/v1", "k":"geheim"}',
            "other": '{"openAiBaseUrl": "http://127.0.0.1:9090/v1"}',
        }
        database.executemany("INSERT INTO ItemTable VALUES (?, ?)", kept.items())
    before = state.read_bytes()
    (check,) = look_at_clients("http://127.0.0.1:8080", PROXY, {}, tmp_path, tmp_path)
    assert check.state is State.WARNING
    assert check.said.startswith(f"saoudrizwan.claude-dev in {state} names the server itself")
    assert check.to_do == f"say {PROXY} there, while you record"
    assert "geheim" not in repr(check)
    assert state.read_bytes() == before
    assert [path.name for path in state.parent.iterdir()] == [state.name]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00 and no more"])
def test_an_editors_database_that_is_none_is_passed_over(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / ".config" / "VSCodium" / "User" / "globalStorage" / "state.vscdb"
    state.parent.mkdir(parents=True)
    state.write_bytes(content)
    checks = look_at_clients("http://127.0.0.1:8080", PROXY, {}, tmp_path, tmp_path)
    assert [check.state for check in checks] == [State.GOOD]


def test_what_roo_code_encrypts_is_left_to_the_user(tmp_path: Path) -> None:
    (tmp_path / ".vscode" / "extensions" / "rooveterinaryinc.roo-cline-3.34.2").mkdir(parents=True)
    checks = list(look_at_clients("http://127.0.0.1:8080", PROXY, {}, tmp_path, tmp_path))
    assert f"{PROXY}/v1" in named(checks, "Roo Code").said


@pytest.mark.parametrize("name", [*HOME_FILES, *PROJECT_FILES])
def test_every_file_that_is_looked_into_is_told(tmp_path: Path, name: str) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("base_url: http://localhost:8080/v1\n")
    told = [check.said for check in look_at_clients("http://127.0.0.1:8080", PROXY, {}, home, here)]
    for folder, names in ((home, HOME_FILES), (here, PROJECT_FILES)):
        assert any(str(folder / name) in said for said in told) is (name in names)


def test_a_proxy_for_all_traffic_is_told_unless_loopback_is_spared(tmp_path: Path) -> None:
    variables = {"HTTP_PROXY": "http://proxy:3128"}
    for spared, told in (("", True), ("127.0.0.1,localhost", False)):
        checks = look_at_clients(
            "http://127.0.0.1:8080", PROXY, variables | {"NO_PROXY": spared}, tmp_path, tmp_path
        )
        assert any(check.what == "Proxy" for check in checks) is told


def test_the_machine_is_looked_at() -> None:
    checks = list(look_at_machine(dict(os.environ)))
    assert named(checks, "Python").state is State.GOOD
    assert "mitmproxy 12." in named(checks, "Packages").said


def test_a_mitmdump_of_another_python_is_told(tmp_path: Path) -> None:
    other = tmp_path / "mitmdump"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o700)
    check = named(list(look_at_machine({"PATH": str(tmp_path)})), "mitmdump")
    assert check.state is State.WARNING
    assert "kimitap record" in check.to_do


def test_a_terminal_without_screens_is_told() -> None:
    check = named(list(look_at_machine({"TERM": "dumb"})), "Terminal")
    assert check.state is State.WARNING


def test_a_recording_that_is_not_there_will_be_made(tmp_path: Path) -> None:
    checks = list(look_at_place(str(tmp_path / "new" / "k.db")))
    assert "will be made" in named(checks, "Recording").said
    assert not (tmp_path / "new").exists()


def test_what_was_lost_is_told(tmp_path: Path) -> None:
    where = recording(tmp_path / "k.db", lost_tool_turn())
    with RecordingWriter(str(where)) as writer:
        writer.lose(2, "full", asked(b"").started_at)
    check = named(list(look_at_place(str(where))), "Recording")
    assert (check.state, check.to_do) == (State.WARNING, "see why: kimitap status")


def test_a_recording_that_others_can_read_is_told(tmp_path: Path) -> None:
    where = recording(tmp_path / "k.db", lost_tool_turn())
    where.chmod(0o644)
    assert any(check.to_do == f"chmod 600 {where}" for check in look_at_place(str(where)))


def test_what_is_no_recording_is_to_mend(tmp_path: Path) -> None:
    (tmp_path / "k.db").write_text("notes")
    check = named(list(look_at_place(str(tmp_path / "k.db"))), "Recording")
    assert check.state is State.BAD


def test_a_port_in_use_is_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert look_at_port("127.0.0.1", taken.getsockname()[1]).state is State.WARNING
    assert look_at_port("127.0.0.1", free_port()).state is State.GOOD
    assert look_at_port("192.0.2.1", 9090).state is State.BAD


def test_the_command_records_a_live_request_and_says_that_all_is_well(
    server: Upstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    listen = f"127.0.0.1:{free_port()}"
    assert run(["doctor", "--upstream", server.url, "--listen", listen]) == 0
    said = capsys.readouterr().out
    assert "✓ Recorder   a live request came through and was recorded" in said
    assert [path.name for path in tmp_path.iterdir() if "db" in path.name] == []


def test_the_command_exits_with_1_where_nothing_can_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["doctor", "--upstream", f"http://127.0.0.1:{free_port()}"]) == 1
    said = capsys.readouterr().out
    assert "✗ Server     nobody answers" in said
    assert "1 to mend" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--upstream", "ftp://x"], "'ftp://x' is no upstream"),
        (["--listen", "nowhere"], "is no address to listen on"),
        (["a.db", "b.db"], "doctor takes one database"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
