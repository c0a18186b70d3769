"""Whether a stream had said its last word, however its bytes were split."""

import pytest

from kimitap.recorder.ending import LastWords, has_ended, is_event_stream

DELTA = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'

ENDED = {
    "done": DELTA + b"data: [DONE]\n\n",
    "done without space": DELTA + b"data:[DONE]\n\n",
    "done, cut in its line end": DELTA + b"data: [DONE]",
    "a finish chunk": DELTA + FINISH,
    "a finish chunk, then usage": DELTA + FINISH + USAGE,
    "a finish chunk, cut at its end": DELTA + FINISH[:-4],
    "carriage returns": b"data: [DONE]\r\n\r\n",
    "message_stop": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "message_stop without event line": b'data: {"type": "message_stop"}\n\n',
    "response.completed": b'event: response.completed\ndata: {"response":{"a":"'
    + b"x" * 9000
    + b'"}}\n\n',
    "response.incomplete": b'event: response.incomplete\ndata: {"type":"response.incomplete"}\n\n',
    "response.failed": b'data: {"type":"response.failed","response":{}}\n\n',
    "llama-server's completion": b'data: {"content":"","stop":true,"tokens":[]}\n\n',
    "a ping after the end": DELTA + FINISH + b":\n\n",
}
SAID = rb'"data: [DONE]\n\"finish_reason\":\"stop\""'
NOT_ENDED = {
    "nothing": b"",
    "a delta": DELTA,
    "a role": DELTA.replace(b'"content":"x"', b'"role":"assistant","content":null'),
    "the word in a text": DELTA.replace(b'"x"', SAID),
    "one of two choices": FINISH + DELTA.replace(b'"index":0', b'"index":1'),
    "response.created": b'event: response.created\ndata: {"type":"response.created"}\n\n',
    "a cut response.completed": b'event: response.completed\ndata: {"type":"response.comp',
    "message_delta": b'event: message_delta\ndata: {"delta":{"stop_reason":"end_turn"}}\n\n',
    "llama-server goes on": b'data: {"content":"a","stop":false}\n\n',
    "an error": b'data: {"error":{"code":500,"message":"no"}}\n\n',
}


@pytest.mark.parametrize("body", ENDED.values(), ids=ENDED)
@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_a_stream_that_said_its_last_word_has_ended(body: bytes, size: int) -> None:
    assert fed(body, size)


@pytest.mark.parametrize("body", NOT_ENDED.values(), ids=NOT_ENDED)
@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_a_stream_that_did_not_has_not(body: bytes, size: int) -> None:
    assert not fed(body, size)


def fed(body: bytes, size: int) -> bool:
    last = LastWords()
    for start in range(0, len(body), size):
        last.add(body[start : start + size])
    return last.were_said


def test_a_whole_body_is_judged_as_its_parts_are() -> None:
    assert has_ended(DELTA * 3000 + FINISH)
    assert not has_ended(DELTA * 3000)


@pytest.mark.parametrize("size", [len(DELTA), 10_000, 1 << 20])
def test_a_long_stream_is_judged_by_its_end(size: int) -> None:
    assert fed(DELTA * 10_000 + FINISH, size)
    assert not fed(FINISH + DELTA * 10_000, size)
    completed = (
        b'event: response.completed\ndata: {"type":"response.completed","response":"%s"}\n\n'
    )
    assert fed(DELTA * 10_000 + completed % (b"x" * 200_000), size)


def test_a_stream_of_which_only_the_end_is_kept_is_not_judged_by_half_a_line() -> None:
    last = LastWords()
    last.add(DELTA * 10_000 + DELTA[:-4])
    last.add(b"data: [DONE] he said" + b"x" * (1 << 18) + b'"}}]}\n\n')
    assert not last.were_said
    assert not fed(b"x" * 5_000_000, 1000)


def test_only_an_event_stream_is_judged() -> None:
    assert is_event_stream([("Content-Type", "text/event-stream; charset=utf-8")])
    assert not is_event_stream([("content-type", "application/json")])
    assert not is_event_stream([])
