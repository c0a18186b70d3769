"""Text completions: prompts of every form, llama.cpp's own answers and OpenAI's."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Message, Other, Text, Turn, Usage
from kimitap.dialects import Memo, decode, llama_completion, speaks
from kimitap.exchange import Body, Exchange, Outcome
from tests.support import chat
from tests.support.wire import IK, MAINLINE, load

OWN = {"content": " a time", "stop": True, "stop_type": "eos", "model": "k"}


def exchange(
    sent: dict[str, Any], answer: Any = OWN, path: str = "/completion", **changes: Any
) -> Exchange:
    made = chat.exchange(1, sent, None, path=path, outcome=Outcome.COMPLETE)
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return replace(made, response=body, **changes)


def turn(sent: dict[str, Any], answer: Any = OWN, **options: Any) -> Turn:
    return llama_completion.decode(exchange(sent, answer, **options), Memo())


def stream(*chunks: dict[str, Any], done: bool = False) -> bytes:
    told = b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)
    return told + (b"data: [DONE]\n\n" if done else b"")


@pytest.mark.parametrize(
    "method, path, name",
    [
        ("POST", "/completion", "completion"),
        ("POST", "/completions", "completion"),
        ("POST", "/v1/completions", "completion"),
        ("POST", "/api/v1/completions/?x=1", "completion"),
        ("POST", "/infill", "completion"),
        ("POST", "/v1/chat/completions", "openai-chat"),
        ("GET", "/v1/completions", None),
        ("POST", "/v1/completions/x", None),
    ],
)
def test_the_dialect_is_known_by_method_and_path(method: str, path: str, name: str | None) -> None:
    assert speaks(replace(exchange({"prompt": "x"}), method=method, path=path)) == name


@pytest.mark.parametrize(
    "prompt, parts",
    [
        ("Once upon", (Text("Once upon"),)),
        ("", ()),
        (["Once upon"], (Text("Once upon"),)),
        ([1, 2, 3], (Other("tokens", "[1,2,3]"),)),
        ([[1, 2, 3]], (Other("tokens", "[1,2,3]"),)),
        ([1, "Once", 2, 3], (Other("tokens", "[1]"), Text("Once"), Other("tokens", "[2,3]"))),
        (
            {"prompt_string": "See <__media__>", "multimodal_data": ["AAAA"]},
            (Text("See <__media__>"), Other("multimodal_data", '["AAAA"]')),
        ),
    ],
)
def test_a_prompt_is_one_message_of_the_user(prompt: Any, parts: tuple[Any, ...]) -> None:
    made = turn({"prompt": prompt, "n_predict": 8})
    assert made.messages == (Message("user", parts, "user"),)
    assert (made.faults, made.parameters) == ((), {"n_predict": 8})


@pytest.mark.parametrize(
    "prompt, where",
    [
        (["a", "b"], "request.prompt"),
        ([[1], [2]], "request.prompt"),
        (7, "request.prompt"),
        (None, "request.prompt"),
        ({"text": "x"}, "request.prompt.prompt_string"),
    ],
)
def test_several_prompts_or_none_are_a_fault(prompt: Any, where: str) -> None:
    made = turn({"prompt": prompt})
    assert [fault.where for fault in made.faults] == [where]
    if isinstance(prompt, list):
        assert "2 prompts" in made.faults[0].what
        assert len(made.messages[0].parts) == 1


def test_a_request_without_a_prompt_says_so() -> None:
    assert [f.what for f in turn({"n_predict": 1}).faults] == ["prompt is missing"]


def test_what_stands_around_an_infill_is_one_message() -> None:
    sent = {"input_prefix": "def f(", "prompt": "x", "input_suffix": "):", "input_extra": []}
    made = turn(sent, path="/infill")
    assert made.messages[0].parts == (Text("def f("), Text("x"), Other("input_suffix", '"):"'))
    assert (turn({"input_prefix": "a", "input_suffix": ""}).faults, made.faults) == ((), ())


@pytest.mark.parametrize(
    "told, reason",
    [
        ({"stop_type": "eos"}, "stop"),
        ({"stop_type": "word", "stopping_word": "\n"}, "stop"),
        ({"stop_type": "limit"}, "length"),
        ({"stop_type": "none"}, None),
        ({"stop_type": "other"}, "other"),
        ({"stopped_eos": True, "stopped_limit": False}, "stop"),
        ({"stopped_eos": False, "stopped_limit": True}, "length"),
        ({"stopped_word": True}, "stop"),
    ],
)
def test_why_it_stopped_is_told_in_the_words_of_chat(told: Any, reason: str | None) -> None:
    for answer in (
        {"content": "x", "stop": True, **told},
        [{"content": "x", "stop": True, **told}],
    ):
        reply = turn({"prompt": "a"}, answer).reply
        assert (reply.finish_reason, reply.complete) == (reason, True)
    streamed = stream({"content": "x", "stop": False}, {"content": "", "stop": True, **told})
    reply = turn({"prompt": "a"}, streamed).reply
    assert (reply.message.text, reply.finish_reason, reply.complete) == ("x", reason, True)


def test_a_stream_without_its_last_chunk_did_not_end() -> None:
    reply = turn({"prompt": "a"}, stream({"content": "x", "stop": False})).reply
    assert (reply.message.text, reply.complete, reply.finish_reason) == ("x", False, None)


def test_the_prompt_that_was_read_and_whether_it_was_shortened_are_kept() -> None:
    reply = turn({"prompt": "a"}, {**OWN, "prompt": "<s>a", "truncated": True}).reply
    assert (reply.prompt, reply.truncated) == ("<s>a", True)


def test_several_completions_stand_beside_the_first() -> None:
    chunks = [{"index": i, "content": c, "stop": c == ""} for c in ("x", "y", "") for i in (1, 0)]
    streamed = turn({"prompt": ["a", "b"]}, stream(*chunks)).reply
    whole = turn({"prompt": ["a", "b"]}, [{"content": "xy", "stop": True}] * 2).reply
    for reply in (streamed, whole):
        assert (reply.message.text, [m.text for m in reply.others]) == ("xy", ["xy"])
        assert reply.complete
    assert not turn({"prompt": "a"}, stream(*chunks[:-1])).reply.complete


def test_an_error_is_told() -> None:
    error = {"error": {"code": 400, "message": "no", "type": "bad"}}
    whole = turn({"prompt": "a"}, error, status=400, outcome=Outcome.HTTP_ERROR).reply
    assert (whole.error, whole.complete, whole.error_in_stream) == ("bad: no", True, False)
    streamed = turn({"prompt": "a"}, stream({"content": "x", "stop": False}, error)).reply
    assert (streamed.error, streamed.complete) == ("bad: no", False)
    assert streamed.error_in_stream
    older = turn({"prompt": "a"}, b'data: {"content":"x"}\n\nerror: {"message":"no"}\n\n').reply
    assert (older.error, older.message.text) == ("no", "x")


@pytest.mark.parametrize(
    "answer, where",
    [
        ({"choices": 7}, "response.choices"),
        ({"choices": [7]}, "response.choices[0]"),
        ({"choices": [{"text": 7}]}, "response.choices[0].text"),
        ({"choices": [{"text": "", "index": "0"}]}, "response.choices[0].index"),
        ({"choices": [{"text": "", "finish_reason": 7}]}, "response.choices[0].finish_reason"),
        ({"content": 7, "stop": True}, "response.content"),
        ([7], "response[0]"),
        (7, "response"),
    ],
)
def test_what_should_not_be_there_is_a_fault(answer: Any, where: str) -> None:
    assert where in [fault.where for fault in turn({"prompt": "a"}, answer).faults]


SAMPLES = [
    (MAINLINE, "completion_nonstream", ", the city of New Haven was a", "length", 0, 8),
    (MAINLINE, "completion_stream", ", the city of New Haven", "length", 3, 6),
    (MAINLINE, "completion_stream_timings", ", the city", "length", 3, 3),
    (MAINLINE, "v1_completions_nonstream", ", the city of New Haven was a", "length", 3, 8),
    (MAINLINE, "v1_completions_stream", ", the city of", "length", 3, 4),
    (IK, "completion_nonstream", ", the city of Nova Haven was a", "length", 0, 8),
    (IK, "completion_stream", ", the city of Nova Haven", "length", 3, 6),
    (IK, "completion_stream_timings", ", the city", "length", 3, 3),
    (IK, "v1_completions_nonstream", ", the city of Nova Haven was a", "stop", 3, 8),
    (IK, "v1_completions_stream", ", the city of", "stop", 3, 4),
]


@pytest.mark.parametrize("folder, name, text, end, cached, made", SAMPLES)
def test_a_real_servers_completion(
    folder: Any, name: str, text: str, end: str, cached: int, made: int
) -> None:
    found = decode(load(name, folder))
    assert found is not None
    assert [m.text for m in found.messages] == ["Once upon a time"]
    reply = found.reply
    assert (reply.message.text, reply.finish_reason, reply.complete) == (text, end, True)
    assert reply.usage == Usage(4, made, cached)
    assert reply.timings.predicted_n == made
    assert reply.streamed == ("stream" in name.split("_")[1:2] or name.endswith("_stream"))
    assert reply.prompt == ("Once upon a time" if name.startswith("completion") else "")
    assert found.faults == ()


def test_bytes_that_are_no_request_are_a_fault() -> None:
    made = turn({"prompt": "x"})
    for body in (b"", b"{", b"[1]", b'"x"'):
        broken = decode(replace(exchange({"prompt": "x"}), request=Body.whole(body)))
        assert broken is not None
        assert [fault.where for fault in broken.faults] == ["request"]
        assert broken.reply == made.reply
