"""`kimitap replay` as a user types it: what it says, asks, records and refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from kimitap.cli import run
from kimitap.exchange import Exchange, Outcome
from kimitap.store import Recording
from tests.support import chat
from tests.support.proxy import Peer, Upstream, free_port, upstream, wait_for
from tests.support.recorded import lost, record

PATH = "/v1/chat/completions"
WRITTEN = chat.call("read_file", {"path": "notes.txt"}, "c2")

Said = tuple[int, str, str]
Type = Callable[..., Said]


@pytest.fixture
def kimitap(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Type:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KIMITAP_DB", raising=False)

    def call(*words: object) -> Said:
        status = run([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return Path(record(tmp_path / "a.db", lost()))


@pytest.fixture
def server() -> Iterator[Upstream]:
    """A model that calls a tool until it sees that it did, and streams where that is asked for."""
    with upstream() as made:
        made.on(PATH, model)
        yield made


def model(peer: Peer) -> None:
    asked = json.loads(peer.body)
    again = asked["messages"][-2].get("role") != "tool"
    said = chat.assistant("", WRITTEN) if again else chat.assistant("Ada owns it.")
    choice = {"message": said, "finish_reason": "tool_calls" if again else "stop"}
    if asked.get("stream"):
        peer.stream_head()
        peer.chunk(chat.stream_of(choice))
        peer.chunk(b"")
    else:
        peer.answer(orjson.dumps({"choices": [choice]}), extra="Content-Type: application/json\r\n")


def kept(where: Path) -> list[Exchange]:
    with Recording.open(str(where)) as recording:
        return list(recording.exchanges())


def test_a_turn_is_sent_again_recorded_and_compared(
    kimitap: Type, where: Path, server: Upstream
) -> None:
    status, out, err = kimitap("replay", where, 3, "--server", server.url)
    assert (status, err) == (0, "")
    assert server.seen[0].body == lost()[2].request.content
    assert f"POST {server.url}{PATH}" in out
    assert "as it was recorded" in out
    assert "! finish_reason    recorded  stop\n                   replayed  tool_calls" in out
    assert "= status           200" in out
    assert f"recorded into {where}: exchange 4; kimitap diff {where} 3 4 shows both" in out
    assert [one.number for one in kept(where)] == [1, 2, 3, 4]


def test_many_runs_give_rates(kimitap: Type, where: Path, server: Upstream) -> None:
    turns = iter([1, 0, 1])

    def fickle(peer: Peer) -> None:
        said = chat.assistant("", WRITTEN) if next(turns) else chat.assistant("No.<|im_end|>")
        peer.stream_head()
        peer.chunk(chat.stream_of({"message": said, "finish_reason": "stop"}))
        peer.chunk(b"")

    server.on(PATH, fickle)
    status, out, _ = kimitap("replay", where, 3, "--server", server.url, "-n", 3, "--json")
    assert status == 0
    (group,) = json.loads(out)["replays"]
    assert group["rates"]["tool calls"] == {"read_file": 2, "none": 1}
    found = group["rates"]["found in it"]
    assert sum(n for words, n in found.items() if "special-token-in-content" in words) == 1
    assert [shape["exchange"] for shape in group["runs"]] == [4, 5, 6]


SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_no_secret_of_a_reply_is_told(
    kimitap: Type, where: Path, server: Upstream, more: tuple[str, ...]
) -> None:
    """Neither of a call's arguments and their names, nor of an error that quotes a key."""
    leaky = chat.call("login", {"token": SECRET, f"for {SECRET}": 1}, "c3")
    choice = {"message": chat.assistant("", leaky), "finish_reason": SECRET}
    error = {"error": {"message": f"Incorrect API key provided: {SECRET}", "type": "x"}}
    answers = iter([(200, {"choices": [choice]}), (401, error)])

    def answer(peer: Peer) -> None:
        status, said = next(answers)
        peer.answer(orjson.dumps(said), status=status, extra="Content-Type: application/json\r\n")

    server.on(PATH, answer)
    status, out, err = kimitap("replay", where, 3, "--server", server.url, "-n", 2, *more)
    assert status == 0 and "login" in out and "Incorrect API key" in out
    assert SECRET[:16] not in out + err


def test_nothing_that_acts_gets_to_the_terminal(
    kimitap: Type, where: Path, server: Upstream
) -> None:
    bad = "\x1b]52;c;aGFja2Vk\x07\x1b[2J\u202e"
    call = chat.call(bad, {bad: bad}, bad)
    choice = {"message": chat.assistant(bad, call), "finish_reason": bad}
    server.on(PATH, lambda peer: peer.answer(orjson.dumps({"choices": [choice]})))
    status, out, err = kimitap("replay", where, 3, "--server", server.url, "-n", 2)
    assert status == 0
    assert {c for c in out + err if not c.isprintable()} == {"\n"}


def test_a_stream_is_compared_with_a_whole_answer(
    kimitap: Type, where: Path, server: Upstream
) -> None:
    status, out, _ = kimitap("replay", where, 3, "--server", server.url, "--both", "--json")
    assert status == 0
    document = json.loads(out)
    assert [group["name"] for group in document["replays"]] == ["stream", "whole"]
    assert [json.loads(peer.body).get("stream") for peer in server.seen] == [True, False]
    assert [group["runs"][0]["streamed"] for group in document["replays"]] == [True, False]


def test_two_servers_are_compared(kimitap: Type, where: Path, server: Upstream) -> None:
    with upstream() as other:
        other.on(PATH, lambda peer: peer.answer(b'{"error":{"message":"no"}}', "500 Bad"))
        status, out, _ = kimitap(
            *("replay", where, 3, "--server", server.url, "--against", other.url)
        )
    assert status == 0
    assert f"{server.url}  200" in out
    assert f"{other.url}  500" in out


def test_the_same_server_twice_is_refused(kimitap: Type, where: Path) -> None:
    words = ("replay", where, 3, "--server", "127.0.0.1:9", "--against", "http://127.0.0.1:9/v1")
    assert kimitap(*words)[0] == 2


def test_a_repair_tells_that_the_loop_ends(kimitap: Type, where: Path, server: Upstream) -> None:
    status, out, _ = kimitap("replay", where, 3, "--server", server.url, "--repair", "--control")
    assert status == 0
    assert "put back: the reply of #2 (read_file) as message 4 for what stands there" in out
    assert "unchanged: the loop goes on: 1 of 1 replies make again a call that was put back" in out
    assert "repaired: the loop ends: 0 of 1 replies" in out
    marks = [dict(one.request_headers)["X-Kimitap-Replay"] for one in kept(where)[3:]]
    assert marks == ["3", "3; repaired"]


def test_a_set_field_is_sent_and_the_mark_says_so(
    kimitap: Type, where: Path, server: Upstream
) -> None:
    words = ("--set", "temperature=0", "--set", "chat_template_kwargs.think=false")
    assert kimitap("replay", where, 3, "--server", server.url, *words)[0] == 0
    body = json.loads(server.seen[0].body)
    assert (body["temperature"], body["chat_template_kwargs"]) == (0, {"think": False})
    assert dict(kept(where)[3].request_headers)["X-Kimitap-Replay"] == "3; edited"


def test_another_recording_gets_the_answers(
    kimitap: Type, where: Path, server: Upstream, tmp_path: Path
) -> None:
    before = where.read_bytes()
    words = ("--server", server.url, "-o", tmp_path / "b.db")
    assert kimitap("replay", where, 3, *words)[0] == 0
    assert where.read_bytes() == before
    (answer,) = kept(tmp_path / "b.db")
    assert dict(answer.request_headers)["X-Kimitap-Replay"] == "elsewhere"


def editor(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_an_editor_changes_the_body(
    kimitap: Type, where: Path, server: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = 'sed \'s/Go on./Stop./\' "$1" > "$1.new" && mv "$1.new" "$1"'
    monkeypatch.setenv("VISUAL", editor(tmp_path / "ed", change))
    assert kimitap("replay", where, 3, "--server", server.url, "--edit")[0] == 0
    assert json.loads(server.seen[0].body)["messages"][-1]["content"] == "Stop."


def test_text_that_is_no_json_is_kept_and_nothing_is_sent(
    kimitap: Type, where: Path, server: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", editor(tmp_path / "ed", 'echo \'{"a": \' > "$1"'))
    status, _, err = kimitap("replay", where, 3, "--server", server.url, "--edit")
    assert status == 2
    assert err.count("\n") == 1
    assert "your text is in kimitap-edited-3.json" in err
    path = tmp_path / "kimitap-edited-3.json"
    assert path.read_text() == '{"a": \n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert server.seen == []


def test_an_editor_that_changes_nothing_sends_nothing(
    kimitap: Type, where: Path, server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "true")
    status, _, err = kimitap("replay", where, 3, "--server", server.url, "--edit")
    assert (status, "nothing was sent" in err) == (2, True)
    assert server.seen == []


def test_what_would_leave_this_machine_wants_a_yes(kimitap: Type, where: Path) -> None:
    status, out, err = kimitap("replay", where, 3, "--server", "http://model.example")
    assert status == 2
    assert "POST http://model.example/v1/chat/completions" in out
    assert "say --yes to send this to http://model.example" in err
    assert len(kept(where)) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("replay", "a.db"), "say which turn"),
        (("replay", "a.db", "9"), "exchange 9 is not in it"),
        (("replay", "a.db", "x"), "names no place"),
        (("replay", "a.db", "3", "--set", "messages.9.x=1"), "no element 9 in a list of 6"),
        (("replay", "a.db", "3", "--unset", "nope"), "has no nope"),
        (("replay", "a.db", "3", "--result", "x"), "--result belongs to --repair"),
        (("replay", "a.db", "3", "--control"), "change it"),
        (("replay", "a.db", "3", "--both", "--stream"), "--both"),
        (("replay", "a.db", "1", "--repair"), "nothing to put back"),
        (("replay", "a.db", "3", "--header", "sk-secret"), "--header 'Name: value'"),
        (("replay", "a.db", "3", "-n", "0"), "0 is not in the range"),
        (("replay", "a.db", "3", "--server", "ftp://x"), "no server's address"),
        (("replay", "gone.db", "3"), "no recording"),
    ],
)
def test_a_mistake_is_one_clear_line(
    kimitap: Type, where: Path, words: tuple[str, ...], told: str
) -> None:
    status, _, err = kimitap(*words)
    assert status == 2
    assert told in err
    assert err.count("\n") == 1
    assert "secret" not in err
    assert len(kept(where)) == 3


def test_a_server_that_is_not_there_is_one_line_and_recorded_as_refused(
    kimitap: Type, where: Path
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    status, _, err = kimitap("replay", where, 3, "--server", url)
    assert status == 2
    assert err.startswith(f"kimitap: {url} cannot be reached (Connection refused)")
    assert kept(where)[3].outcome is Outcome.REFUSED


def test_what_is_no_model_call_is_said_so(kimitap: Type, tmp_path: Path) -> None:
    props = chat.exchange(1, {}, None, path="/tokenize", outcome=Outcome.COMPLETE)
    record(tmp_path / "p.db", [props])
    status, _, err = kimitap("replay", "p.db", 1)
    assert (status, "is no conversation that Kimitap decodes" in err) == (2, True)


def test_a_turn_that_waits_for_its_answer_can_be_sent_again(
    kimitap: Type, tmp_path: Path, server: Upstream
) -> None:
    waiting = chat.exchange(
        1, chat.request(chat.user("Hi"), chat.user("Ho")), None, outcome=Outcome.IN_FLIGHT
    )
    record(tmp_path / "w.db", [waiting])
    status, out, _ = kimitap("replay", "w.db", 1, "--server", server.url, "--json")
    assert status == 0
    assert json.loads(out)["recorded"]["runs"][0]["ending"] != "complete"


def slowly(peer: Peer) -> None:
    peer.stream_head()
    for word in ("Once", "upon", "a", "time"):
        peer.chunk(f'data: {{"choices":[{{"delta":{{"content":"{word} "}}}}]}}\n\n'.encode())
        time.sleep(0.4)
    peer.chunk(b"data: [DONE]\n\n")
    peer.chunk(b"")


def test_on_a_terminal_it_is_told_how_far_an_answer_is(
    kimitap: Type, where: Path, server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on(PATH, slowly)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    status, out, err = kimitap("replay", where, 3, "--server", server.url)
    assert status == 0
    shown = err.split("\r")
    assert any("s: nothing came yet" in line or " event" in line for line in shown)
    assert any(re.search(r"\d s: \d events?, \d+ bytes; Ctrl-C hangs up", line) for line in shown)
    assert err.endswith("\r\x1b[K"), "nothing of it stays"
    assert "Ctrl-C" not in out


def test_without_a_terminal_nothing_is_told_of_it(
    kimitap: Type, where: Path, server: Upstream
) -> None:
    server.on(PATH, slowly)
    assert kimitap("replay", where, 3, "--server", server.url)[2] == ""


def test_ctrl_c_ends_a_request_that_never_ends_and_keeps_what_came(where: Path) -> None:
    def never(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(chat.stream_of({"message": chat.assistant("Once upon")}, cut=True))
        peer.gone_within(30)

    with upstream() as server:
        server.on(PATH, never)
        words = ("replay", str(where), "3", "--server", server.url, "-n", "5")
        process = subprocess.Popen(
            [sys.executable, "-m", "kimitap.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        wait_for(lambda: server.seen, "the request")
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "run 1 of 5: exchange 4: client hung up" in out
    answer = kept(where)[3]
    assert answer.outcome is Outcome.CLIENT_HUNG_UP
    assert b"Once u" in answer.response
    assert len(server.seen) == 1
