"""Requests sent again to a real llama-server: as they were, changed, often, and repaired."""

import json
from pathlib import Path

import pytest

from kimitap.cli import run
from kimitap.demo import history
from kimitap.demo.speech import Call, Speech, spelled
from kimitap.dialects import decode
from kimitap.exchange import Outcome
from kimitap.replay import send
from kimitap.replay.editing import changed
from kimitap.replay.shape import shape_of
from kimitap.store import Recording
from tests.support import openai_agent
from tests.support.llama import serve
from tests.support.middle import Middle

TEMPLATE = Path(__file__).parents[2] / "scripts" / "llama" / "kimi-k2.jinja"
LOST = Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db"
SUFFIX = "{{ suffix }}"


def looping() -> str:
    """The model's template, by which it makes one call for as long as it sees no tool's result."""
    with Recording.open(str(LOST)) as recording:
        turn = decode(recording.exchange(1))
    assert turn is not None
    (call,) = turn.reply.message.tool_calls
    calling = spelled(Speech(calls=(Call(call.name, call.arguments, call.id or ""),)))
    template = TEMPLATE.read_text()
    assert "suffix" in template
    says = (
        "{%- set suffix = 'Test.md is written.' if messages | selectattr('role', 'equalto', 'tool')"
        f" | list else {json.dumps(calling)} -%}}\n"
    )
    return says + template


@pytest.fixture
def recorded(middle: Middle, tmp_path: Path) -> str:
    """A healthy loop of an agent with a real server."""
    folder = tmp_path / "work"
    folder.mkdir()
    openai_agent.run(middle.client(), history.healthy, folder)
    middle.analysis()
    return str(middle.database)


def test_unchanged_a_turn_gets_the_reply_that_it_had(recorded: str) -> None:
    with Recording.open(recorded) as recording:
        first = recording.exchange(1)
    again = send(first)
    assert again.request.content == first.request.content
    assert again.outcome is Outcome.COMPLETE
    one, other = shape_of(first), shape_of(again)
    assert other.stands_for == one.stands_for != ()
    assert (other.finish_reason, other.streamed, other.found) == ("tool_calls", True, ())


def test_each_event_has_the_time_at_which_it_came(recorded: str) -> None:
    with Recording.open(recorded) as recording:
        first = recording.exchange(1)
    free = ["chat_template_kwargs", "logit_bias"]
    body = changed(first.request.content, ["max_tokens=16", "ignore_eos=true"], free)
    again = send(first, body=body)
    assert shape_of(again).completion_tokens == 16
    times = [segment.at_s for segment in again.segments]
    assert len(times) > 3
    assert times == sorted(times)
    assert times[-1] - times[0] > 0.01


def test_rates_of_runs_with_and_without_a_stream(
    recorded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", recorded, "1", "-n", "2", "--both", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [group["name"] for group in document["replays"]] == ["stream", "whole"]
    for group in document["replays"]:
        assert group["rates"]["status"] == {"200": 2}
        assert group["rates"]["tool calls"] == {"write_to_file": 2}
        assert group["rates"]["arguments"] == {"{content, path}": 2}
        assert all(shape["prompt_tokens"] for shape in group["runs"])
    assert document["differs"] == []
    with Recording.open(recorded) as recording:
        assert recording.count(after=5) == 4


def test_an_edit_changes_what_the_server_does(
    recorded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--set", "max_tokens=1", "--unset", "chat_template_kwargs", "--unset", "logit_bias"]
    assert run(["replay", recorded, "1", *words, "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["replays"]
    assert group["runs"][0]["finish_reason"] == "length"
    assert group["runs"][0]["completion_tokens"] == 1


def test_what_the_server_refuses_is_compared_too(
    recorded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", recorded, "1", "--set", "tool_choice=never", "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["replays"]
    assert group["runs"][0]["status"] == 400
    assert "tool_choice" in group["runs"][0]["error"]


def test_the_loop_ends_when_the_model_sees_its_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template, where = tmp_path / "loop.jinja", tmp_path / "lost.db"
    template.write_text(looping())
    where.write_bytes(LOST.read_bytes())
    with serve(tmp_path / "loop.log", "--chat-template-file", str(template)) as url:
        ending = [
            "--set",
            "max_tokens=64",
            "--set",
            "temperature=0",
            "--set",
            "logit_bias=[[2,100]]",
        ]
        words = ["replay", str(where), "2", "--server", url, *ending, "--json"]
        assert run(words) == 0
        before = json.loads(capsys.readouterr().out)
        assert run([*words, "--repair", "-n", "2"]) == 0
        after = json.loads(capsys.readouterr().out)
    recorded = before["recorded"]["runs"][0]["stands_for"]
    assert before["replays"][0]["runs"][0]["stands_for"] == recorded != []
    assert [(loop["group"], loop["verdict"], loop["repeats"]) for loop in after["loop"]] == [
        ("recorded", "the loop goes on", 1),
        ("replayed", "the loop ends", 0),
    ]
    assert [shape["finish_reason"] for shape in after["replays"][0]["runs"]] == ["stop", "stop"]
    assert all(shape["has_text"] for shape in after["replays"][0]["runs"])
    analysis = Middle("", where).analysis()
    assert [thread.kind for thread in analysis.threads] == ["main", *["replay"] * 3]


RESULT = "The file Test.md now holds four lines about tea."


def test_a_repair_shows_the_model_itself_what_it_had_lost(llama: str, tmp_path: Path) -> None:
    """With the model's own template and its own words: nothing is scripted here."""
    where = tmp_path / "lost.db"
    where.write_bytes(LOST.read_bytes())
    greedy = ("temperature=0", "cache_prompt=false", "max_tokens=6", "ignore_eos=true")
    sets = [word for field in (*greedy, "verbose=true") for word in ("--set", field)]
    words = ["replay", str(where), "2", "--server", llama, "--no-stream", *sets, "--json"]
    assert run(words) == 0
    assert run([*words, "--repair", "--result", RESULT]) == 0
    turns = Middle("", where).analysis().turns
    (call,) = turns[1].reply.message.tool_calls
    before, after = (turns[number].reply for number in (5, 6))
    poem = json.loads(call.arguments)["content"].splitlines()[0]
    for what in (RESULT, poem, call.name + ":0"):
        assert what not in before.prompt, what
        assert what in after.prompt, what
    asked = turns[2].messages[2].text[-40:]
    assert after.prompt.index(poem) < after.prompt.index(RESULT) < after.prompt.rindex(asked)
    assert "" != after.message.text != before.message.text != ""
