"""Random agents' runs with a fault planted, shrunk."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kimitap.conversation import Message, Turn
from kimitap.exchange import Exchange, Outcome
from kimitap.rules.finding import Severity
from kimitap.shrink import shrink
from tests.scoring.cache import counted
from tests.scoring.dialects import CANNOT, Dialect
from tests.scoring.faults import FAULTS
from tests.scoring.measure import hits
from tests.scoring.sound import SOUND
from tests.scoring.translate import translated
from tests.support import chat
from tests.support.random_runs import TOOLS, Run
from tests.support.shrinking import demand_minimal, demand_the_same, exchanges_of, findings_in

DECLARED = [chat.tool(tool.name, path={"type": "string"}) for tool in TOOLS]
SLOWLY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def spoken(message: Message) -> dict[str, Any]:
    """A message as chat completions have it."""
    if message.tool_results:
        (result,) = message.tool_results
        return chat.result(result.text, result.call_id)
    if message.role != "assistant":
        return {"role": message.role, "content": message.text}
    calls = [chat.call(call.name, call.arguments, call.id) for call in message.tool_calls]
    thought = {"reasoning_content": message.reasoning} if message.reasoning else {}
    return chat.assistant(message.text, *calls, **thought)


def exchange_of(turn: Turn) -> Exchange:
    """A random run's turn as the exchange that it could have been."""
    failed, cut = turn.status != 200, turn.outcome is Outcome.SERVER_CUT
    made = chat.exchange(
        turn.exchange,
        chat.request(*map(spoken, turn.messages), tools=DECLARED if turn.tools else ()),
        None if failed else chat.choice(spoken(turn.reply.message)),
        stream=turn.stream,
        status=turn.status or 200,
        cut=cut,
        started_at=turn.started_at,
        client=turn.client,
    )
    return replace(made, ended_at=turn.ended_at)


def forgetful(exchanges: Sequence[Exchange], at: int) -> list[Exchange]:
    """The run, in which from some request on the calls of one reply are blank."""
    turns = chat.turns(exchanges)
    made = list(exchanges)
    for i, turn in enumerate(turns):
        lost = [j for j, m in enumerate(turn.messages) if m.tool_calls]
        if len(lost) <= at:
            continue
        call = turn.messages[lost[at]].tool_calls[0].id
        kept = [
            chat.assistant("") if m.tool_calls and m.tool_calls[0].id == call else spoken(m)
            for m in turn.messages
            if not (m.tool_results and m.tool_results[0].call_id == call)
        ]
        body = chat.body({**chat.request(*kept, tools=DECLARED), "stream": True})
        made[i] = replace(made[i], request=body)
    return made


@SLOWLY
@given(seed=st.integers(0, 2**32), steps=st.integers(2, 8), at=st.integers(0, 3))
def test_a_run_that_lost_a_call_shrinks_to_the_loss(seed: int, steps: int, at: int) -> None:
    run = Run(seed).play(steps)
    exchanges = forgetful([exchange_of(turn) for turn in run.turns], at)
    found = [f for f in findings_in(exchanges) if f.severity is Severity.ERROR]
    assume(found)
    finding = found[0]

    shrunk = shrink(exchanges, finding)

    assert shrunk.finished
    demand_the_same(shrunk, finding, exchanges)
    demand_minimal(shrunk)
    assert shrunk.after.exchanges <= 4


@SLOWLY
@given(
    fault=st.sampled_from(sorted(FAULTS)),
    title=st.sampled_from(sorted(SOUND)),
    dialect=st.sampled_from(Dialect),
    seed=st.integers(0, 2**32),
)
def test_a_broken_session_shrinks_in_every_dialect(
    fault: str, title: str, dialect: Dialect, seed: int
) -> None:
    broken = FAULTS[fault](SOUND[title], random.Random(seed))
    assume(broken is not None and (fault, dialect) not in CANNOT)
    assert broken is not None
    exchanges = tuple(exchanges_of(translated(counted(broken.samples), dialect)))
    found = [f for f in findings_in(exchanges) if hits(f, broken, dialect)]
    assume(found)

    shrunk = shrink(exchanges, found[0])

    demand_the_same(shrunk, found[0], exchanges)
    demand_minimal(shrunk)
