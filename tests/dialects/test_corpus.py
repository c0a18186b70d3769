"""The agents' captures, decoded: every turn agrees with what is known of it."""

import re
from typing import Any

import orjson
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


def in_our_words(fact: dict[str, Any]) -> str | None:
    """The finish reason as a turn has it: the Responses API's status is put in chat's words."""
    said: str | None = fact["finish"]
    if fact["api"] != "responses" or said != "completed":
        return said
    return "tool_calls" if fact["tool_calls"] else "stop"


def declared(body: bytes) -> int:
    """How many tools a request declares, those of a namespace one by one."""
    tools = orjson.loads(body).get("tools") or []
    return sum(len(tool["tools"]) if tool.get("type") == "namespace" else 1 for tool in tools)


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
            roles = wire_roles(turn)
            if turn.dialect == "openai-responses":  # the truth has one letter for all results
                roles = re.sub("t+", "t", roles)
            assert roles == fact["roles"], place
            assert len(turn.tools) == declared(one.request.content) >= fact["n_tools"], place
            assert turn.stream == fact["stream"], place
            assert reply.finish_reason == in_our_words(fact), place
            assert (reply.complete and not reply.error) == fact["complete"], place
            assert len(reply.message.text) == fact["content_chars"], place
            assert len(reply.message.reasoning) == fact["reasoning_chars"], place
            assert [(c.name, c.id) for c in reply.message.tool_calls] == [
                (call["name"], call["id"]) for call in fact["tool_calls"]
            ], place
