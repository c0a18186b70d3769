"""An exchange without its secrets, of the same structure."""

from dataclasses import replace

import orjson
import pytest

from kimitap.dialects import decode
from kimitap.exchange import Body, Exchange
from kimitap.redacting import Level, Masked, redacted
from tests.support import wire

SK = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"


def one(exchange: Exchange, level: Level = Level.SECRETS) -> tuple[Exchange, tuple[Masked, ...]]:
    ((out, masked),) = redacted([exchange], level)
    return out, masked


def saying(*texts: str) -> Exchange:
    """A recorded request whose messages say these texts."""
    exchange = wire.load("chat_stream")
    body = {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}
    return replace(exchange, request=Body.whole(orjson.dumps(body)))


@pytest.mark.parametrize("name", wire.names())
def test_a_recorded_answer_without_secrets_keeps_its_bytes(name: str) -> None:
    exchange = wire.load(name)
    out, _ = one(exchange)
    assert out.request == exchange.request
    assert (out.response, out.segments) == (exchange.response, exchange.segments)


def test_one_secret_has_one_mask_wherever_it_stands() -> None:
    out, masked = one(saying(f"use {SK}", "write to kim@example.org", f"again: {SK}"))
    told = [message["content"] for message in orjson.loads(out.request.content)["messages"]]
    assert told == ["use [API key 1]", "write to [e-mail 1]", "again: [API key 1]"]
    assert Masked(1, "request $.messages[2].content", "API key", 1) in masked


def test_at_the_level_none_nothing_changes() -> None:
    exchange = saying(SK)
    assert one(exchange, Level.NONE) == (exchange, ())


@pytest.mark.parametrize("name", [n for n in wire.names() if "stream" in n])
def test_a_stream_whose_words_are_replaced_has_the_same_events_and_times(name: str) -> None:
    exchange = wire.load(name)
    out, _ = one(exchange, Level.TEXT)
    assert out.response.count(b"\n\n") == exchange.response.count(b"\n\n")
    assert [s.at_s for s in out.segments] == [s.at_s for s in exchange.segments]
    assert sum(s.length for s in out.segments) == len(out.response)
    before, after = decode(exchange), decode(out)
    assert before is not None
    assert after is not None
    assert [type(p) for p in before.reply.message.parts] == [
        type(p) for p in after.reply.message.parts
    ]
    assert before.reply.finish_reason == after.reply.finish_reason
