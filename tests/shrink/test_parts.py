"""One call of several goes with its results, and out of the reply that made it."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from kimitap.conversation import Turn
from kimitap.dialects import decode
from kimitap.exchange import Exchange
from kimitap.rules.rule import Sample
from kimitap.shrink import Shrunk, shrink
from tests.scoring.dialects import Dialect
from tests.scoring.translate import translated
from tests.support import chat
from tests.support.shrinking import demand_the_same, exchanges_of, findings_in

TASK = chat.user("Read both files.")
FIRST = chat.call("read_file", {"path": "notes.txt"}, "call_a")
SECOND = chat.call("read_file", {"path": "data.csv"}, "call_b")
THIRD = chat.call("read_file", {"path": "more.csv"}, "call_c")
ASKED = chat.assistant("I read all three.", FIRST, SECOND, THIRD)
RESULTS = [chat.result(f"what {name} holds", f"call_{name}") for name in "abc"]
TOOLS = [chat.tool("read_file", path={"type": "string"})]


def turns_of(exchanges: Sequence[Exchange]) -> list[Turn]:
    turns = [decode(one) for one in exchanges]
    assert all(turn is not None and not turn.faults for turn in turns)
    return [turn for turn in turns if turn is not None]


def shrunk(rule: str, exchanges: Sequence[Exchange]) -> Shrunk:
    finding = next(f for f in findings_in(exchanges) if f.rule == rule)
    made = shrink(exchanges, finding)
    demand_the_same(made, finding, exchanges)
    return made


def calls(turn: Turn) -> list[str]:
    return [orjson.loads(call.arguments)["path"] for call in turn.reply.message.tool_calls]


@pytest.mark.parametrize("stream", [True, False])
def test_calls_that_came_back_go_from_reply_and_history(stream: bool) -> None:
    """Of three calls the second is lost: the others were given back, with their results."""
    kept = chat.assistant("I read all three.", FIRST, THIRD)
    history = [TASK, kept, RESULTS[0], RESULTS[2]]
    made = shrunk(
        "partially-replayed-tool-calls",
        [
            chat.exchange(1, chat.request(TASK, tools=TOOLS), chat.choice(ASKED), stream=stream),
            chat.exchange(
                2,
                chat.request(*history, tools=TOOLS),
                chat.choice(chat.assistant("Done.")),
                stream=stream,
            ),
        ],
    )
    first, second = turns_of(made.exchanges)
    assert len(calls(first)) == 2
    assert "data.csv" in calls(first)
    assert len(second.messages[-2].tool_calls) == 1
    assert len([m for m in second.messages if m.tool_results]) == 1


@pytest.mark.parametrize("dialect", [Dialect.CHAT, Dialect.MESSAGES])
def test_a_malformed_call_is_left_alone(dialect: Dialect) -> None:
    broken = chat.call("read_file", '{"path": "data', "call_b")
    reply = chat.choice(chat.assistant("I read all three.", FIRST, broken, THIRD))
    sample = Sample(chat.request(TASK, tools=TOOLS), reply)
    exchanges = list(exchanges_of(translated([sample], dialect)))
    made = shrunk("malformed-tool-arguments", exchanges)
    (turn,) = turns_of(made.exchanges)
    (left,) = turn.reply.message.tool_calls
    assert left.id == "call_b"
    assert made.finding.place.part is not None


def test_the_indexes_of_the_calls_after_it_move_up() -> None:
    broken = chat.call("read_file", '{"path": "more', "call_c")
    reply = chat.choice(chat.assistant(None, FIRST, SECOND, broken))
    exchanges = [chat.exchange(1, chat.request(TASK, tools=TOOLS), reply, stream=True)]
    (turn,) = turns_of(shrunk("malformed-tool-arguments", exchanges).exchanges)
    assert [call.index for call in turn.reply.message.tool_calls] == [0]


def test_blocks_of_a_message_that_nobody_needs_go() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": f"<reminder number={i}>"} for i in range(9)
    ]
    said = {"role": "user", "content": [*blocks, {"type": "text", "text": "Read both files."}]}
    first = chat.exchange(1, chat.request(said, tools=TOOLS), chat.choice(ASKED), stream=True)
    second = chat.exchange(
        2,
        chat.request(said, chat.assistant(""), chat.user("Go on."), tools=TOOLS),
        chat.choice(chat.assistant("Done.")),
        stream=True,
    )
    made = shrunk("tool-turn-lost", [first, second])
    for one in made.exchanges:
        content = orjson.loads(one.request.content)["messages"][0]["content"]
        assert len(content) == 1
