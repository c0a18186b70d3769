"""A call of a tool that there is not."""

from collections.abc import Iterator
from typing import ClassVar

import orjson

from kimitap.conversation import Other, ToolCall, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.asked import tool_names
from kimitap.rules.endings import ended
from kimitap.rules.examples import ASKED, NOTES, TASK, WROTE, assistant, call, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, quoted_call

_PREFIXES = ("functions.", "functions:", "default_api.", "default_api:", "function.", "tool.")
_SEARCH, _SEARCHED = "tool_search", "tool_search_output"
NAMED = 5
"""Declared tools that the message names."""


def unknown(turn: Turn) -> Iterator[tuple[int, ToolCall]]:
    """The reply's calls of tools that the request does not declare, and their parts' indexes.

    A declaration without a name may be any tool's.
    """
    names = tool_names(turn)
    if not names or any(not tool.name for tool in turn.tools):
        return
    for part, call_ in enumerate(turn.reply.message.parts):
        if isinstance(call_, ToolCall) and call_.name not in names and not _is_found(turn, call_):
            yield part, call_


def _is_found(turn: Turn, strange: ToolCall) -> bool:
    """True where the agent declared the tool in its answer to a search for tools (Responses)."""
    if not any(tool.name == _SEARCH for tool in turn.tools):
        return False
    named = f'"name":{orjson.dumps(strange.name).decode()}'
    parts = (part for message in turn.messages for part in message.parts)
    return any(isinstance(p, Other) and p.kind == _SEARCHED and named in p.json for p in parts)


class UnknownTool(Rule):
    """Agents answer it with an error, or rename the call."""

    name = "unknown-tool"
    severity = Severity.ERROR
    side = Side.MODEL
    by_choice = True
    by_turn = True
    summary = "a call of a tool that the request does not declare"
    meaning = (
        "The reply calls a tool that is not among the request's tools. The agent cannot run it: "
        "it answers with an error, renames the call (invalid), or stops. The model made the name "
        "up, remembers it from another agent or from before a compaction, or the server's parser "
        "left a prefix such as functions. on it. Requests that declare no tools at all, and calls "
        "in the agent's history, are not judged; tools that a search for tools found are declared."
    )
    remedy = (
        "If the name has a prefix, or is empty, update the server and use the model's own "
        "template. Else take the name out of the system prompt or the summary that mentions it, "
        "declare the tool, or use a larger quantisation and a lower temperature."
    )
    source = (
        "https://github.com/RooCodeInc/Roo-Code/issues/4530 (names made up after a compaction); "
        "llama-server b10068 refuses such a call of Kimi K2 with status 500"
    )
    examples: ClassVar = (
        Example(
            "a tool of an earlier request, in the history only",
            (
                step(
                    (*TASK, assistant(None, call("c1", "old_tool", "{}")), NOTES),
                    WROTE,
                ),
            ),
        ),
        Example(
            "no tools declared at all",
            (step(TASK, assistant(None, call("c1", "web_search", "{}")), tools=[]),),
        ),
        Example(
            "a name that nobody declared",
            (step(TASK, assistant(None, call("c1", "fly_to_moon", "{}"))),),
            (Place(1, None, 0),),
        ),
        Example(
            "a prefix left on the name, beside a good call",
            (
                step(TASK, ASKED),
                step(
                    (*TASK, ASKED, NOTES),
                    assistant(
                        None,
                        call("c2", "write_file", path="summary.md"),
                        call("c3", "functions.read_file", path="data.csv"),
                    ),
                ),
            ),
            (Place(2, None, 1),),
        ),
        Example(
            "a call without a name",
            (step(TASK, assistant(None, call("c1", "", path="notes.txt"))),),
            (Place(1, None, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            for part, call_ in unknown(turn):
                yield self._finding(turn, part, call_)

    def _finding(self, turn: Turn, part: int, strange: ToolCall) -> Finding:
        side, why = _blame(turn, strange)
        names = [tool.name for tool in turn.tools]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        declared = cut(", ".join(names[:NAMED]), 120) + more
        return Finding(
            self.name,
            self.severity,
            side,
            f"The {named([strange])} of exchange {turn.exchange} is of no tool that the request "
            f"declares ({declared}): {why}.",
            Place(turn.exchange, None, part),
            evidence=(quoted_call(turn, strange),),
        )


def _blame(turn: Turn, strange: ToolCall) -> tuple[Side, str]:
    """Where the name comes from, and what tells."""
    names = tool_names(turn)
    if not strange.name:
        return Side.SERVER, "the server's parser gave it no name"
    for prefix in _PREFIXES:
        if strange.name.removeprefix(prefix) in names:
            return Side.SERVER, f"the server's parser left “{prefix}” on the name"
    if "<|" in strange.name:
        return Side.SERVER, "the server's parser left a special token on the name"
    said = next((i for i, m in enumerate(turn.messages) if _calls(m.tool_calls, strange)), None)
    if said is not None:
        return Side.MODEL, f"the model has it from its history (message {said})"
    return Side.MODEL, "the model made the name up"


def _calls(calls: tuple[ToolCall, ...], strange: ToolCall) -> bool:
    return any(call_.name == strange.name for call_ in calls)
