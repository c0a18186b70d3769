"""Bodies that are made to cost too much: each is read in time that grows with its bytes."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Turn
from kimitap.dialects import decode
from tests.support.chat import exchange, request, user

PATHS = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/completion")
MANY = 60_000


def answered(path: str, response: bytes, kind: str = "application/json") -> Turn:
    """The turn whose answer has these bytes; it came without the net for a decoder's mistakes."""
    one = exchange(1, request(user("Hello.")), None, path=path)
    turn = decode(replace(one, response=response, response_headers=(("Content-Type", kind),)))
    assert turn is not None
    assert not any(fault.what.startswith("the decoder failed") for fault in turn.faults)
    return turn


def streamed(path: str, events: Iterator[dict[str, Any]]) -> Turn:
    body = b"".join(b"data: %s\n\n" % orjson.dumps(event) for event in events)
    began = time.perf_counter()
    turn = answered(path, body, "text/event-stream")
    assert time.perf_counter() - began < 15
    return turn


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("depth", [900, 1000, 1020, 50_000])
def test_an_error_within_an_error_and_so_on(path: str, depth: int) -> None:
    nested = b'{"error":' * depth + b'"the innermost"' + b"}" * depth
    for body in (nested, b"data: %s\n\n" % nested, b"event: error\ndata: %s\n\n" % nested):
        error = answered(path, body).reply.error
        assert depth > 1024 or error == "the innermost"


def test_a_signature_in_many_pieces() -> None:
    begun = {"type": "thinking", "thinking": "hm", "signature": ""}
    delta = {"type": "signature_delta", "signature": "s" * 100}

    def events() -> Iterator[dict[str, Any]]:
        yield {"type": "content_block_start", "index": 0, "content_block": begun}
        yield from ({"type": "content_block_delta", "index": 0, "delta": delta},) * MANY

    [thought] = streamed("/v1/messages", events()).reply.message.parts
    assert thought.signature == "s" * 100 * MANY  # type: ignore[union-attr] # a thought has one


def test_a_response_that_is_told_again_and_again_with_other_fields() -> None:
    states = ({"type": "response.in_progress", "response": {f"k{n}": n}} for n in range(MANY))
    assert streamed("/v1/responses", states).reply.events == MANY


CHOICES = "more than 128 choices: the others are not read"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_choice_beyond_the_most_is_not_read_however_many_there_are(path: str) -> None:
    said = {"delta": {"content": "a"}} if path.startswith("/v1/chat") else {"text": "a"}
    turn = streamed(path, ({"choices": [{"index": n, **said}]} for n in range(MANY)))
    assert len(turn.reply.others) == 127
    told = [fault.what for fault in turn.faults if fault.where.startswith("response")]
    assert told == [CHOICES]


def test_a_choice_that_has_begun_goes_on_after_the_most_were_begun() -> None:
    events = [{"choices": [{"index": n % 130, "delta": {"content": "a"}}]} for n in range(260)]
    reply = streamed("/v1/chat/completions", iter(events)).reply
    assert {message.text for message in (reply.message, *reply.others)} == {"aa"}


def test_as_many_choices_as_openai_gives_are_read() -> None:
    turn = streamed("/v1/chat/completions", ({"choices": [{"index": n}]} for n in range(128)))
    assert (len(turn.reply.others), turn.faults) == (127, ())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_choice_beyond_the_most_is_not_read_in_a_whole_answer(path: str) -> None:
    choice = {"message": {"role": "assistant", "content": "a"}, "text": "a"}
    choices = [{"index": n, **choice} for n in range(MANY)]
    turn = answered(path, orjson.dumps({"choices": choices}))
    assert len(turn.reply.others) == 127
    assert ("response.choices", CHOICES) in [(f.where, f.what) for f in turn.faults]


def test_a_chunk_of_many_choices_costs_no_more() -> None:
    chunk = {"choices": [{"index": n, "delta": {"content": "a"}} for n in range(MANY)]}
    assert len(streamed("/v1/chat/completions", iter([chunk])).reply.others) == 127


def test_a_run_that_goes_on_for_long_is_read_in_time() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}
        for n in range(MANY):  # each is in the frame of the one before the last
            yield {"choices": [{"index": 0, "delta": {"content": "a"}}], "id": "ab"[n % 2]}

    assert streamed("/v1/chat/completions", events()).reply.message.text == "a" * MANY
