"""Whether two requests can belong to one thread, or to one session, at all."""

from kimitap.conversation import Message, Turn
from kimitap.weave.keys import LIKENESS, Keys
from kimitap.weave.markers import ASIDES, SUMMARISE, holds

FORM = ("response_format", "json_schema", "grammar", "text", "output_config")
"""Fields by which a request asks for an answer of a certain form."""
NAMING = frozenset({"prompt_cache_key", "metadata", "client_metadata", "user", "seed"})
"""Fields that may differ from request to request and say nothing of how it is asked."""


def leading_systems(turn: Turn) -> int:
    """How many system messages a request begins with: they are compared apart from the rest."""
    messages = turn.messages
    return next((i for i, m in enumerate(messages) if m.role != "system"), len(messages))


def scoped(one: Turn, other: Turn) -> bool:
    """True unless the two say themselves that they belong to different sessions or agents.

    Where only one of them names its session, they must at least be one program on one connection.
    """
    if one.dialect != other.dialect or one.scope.agent_id != other.scope.agent_id:
        return False
    if one.scope.session == other.scope.session:
        return True
    if one.scope.session and other.scope.session:
        return False
    return bool(one.client) and (one.client, one.agent) == (other.client, other.agent)


def same_system(one: Turn, other: Turn, keys: Keys) -> bool:
    """True where both begin with the same system messages."""
    return keys.same(one.messages[: leading_systems(one)], other.messages[: leading_systems(other)])


def same_tools(one: Turn, other: Turn) -> bool:
    """True where both declare tools of the same names."""
    if one.tools is other.tools:
        return True
    return {tool.name for tool in one.tools} == {tool.name for tool in other.tools}


def tools_alike(one: Turn, other: Turn) -> bool:
    """True where one has all the tools of the other, or both have most in common."""
    a, b = {tool.name for tool in one.tools}, {tool.name for tool in other.tools}
    if not a or not b:
        return a == b
    return a <= b or b <= a or 2 * len(a & b) > len(a | b)


def same_voice(one: Turn, other: Turn, keys: Keys) -> bool:
    """True where both speak as the same agent: the same system messages and tools."""
    return same_tools(one, other) and same_system(one, other, keys)


def like_system(one: Turn, other: Turn, keys: Keys) -> bool:
    """True where the prompts are the same but for details, such as a date or a file list."""
    a, b = _systems(one), _systems(other)
    if keys.same(a, b):
        return True
    return bool(a) and bool(b) and keys.likeness(_joined(a), _joined(b)) >= LIKENESS


def kin(parent: Turn, child: Turn, covered: bool, keys: Keys) -> bool:
    """True unless one looks like a side request (a title, a summary) about the other.

    An agent may change its prompt or its tools within a thread (modes do); a side request has
    another prompt, and no tools where the thread has some, or asks for a summary.
    """
    tools, had_tools = bool(child.tools), bool(parent.tools)
    if like_system(parent, child, keys):
        return tools == had_tools or tools or not asks_for_summary(child)
    if asks_for_summary(child) or asks_for_summary(parent):
        return False
    if tools == had_tools:
        return tools or covered
    return tools and covered


def asks_for_summary(turn: Turn) -> bool:
    """True where the request asks for a summary of a history."""
    asked = [m for m in turn.messages[-1:] if m.role == "user"]
    return any(holds(m.text, SUMMARISE) for m in (*_systems(turn), *asked))


def asks_aside(parent: Turn, child: Turn) -> bool:
    """True where `child` looks like a question about the history of `parent`, asked beside it.

    It says so, or leaves out the tools, or wants its answer in another form.
    """
    asked = [m for m in child.messages[-1:] if m.role == "user"]
    if any(holds(m.text, ASIDES) for m in asked) or asks_for_summary(child):
        return True
    return bool(parent.tools and not child.tools) or _form(parent) != _form(child)


def odd_one(before: Turn, turn: Turn, after: Turn) -> bool:
    """True where `turn` is asked in another way than both the turn before and the one after it."""
    if asks_aside(before, turn) and not asks_aside(before, after):
        return True
    if turn.model != after.model and before.model == after.model:
        return True
    a, b, c = before.parameters, turn.parameters, after.parameters
    return any(b.get(f) != c.get(f) and a.get(f) == c.get(f) for f in {*b, *c} - NAMING)


def _form(turn: Turn) -> list[object]:
    return [turn.parameters.get(field) for field in FORM]


def _systems(turn: Turn) -> tuple[Message, ...]:
    return turn.messages[: leading_systems(turn)]


def _joined(messages: tuple[Message, ...]) -> Message:
    if len(messages) == 1:
        return messages[0]
    return Message("system", tuple(part for message in messages for part in message.parts))
