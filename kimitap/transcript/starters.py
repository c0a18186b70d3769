"""Which call started a sub-agent: its prompt stands in the call's arguments."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import orjson

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import Session, Thread

QUOTE = 20
"""Characters from which a prompt is recognised in an argument."""
WEIGHS = 40
"""Characters from which an argument is recognised in a prompt that says more."""
READ = 20_000
"""Characters of a text that are compared."""
RECENT = 64
"""Turns with calls that are looked at, back from the sub-agent's first request."""


@dataclass(frozen=True, slots=True)
class Starter:
    """The turn `exchange` called `tool`, and that started the thread."""

    exchange: int
    tool: str


@dataclass(frozen=True, slots=True)
class _Order:
    """What the calls of one turn ask for: (tool, text) of each string among the arguments."""

    turn: Turn
    thread: int
    asked: tuple[tuple[str, str], ...]


def starters(session: Session) -> dict[int, Starter]:
    """The starters of a session's sub-agents by their threads' numbers, where they are known."""
    agents = [thread for thread in session.threads if thread.kind == "sub-agent"]
    if not agents:
        return {}
    orders = sorted(_orders(session), key=lambda order: order.turn.started_at)
    found = ((agent.number, _starter(agent, orders)) for agent in agents)
    return {number: starter for number, starter in found if starter is not None}


def _starter(agent: Thread, orders: list[_Order]) -> Starter | None:
    first = agent.turns[0]
    users = [m.text for m in first.messages if m.role == "user"]
    prompts = [p for p in map(_plain, (*users[:2], *users[-2:])) if len(p) >= QUOTE]
    earlier = (
        order
        for order in reversed(orders)
        if order.turn.started_at < first.started_at and order.thread != agent.number
    )
    for order in islice(earlier, RECENT):
        for tool, text in order.asked:
            if any(p in text or (len(text) >= WEIGHS and text in p) for p in prompts):
                return Starter(order.turn.exchange, tool)
    return None


def _orders(session: Session) -> Iterator[_Order]:
    for thread in session.threads:
        for turn in thread.turns if thread.kind != "side" else ():
            calls = turn.reply.message.tool_calls
            asked = tuple((call.name, text) for call in calls for text in _texts(call))
            if asked:
                yield _Order(turn, thread.number, asked)


def _texts(call: ToolCall) -> Iterator[str]:
    """The longer strings among a call's arguments, as they are compared."""
    if not QUOTE <= len(call.arguments) <= READ:
        return
    try:
        value = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return
    for one in value.values() if isinstance(value, dict) else ():
        if isinstance(one, str) and len(one) >= QUOTE:
            yield _plain(one)


def _plain(text: str) -> str:
    return " ".join(text[:READ].split())
