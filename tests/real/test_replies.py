"""What a real llama-server says, through a real mitmdump: every kind of reply, and a hang-up."""

import json
import time
import urllib.request
from typing import Any

import pytest

from kimitap.conversation import Turn
from kimitap.demo.speech import Call, Speech
from kimitap.exchange import Outcome
from tests.support.middle import Middle
from tests.support.openai_agent import complete

ASKED: list[dict[str, object]] = [{"role": "user", "content": "Read a.txt and list the folder."}]
THOUGHT = Speech("The file first.", "Here is what I do.")
ONE = Speech("The file.", "", (Call("read_file", '{"path": "a.txt"}', "functions.read_file:0"),))
TWO = Speech(
    "Both at once.",
    "Two calls.",
    (*ONE.calls, Call("list_files", '{"path": "."}', "functions.list_files:1")),
)


def last_turn(shared: Middle) -> Turn:
    """The turn of the request that was sent last."""
    turns = shared.analysis().turns
    return turns[max(turns)]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("speech", [THOUGHT, ONE, TWO], ids=["reasoning", "call", "parallel"])
def test_a_reply_is_recorded_as_the_client_heard_it(
    shared: Middle, speech: Speech, stream: bool
) -> None:
    heard = complete(shared.client(), ASKED, stream=stream, speech=speech)
    assert heard == speech

    turn = last_turn(shared)
    message = turn.reply.message
    assert (message.reasoning, message.text) == (speech.reasoning, speech.text)
    said = [Call(call.name, call.arguments, call.id or "") for call in message.tool_calls]
    assert tuple(said) == speech.calls
    assert turn.reply.finish_reason == ("tool_calls" if speech.calls else "stop")
    assert turn.reply.complete
    assert turn.reply.streamed is stream
    assert turn.outcome is Outcome.COMPLETE
    assert turn.faults == ()
    assert turn.server == "llama.cpp"
    assert turn.agent.startswith("OpenAI/Python")


def test_a_natural_reply_brings_usage_and_timings(shared: Middle) -> None:
    answer = shared.client().chat.completions.create(
        model="kimi-k2",
        messages=[{"role": "user", "content": "Say hello."}],
        max_tokens=12,
        stream=True,
        stream_options={"include_usage": True},
    )
    text = "".join(c.delta.content or "" for chunk in answer for c in chunk.choices)
    reply = last_turn(shared).reply
    assert reply.message.text == text != ""
    assert reply.usage.completion_tokens == reply.timings.predicted_n
    assert reply.timings.predicted_n is not None
    assert 0 < reply.timings.predicted_n <= 12
    assert reply.fingerprint.startswith("b")


def test_a_refusal_of_the_server_is_recorded_as_such(shared: Middle) -> None:
    client = shared.client()
    with pytest.raises(Exception, match="Invalid tool_choice"):
        complete(client, ASKED, stream=False, speech=ONE, tool_choice="bogus")
    turn = last_turn(shared)
    assert turn.outcome is Outcome.HTTP_ERROR
    assert turn.status == 400
    assert "Invalid tool_choice" in turn.reply.error


def slots(llama: str) -> list[Any]:
    with urllib.request.urlopen(f"{llama}/slots", timeout=30) as answer:
        found: list[Any] = json.load(answer)
    return found


def test_a_hang_up_frees_the_slot_at_once_and_leaves_the_half_reply(
    llama: str, shared: Middle
) -> None:
    client = shared.client()
    stream = client.chat.completions.create(
        model="kimi-k2",
        messages=[{"role": "user", "content": "Tell a very long story about tea."}],
        max_tokens=4000,
        stream=True,
        extra_body={"logit_bias": [[2, -100], [0, -100]]},  # it never comes to an end by itself
    )
    heard = ""
    for chunk in stream:
        heard += chunk.choices[0].delta.content or ""
        if len(heard) > 20:
            break
    assert any(slot["is_processing"] for slot in slots(llama))
    hung_up_at = time.monotonic()
    stream.close()
    client.close()
    while any(slot["is_processing"] for slot in slots(llama)):
        assert time.monotonic() - hung_up_at < 10
        time.sleep(0.01)
    assert time.monotonic() - hung_up_at < 2

    turn = last_turn(shared)
    assert turn.outcome is Outcome.CLIENT_HUNG_UP
    assert turn.reply.message.text.startswith(heard)
    assert not turn.reply.complete
    [finding] = [f for f in shared.analysis().findings if f.place.exchange == turn.exchange]
    assert (finding.rule, finding.severity) == ("client-cancelled", "info")
