import orjson

from bench.sessions import DONE, Session


def test_each_request_repeats_the_history_and_adds_a_call_and_its_result() -> None:
    first, second = (orjson.loads(turn.request) for turn in Session(seed=1).turns(2))

    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert [m["role"] for m in second["messages"][-2:]] == ["assistant", "tool"]
    assert second["tools"] == first["tools"]


def test_the_streamed_reply_is_what_the_next_request_gives_back() -> None:
    first, second = Session(seed=2).turns(2)
    chunks = [orjson.loads(event[len(b"data: ") :]) for event in first.events[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", [])]
    given_back = orjson.loads(second.request)["messages"][-2]

    assert first.events[-1] == DONE
    assert "".join(d.get("content") or "" for d in deltas) == given_back["content"]
    assert (
        "".join(c["arguments"] for c in calls)
        == (given_back["tool_calls"][0]["function"]["arguments"])
    )


def test_eighty_turns_send_twenty_megabytes() -> None:
    turns = list(Session(seed=5).turns(80))

    assert 18e6 < sum(len(turn.request) for turn in turns) < 23e6
    assert 80 < sum(len(turn.events) for turn in turns) / 80 < 250


def test_the_pieces_are_the_unique_values_of_the_last_request() -> None:
    session = Session(seed=3)
    *_, last = session.turns(4)
    body = orjson.loads(last.request)
    pieces = [orjson.loads(piece) for piece in session.pieces]

    assert all(value in pieces for value in [*body["tools"], *body["messages"]])
    assert len(pieces) == len(body["tools"]) + len(body["messages"]) + 2  # the last reply, result


def test_turns_that_are_lost_come_back_blank_and_without_a_result() -> None:
    *_, last = Session(seed=2, lose_every=2).turns(5)
    messages = orjson.loads(last.request)["messages"][2:]

    assert [m["role"] for m in messages] == ["assistant", "tool", "assistant", "user"] * 2
    assert [m["content"] == "" for m in messages] == [False, False, True, False] * 2
    assert "tool_calls" not in messages[2]
