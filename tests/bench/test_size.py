import orjson
import pytest
import zstandard

from bench.sessions import Clock, Session
from bench.size import Unique


def prompts(clock: Clock) -> list[str]:
    requests = [orjson.loads(turn.request) for turn in Session(seed=1, clock=clock).turns(3)]
    return [request["messages"][0]["content"] for request in requests]


def test_a_clock_changes_the_system_prompt_at_its_place_and_nothing_else() -> None:
    (same,) = set(prompts(Clock.NONE))
    tops, middles = prompts(Clock.TOP), prompts(Clock.MIDDLE)
    assert len(set(tops)) == len(set(middles)) == 3
    assert [text.partition(".\n")[2] for text in tops] == [same] * 3
    assert [text[:10_000] for text in middles] == [same[:10_000]] * 3
    assert [text[-10_000:] for text in middles] == [same[-10_000:]] * 3


@pytest.mark.parametrize("clock", Clock)
def test_unique_is_each_text_once_and_every_reply(clock: Clock) -> None:
    session = Session(seed=2, clock=clock)
    unique = Unique(session)
    turns = list(unique.of(session.turns(5)))

    texts: dict[bytes, None] = {}
    for turn in turns:
        body = orjson.loads(turn.request)
        for value in (*body["tools"], *body["messages"]):
            texts[orjson.dumps(value)] = None
    whole = b"".join(texts) + b"".join(turn.response for turn in turns)
    expected = len(zstandard.ZstdCompressor(level=3).compress(whole))
    assert unique.turns == 5
    assert unique.sent == sum(len(turn.request) for turn in turns)
    assert unique.end() == pytest.approx(expected, rel=0.05)  # the last reply's message, too
