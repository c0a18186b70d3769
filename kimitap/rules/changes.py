"""How a request changes calls that were made: those of a reply, and those of the history."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from kimitap.conversation import ToolCall
from kimitap.lineage import CallEcho, Fate, Link, Relation
from kimitap.rules.arguments import malformed
from kimitap.rules.finding import Place
from kimitap.rules.gaps import differences
from kimitap.rules.schemas import is_as_declared

WRAPPERS = (
    "__unparsedToolInput",  # Claude Code
    "INVALID_JSON",  # pydantic-ai
    "value",  # Kilo
)
"""The keys under which agents keep arguments that they could not read."""
INVALID = "invalid"
"""OpenCode's name for a call that it could not make."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A call as it was, and as a request has it now. `reply` is False for one of the history.

    `swapped`: `new` is another call of the reply, under the id of `old`.
    """

    link: Link
    old: ToolCall
    new: ToolCall
    place: Place
    origin: Place
    reply: bool = True
    swapped: bool = False


def is_known_replacement(old: ToolCall, new: ToolCall, link: Link) -> bool:
    """True where nobody could run the call, and the agent put what it always puts in its place."""
    tools = {tool.name for tool in link.parent.tools}
    if not malformed(old) and not (tools and old.name not in tools):
        return False
    value = _value(new.arguments)
    if isinstance(value, str):
        return old.arguments.startswith(value)
    if not isinstance(value, dict):
        return False
    return new.name == INVALID or not value or any(key in value for key in WRAPPERS)


def _value(arguments: str) -> object:
    try:
        return orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        return None


def changed_calls(link: Link) -> Iterator[Changed]:
    """The reply's calls, then those of the history, that the request has otherwise."""
    if link.relation is not Relation.CONTINUES:
        return
    for echo in link.echo.calls:
        if echo.fate is Fate.CHANGED and echo.new is not None and _owed(echo, link):
            yield Changed(
                link,
                echo.call,
                echo.new,
                Place(link.child.exchange, echo.message, echo.new_part),
                Place(link.parent.exchange, None, echo.part),
            )
    for edit in differences(link).edits:
        old, new = link.parent.messages[edit.old], link.child.messages[edit.new]
        if len(old.tool_calls) != len(new.tool_calls):
            continue
        parts = [n for n, part in enumerate(new.parts) if isinstance(part, ToolCall)]
        for n, was, now in zip(parts, old.tool_calls, new.tool_calls, strict=True):
            if was.stands_for != now.stands_for:
                place = Place(link.child.exchange, edit.new, n)
                yield Changed(
                    link, was, now, place, Place(link.parent.exchange, edit.old), reply=False
                )


def crossed(link: Link) -> list[Changed]:
    """The reply's calls that came back whole, each under the id of another one of them.

    `new` is what stands under the call's id. Equal calls may swap their ids.
    """
    if link.relation is not Relation.CONTINUES or not link.judged:
        return []
    made = {echo.call.id: echo for echo in link.echo.calls if echo.call.id}
    if len(made) < len(link.echo.calls):
        return []
    given = {e.new.id: e for e in link.echo.calls if e.new is not None and e.fate is Fate.SAME}
    found = []
    for call_id, echo in made.items():
        here = given.get(call_id)
        if here is None or here.new is None or here.call.stands_for == echo.call.stands_for:
            continue
        place = Place(link.child.exchange, here.message, here.new_part)
        origin = Place(link.parent.exchange, None, echo.part)
        found.append(Changed(link, echo.call, here.new, place, origin, swapped=True))
    return found if len(found) > 1 else []


def _owed(echo: CallEcho, link: Link) -> bool:
    """True where the call was whole; of a cut reply only what the agent made of it is told."""
    return link.judged or malformed(echo.call)


def is_parsed(changed: Changed) -> bool:
    """True where the schema that the model was given makes the one call of the other."""
    return not changed.swapped and is_as_declared(changed.old, changed.new, changed.link.parent)
