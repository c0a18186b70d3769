"""The longest silence of a stream, from the times at which its parts arrived."""

import gzip
from dataclasses import replace
from datetime import timedelta

import pytest

from kimitap.conversation import Turn
from kimitap.dialects import decode
from kimitap.exchange import Exchange, Outcome, Segment
from tests.support import chat

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
CALL = (
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":'
    b'{"name":"f","arguments":"{}"}}]}}]}\n\n'
)
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PING = b":\n\n"
PROGRESS = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":'
    b'"chatcmpl-1","model":"k","object":"chat.completion.chunk","prompt_progress":{"total":900,'
    b'"cache":0,"processed":512,"time_ms":9000}}\n\n'
)


def streamed(*parts: tuple[float, bytes]) -> Exchange:
    """A stream whose parts arrived at these seconds after the request."""
    made = chat.exchange(1, chat.request(chat.user("Hello.")), None, stream=True)
    return replace(
        made,
        response=b"".join(part for _, part in parts),
        segments=tuple(Segment(at, len(part)) for at, part in parts),
        ended_at=made.started_at + timedelta(seconds=parts[-1][0] + 0.1),
        outcome=Outcome.COMPLETE,
    )


def decoded(exchange: Exchange) -> Turn:
    turn = decode(exchange)
    assert turn is not None
    return turn


def silence(*parts: tuple[float, bytes]) -> tuple[float, float]:
    turn = decoded(streamed(*parts))
    return round(turn.gap_s, 3), round(turn.gap_at_s, 3)


def test_the_longest_silence_between_words_is_measured_and_placed() -> None:
    assert silence((5, WORD), (6, WORD), (20, WORD), (22, WORD), (23, END)) == (14, 6)


@pytest.mark.parametrize("first", [ROLE, PING, PROGRESS], ids=["role", "ping", "progress"])
def test_reading_the_prompt_is_no_silence(first: bytes) -> None:
    assert silence((1, first), (90, WORD), (91, WORD), (92, END)) == (1, 90)


@pytest.mark.parametrize("sign", [PING, b'event: ping\ndata: {"type": "ping"}\n\n'])
def test_a_sign_of_life_does_not_break_a_silence(sign: bytes) -> None:
    assert silence((1, WORD), (11, sign), (21, sign), (31, WORD), (32, END)) == (30, 1)


def test_progress_in_reading_the_prompt_is_no_word_wherever_it_stands() -> None:
    assert silence((5, WORD), (6, WORD), (12, PROGRESS), (20, WORD), (21, END)) == (14, 6)


def test_a_ping_in_front_of_a_word_is_not_all_of_it() -> None:
    assert silence((1, WORD), (11, PING + WORD), (21, WORD), (22, END)) == (10, 1)


def test_the_silence_before_a_cut_counts() -> None:
    cut = streamed((1, WORD), (2, WORD))
    cut = replace(cut, ended_at=cut.started_at + timedelta(seconds=62), outcome=Outcome.SERVER_CUT)
    turn = decoded(cut)
    assert (turn.gap_s, turn.gap_at_s) == (60, 2)


def test_what_comes_after_the_end_is_no_silence() -> None:
    whole = streamed((1, WORD), (2, END))
    turn = decoded(replace(whole, ended_at=whole.started_at + timedelta(seconds=62)))
    assert (turn.gap_s, turn.gap_at_s) == (1, 1)


def test_a_call_is_speech() -> None:
    assert silence((1, ROLE), (2, CALL), (9, END)) == (7, 2)


def test_a_compressed_stream_is_measured_by_its_parts() -> None:
    plain = streamed((1, WORD), (5, WORD), (6, END))
    packed = gzip.compress(plain.response)
    third = len(packed) // 3
    turn = decoded(
        replace(
            plain,
            response=packed,
            segments=(Segment(1, third), Segment(5, third), Segment(6, len(packed) - 2 * third)),
            response_headers=(*plain.response_headers, ("Content-Encoding", "gzip")),
        )
    )
    assert turn.reply.message.text == "word word "
    assert (turn.gap_s, turn.gap_at_s) == (4, 1)


def test_a_whole_answer_has_no_silence() -> None:
    turn = chat.turn(1, chat.request(chat.user("Hi.")), chat.choice(chat.assistant("Hello.")))
    assert (turn.gap_s, turn.gap_at_s) == (0, 0)


def test_speed_is_what_the_server_measured_else_tokens_over_the_streams_time() -> None:
    def speed(**extra: object) -> float | None:
        said = chat.choice(chat.assistant("Hello."))
        request = chat.request(chat.user("Hi."))
        return chat.turn(1, request, said, stream=True, extra=extra).tokens_per_second

    assert speed(timings={"predicted_n": 30, "predicted_ms": 1500.0}) == 20
    assert speed(usage={"prompt_tokens": 9, "completion_tokens": 8}) == 16
    assert speed(timings={"predicted_n": 1, "predicted_ms": 0.001}) is None
    assert speed() is None


def test_the_prompt_of_a_verbose_answer_is_kept() -> None:
    told = {"__verbose": {"prompt": "<|im_user|>Hi.<|im_end|>", "truncated": True}}
    said = chat.choice(chat.assistant("Hello."))
    for stream in (True, False):
        reply = chat.turn(1, chat.request(chat.user("Hi.")), said, stream=stream, extra=told).reply
        assert (reply.prompt, reply.truncated) == ("<|im_user|>Hi.<|im_end|>", True)


STOP, REST = END[: END.index(b"data: [DONE]")], END[END.index(b"data: [DONE]") :]
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\n'


def test_what_comes_late_behind_the_reason_is_no_silence_of_the_reply() -> None:
    said = ((5, WORD), (6, WORD), (8, WORD), (9, STOP))
    assert silence(*said, (80, USAGE + REST)) == (2, 6)
    assert silence(*said, (40, USAGE), (80, REST)) == (2, 6)
    assert silence((5, WORD), (6, WORD), (7, PING), (9, STOP), (80, REST)) == (3, 6)


def test_a_reason_that_comes_late_ends_a_silence() -> None:
    assert silence((5, WORD), (6, WORD), (80, STOP), (81, REST)) == (74, 6)


def test_a_reason_in_the_words_of_a_reply_is_none() -> None:
    quoted = WORD.replace(b"word ", rb"{\"finish_reason\": \"stop\"}")
    assert silence((5, WORD), (6, quoted), (80, WORD), (81, END)) == (74, 6)
