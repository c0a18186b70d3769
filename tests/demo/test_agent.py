"""The demo's agent with its two histories, and the model that believes only what it sees."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kimitap.demo import history
from kimitap.demo.agent import Agent, AgentFailed, Played, play
from kimitap.demo.history import Memory, Result
from kimitap.demo.model import POEM, next_speech
from kimitap.demo.speech import Call, Speech, rendered, spelled
from kimitap.demo.tools import run_tool
from kimitap.demo.upstream import Upstream

WRITE = Call("write_to_file", '{"path": "Test.md", "content": "x"}', "functions.write_to_file:0")
PAST = [Memory(Speech("I write.", calls=(WRITE,)), (Result(WRITE, "Wrote it."),))]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.mark.parametrize("stream", [True, False])
def test_a_healthy_history_ends_the_task_in_four_tool_turns(
    upstream: Upstream, tmp_path: Path, stream: bool
) -> None:
    played = play(Agent("agent", history.healthy, stream=stream), upstream.url, tmp_path)
    assert played.answer == "Test.md holds the poem and its title."
    assert [call.name for call in played.calls] == [
        "write_to_file",
        "list_files",
        "read_file",
        "write_to_file",
    ]
    assert [call.id[-1] for call in played.calls] == list("0123")
    assert (tmp_path / "Test.md").read_text() == POEM


def test_an_r1_history_makes_the_same_model_repeat_itself(
    upstream: Upstream, tmp_path: Path
) -> None:
    played = play(Agent("agent", history.r1, most_turns=3), upstream.url, tmp_path)
    assert played == Played("agent", 3, played.calls[:1] * 3, None)
    assert played.calls[0].name == "write_to_file"


def test_an_r1_history_blanks_the_reply_and_forgets_the_result() -> None:
    system, blank, environment = history.r1(PAST)
    assert system["role"] == "user"
    assert str(system["content"]).startswith(f"{history.SYSTEM}\n<task>")
    assert blank == {"role": "assistant", "content": ""}
    assert environment == {"role": "user", "content": history.ENVIRONMENT}


def test_a_healthy_history_gives_call_result_and_reasoning_back() -> None:
    *_, reply, result = history.healthy(PAST)
    assert reply["reasoning_content"] == "I write."
    assert reply["tool_calls"] == [
        {
            "id": WRITE.id,
            "type": "function",
            "function": {"name": WRITE.name, "arguments": WRITE.arguments},
        }
    ]
    assert result == {"role": "tool", "tool_call_id": WRITE.id, "content": "Wrote it."}


def test_the_model_goes_on_where_a_result_is_written_out_as_text() -> None:
    told = {"role": "user", "content": "[write_to_file for 'Test.md'] Result:\nWrote it."}
    assert next_speech({"messages": [told]}).calls[0].name == "list_files"
    used = {"role": "assistant", "content": "[Tool Use: write_to_file]"}
    assert next_speech({"messages": [used]}).calls[0].name == "list_files"


def test_a_server_that_refuses_ends_the_run_with_its_words(tmp_path: Path) -> None:
    with Upstream(n_ctx=16) as small, pytest.raises(AgentFailed, match="exceeds the available"):
        play(Agent("agent", history.healthy), small.url, tmp_path)


def test_a_tool_cannot_leave_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_text("secret")
    assert run_tool(Call("read_file", '{"path": "../secret"}', ""), inside).startswith("Error")
    assert run_tool(Call("read_file", '{"path": 7}', ""), inside).startswith("Error")
    assert run_tool(Call("read_file", "{", ""), inside).startswith("Error")


def test_kimi_s_spelling_is_that_of_the_documented_format() -> None:
    assert spelled(PAST[0].reply) == (
        "<think>I write.</think><|tool_calls_section_begin|><|tool_call_begin|>"
        'functions.write_to_file:0<|tool_call_argument_begin|>{"path": "Test.md", "content": "x"}'
        "<|tool_call_end|><|tool_calls_section_end|>"
    )
    prompt = rendered({"messages": history.healthy(PAST)})
    assert prompt.endswith(
        "<|im_system|>tool<|im_middle|>## Return of functions.write_to_file:0\nWrote it.<|im_end|>"
        "<|im_assistant|>assistant<|im_middle|>"
    )
