"""Hand-made conversations: turns, links and threads as values, for tests of what shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kimitap.conversation import (
    Message,
    Part,
    Reasoning,
    Reply,
    Text,
    Timings,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)
from kimitap.exchange import Outcome
from kimitap.lineage import (
    CallEcho,
    Echo,
    EchoKind,
    Fate,
    Link,
    Mark,
    Pair,
    Relation,
    Session,
    Thread,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side

START = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


def system(text: str) -> Message:
    return Message("system", (Text(text),))


def user(text: str) -> Message:
    return Message("user", (Text(text),) if text else ())


def assistant(text: str = "", *calls: ToolCall, thinks: str = "") -> Message:
    parts: list[Part] = [Reasoning(thinks)] if thinks else []
    parts += [Text(text)] if text else []
    return Message("assistant", (*parts, *calls))


def result(text: str, call_id: str) -> Message:
    return Message("tool", (ToolResult(text, call_id),))


def call(name: str, arguments: str, identifier: str) -> ToolCall:
    return ToolCall(name, arguments, identifier)


def turn(
    number: int,
    messages: Sequence[Message],
    reply: Message,
    *,
    outcome: Outcome = Outcome.COMPLETE,
    complete: bool = True,
    tools: Sequence[str] = ("read_file", "write_to_file", "execute_command"),
) -> Turn:
    """A turn that started ten seconds after the one before it and lasted 2.4 s."""
    began = START + timedelta(seconds=10 * number)
    words = sum(len(m.text) for m in messages) // 4
    finish = ("tool_calls" if reply.tool_calls else "stop") if complete else None
    return Turn(
        exchange=number,
        dialect="openai-chat",
        path="/v1/chat/completions",
        started_at=began,
        ended_at=None if outcome is Outcome.IN_FLIGHT else began + timedelta(seconds=2.4),
        outcome=outcome,
        messages=tuple(messages),
        reply=Reply(
            reply,
            finish_reason=finish,
            complete=complete,
            usage=Usage(1400 + words + 90 * number, 40 + len(reply.text) // 4, None),
            timings=Timings(cache_n=1300 + words + 80 * number),
            model="kimi-k2-0905",
            fingerprint="b6790-a1c2e3f4",
            streamed=True,
            events=12,
        ),
        status=200,
        agent="RooCode/3.34.2",
        server="llama.cpp",
        client="127.0.0.1:50110",
        model="kimi-k2-0905",
        tools=tuple(Tool(name, f'{{"name":"{name}"}}') for name in tools),
        stream=True,
    )


def link(parent: Turn, child: Turn, relation: Relation = Relation.CONTINUES) -> Link:
    """How `child` follows `parent`, where it repeats its messages and has something for its reply.

    Enough for hand-made conversations: nothing before the reply differs.
    """
    at = len(parent.messages)
    assert child.messages[:at] == parent.messages
    echo = _echo(parent, child, at)
    pairs = [Pair(_mark(echo.kind), at, echo.slot[0] if echo.slot else None)]
    pairs += [Pair(Mark.NEW, None, i) for i in range(at, len(child.messages)) if i not in echo.slot]
    return Link(parent, child, relation, at, tuple(pairs), echo)


def _mark(kind: EchoKind) -> Mark:
    return {EchoKind.SAME: Mark.SAME, EchoKind.MISSING: Mark.GONE}.get(kind, Mark.CHANGED)


def _echo(parent: Turn, child: Turn, at: int) -> Echo:
    reply = parent.reply.message
    found = child.messages[at] if at < len(child.messages) else user("")
    if found.role != "assistant":
        return Echo(EchoKind.MISSING, at, calls=_calls(reply, user(""), ()))
    calls = _calls(reply, found, child.messages[at + 1 :])
    gone = [c for c in calls if c.fate is Fate.GONE]
    text = Fate.SAME if found.text == reply.text else Fate.GONE
    if found.blank:
        kind = EchoKind.BLANKED
    elif gone:
        kind = EchoKind.PARTIAL if len(gone) < len(calls) else EchoKind.FLATTENED
    else:
        kind = EchoKind.SAME if found.text == reply.text else EchoKind.ALTERED
    reasoning = Fate.SAME if found.reasoning == reply.reasoning else Fate.GONE
    return Echo(kind, at, (at,), text if reply.text else Fate.NONE, reasoning, calls)


def _calls(reply: Message, found: Message, rest: Sequence[Message]) -> tuple[CallEcho, ...]:
    answered = {r.call_id for m in rest for r in m.tool_results}
    return tuple(
        CallEcho(
            part,
            i,
            Fate.SAME if part in found.tool_calls else Fate.GONE,
            answered=part.id in answered,
        )
        for i, part in enumerate(reply.parts)
        if isinstance(part, ToolCall)
    )


def chain(*turns: Turn, kind: str = "main", resumed: bool = False) -> Thread:
    """A thread in which each turn continues the one before it."""
    links = [link(a, b) for a, b in pairwise(turns)]
    return Thread(turns[0].exchange, turns, (None, *links), kind, resumed)


TASK = (
    "<task>\nThe test test_migrate fails since the last commit. Find out why and mend it.\n</task>"
)
PROMPT = "You are Roo, a highly skilled software engineer.\n\n" + "Tool use guidelines …\n" * 40


def lost_turn() -> tuple[tuple[Session, ...], tuple[Finding, ...]]:
    """The seed's bug: four healthy turns, then the assistant's turn comes back blank, twice."""
    look = call("read_file", '{"path":"tests/test_migrate.py"}', "call_01")
    find = call("execute_command", '{"command":"grep -rn \\"def migrate\\" src/"}', "call_02")
    read = call("read_file", '{"path":"src/db.py"}', "call_03")
    write = call("write_to_file", '{"path":"src/db.py","content":"import sqlite3\\n…"}', "call_04")
    again = call("write_to_file", '{"path":"src/db.py","content":"import sqlite3\\n…"}', "call_05")
    opening = [system(PROMPT), user(TASK)]
    first = assistant("I'll read the failing test first.", look)
    one = [
        *opening,
        first,
        result("import pytest\n\ndef test_migrate(db):\n    …\n" * 9, "call_01"),
    ]
    second = assistant("Now I look for the function that it calls.", find)
    two = [*one, second, result('src/db.py:41:def migrate(db, to):\n"""exit 0"""', "call_02")]
    third = assistant("", read, thinks="The function lives in src/db.py. I should read it whole.")
    three = [*two, third, result("import sqlite3\n\nVERSION = 3\n" * 30, "call_03")]
    fourth = assistant("The version is never stored. I'll write it back after each step.", write)
    details = user(
        "<environment_details>\n# VSCode Visible Files\nsrc/db.py\n</environment_details>"
    )
    four = [*three, assistant(), details]
    fifth = assistant("I'll mend src/db.py so that the version is stored.", again)
    turns = (
        turn(1, opening, first),
        turn(2, one, second),
        turn(3, two, third),
        turn(4, three, fourth),
        turn(5, four, fifth),
        turn(
            6, [*four, assistant(), details], assistant("Let me write the file once more.", again)
        ),
    )
    session = Session(1, (chain(*turns),), "RooCode/3.34.2", "kimi-k2-0905")
    return (session,), tuple(
        Finding(
            "tool-turn-lost",
            Severity.ERROR,
            Side.AGENT,
            f"The model called write_to_file in exchange {n - 1}; request {n} has a blank "
            "assistant message in its place and holds neither the call nor its result.",
            Place(n, 8 if n == 5 else 10),
            "s1",
            "t1",
            (Place(n - 1, None, 1),),
            (
                Evidence(n - 1, 'write_to_file({"path":"src/db.py","content":"import sqlite3…"})'),
                Evidence(n, '{"role":"assistant","content":""}'),
            ),
        )
        for n in (5, 6)
    )
