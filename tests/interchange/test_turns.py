"""Turns as JSON lines: what was decoded, how the reply came back, and what was found."""

import json
from typing import Any

from kimitap.interchange.outgoing.told import tell
from kimitap.interchange.outgoing.turns import turn_lines
from tests.support.chat import assistant, choice, exchange, request, user
from tests.support.recordings import healthy_tool_turn, lost_tool_turn


def values(exchanges: Any) -> list[Any]:
    return [json.loads(line) for line in turn_lines(tell(exchanges))]


def test_a_lost_turn_is_told_with_its_echo_and_its_finding() -> None:
    first, second = values(lost_tool_turn())[:2]
    assert first["echo"] == "blanked"
    assert second["follows"] == {"exchange": first["exchange"], "relation": "continues"}
    (finding,) = [f for f in second["findings"] if f["rule"] == "tool-turn-lost"]
    assert finding["severity"] == "error" and finding["evidence"]
    assert (first["session"], first["thread"], first["kind"]) == ("s1", "t1", "turn")


def test_messages_and_reply_are_parts_with_types() -> None:
    first, second = values(healthy_tool_turn())[:2]
    parts = first["reply"]["message"]["parts"]
    (called,) = [p for p in parts if p["type"] == "tool_call"]
    (answered,) = [p for m in second["messages"] for p in m["parts"] if p["type"] == "tool_result"]
    assert answered["call_id"] == called["id"]
    assert json.loads(called["arguments"])


def test_usage_and_timings_are_told() -> None:
    extra = {
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "timings": {"cache_n": 5, "prompt_n": 2, "predicted_n": 3, "predicted_ms": 100.0},
    }
    (one,) = values(
        [exchange(1, request(user("Hi.")), choice(assistant("Yes.")), stream=True, extra=extra)]
    )
    assert one["reply"]["usage"]["prompt_tokens"] == 7
    assert one["reply"]["timings"]["cache_n"] == 5
    assert one["reply"]["tokens_per_second"] == 30.0


def test_a_number_beyond_64_bits_is_written_as_it_is() -> None:
    (one,) = values([exchange(1, {**request(user("Hi.")), "x": 1}, choice(assistant("Yes.")))])
    assert one["parameters"]["x"] == 1
