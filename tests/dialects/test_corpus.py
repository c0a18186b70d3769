"""The agents' captures, decoded: every turn agrees with what is known of it."""

import pytest

from kimitap.conversation import Turn
from kimitap.dialects import decode
from tests.support.corpus import MISSING, captures, exchanges, truth

AGENTS = sorted({agent for agent, _ in captures()})


def wire_roles(turn: Turn) -> str:
    """The first letters of the roles in the request, a system prompt of its own field first."""
    indexes = turn.wire_indexes or range(len(turn.messages))
    roles = {i: m.wire_role[0] for i, m in zip(indexes, turn.messages, strict=True)}
    return "".join(roles.values())


@pytest.mark.skipif(not AGENTS, reason=MISSING)
@pytest.mark.parametrize("agent", AGENTS)
def test_every_turn_of_an_agent_agrees_with_its_truth(agent: str) -> None:
    for case in [case for name, case in captures() if name == agent]:
        facts = truth(agent, case)["exchanges"]
        for one in exchanges(agent, case):
            turn = decode(one)
            if turn is None:
                continue
            fact, reply = facts[one.number - 1], turn.reply
            place = f"{agent}/{case} exchange {one.number}"
            assert turn.faults == (), place
            assert wire_roles(turn) == fact["roles"], place
            assert len(turn.tools) == fact["n_tools"], place
            assert turn.stream == fact["stream"], place
            assert reply.finish_reason == fact["finish"], place
            assert (reply.complete and not reply.error) == fact["complete"], place
            assert len(reply.message.text) == fact["content_chars"], place
            assert len(reply.message.reasoning) == fact["reasoning_chars"], place
            assert [(c.name, c.id) for c in reply.message.tool_calls] == [
                (call["name"], call["id"]) for call in fact["tool_calls"]
            ], place
