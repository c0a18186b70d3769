"""Short runs for tests of weaving: exchanges from plain values, and what they are woven into."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kimitap.conversation import Turn
from kimitap.exchange import Exchange
from kimitap.lineage import Echo, Link, Session, Thread
from kimitap.weave import weave
from tests.support import chat
from tests.support.chat import BEGIN, call, choice, request, result, system, tool, user

PROMPT = system("You are a careful agent that works in a repository with the tools it is given.")
TASK = user("Please write the summary of notes.txt into summary.md and check it.")
TOOLS = [tool("read_file", path={"type": "string"}), tool("write_file"), tool("run")]

Json = Mapping[str, Any]


def at(seconds: float) -> datetime:
    """A moment, in seconds after the run began."""
    return BEGIN + timedelta(seconds=seconds)


def ask(
    number: int,
    messages: Sequence[Json],
    reply: Json | None,
    *,
    prompt: Json | None = PROMPT,
    tools: Sequence[Any] = TOOLS,
    finish: str | None = None,
    session: str = "",
    agent: str = "",
    fields: Mapping[str, Any] | None = None,
    **more: Any,
) -> Exchange:
    """One exchange: `messages` after the prompt, the assistant's reply (None: cut), who asks."""
    sent = request(*([prompt] if prompt else []), *messages, tools=tools, **(fields or {}))
    headers = [("X-Session-Id", session)] if session else []
    headers += [("User-Agent", agent)] if agent else []
    answer = choice(reply, finish) if reply is not None and "role" in reply else reply
    return chat.exchange(number, sent, answer, headers=tuple(headers), **more)


def turns(*exchanges: Exchange) -> list[Turn]:
    return chat.turns(exchanges)


def woven(*exchanges: Exchange) -> tuple[Session, ...]:
    """The sessions of the exchanges."""
    return weave(turns(*exchanges))


def numbers(sessions: Sequence[Session]) -> list[list[list[int]]]:
    """The exchange numbers: per session, per thread."""
    return [[[turn.exchange for turn in t.turns] for t in s.threads] for s in sessions]


def only(sessions: Sequence[Session]) -> Thread:
    """The one thread of the one session."""
    [session] = sessions
    [thread] = session.threads
    return thread


def last_link(sessions: Sequence[Session]) -> Link:
    """The last link of the one thread."""
    link = only(sessions).links[-1]
    assert link is not None
    return link


def echo_of(reply: Json, *after: Json, finish: str | None = None, **more: Any) -> Echo:
    """The echo of `reply` in a next request that goes on with `after`."""
    first = ask(1, [TASK], reply, finish=finish, session="s", **more)
    second = ask(2, [TASK, *after], chat.assistant("I see."), session="s")
    return last_link(woven(first, second)).echo


def rows(link: Link) -> list[str]:
    """The alignment as text: `=1/1`, `<2/`, `>/2`."""
    return [f"{p.mark}{_index(p.old)}/{_index(p.new)}" for p in link.pairs]


def _index(value: int | None) -> str:
    return "" if value is None else str(value)


READ = call("read_file", {"path": "notes.txt"}, "call_1")
NOTES = result("owner: Zoe, ledger: cafe", "call_1")
WRITE = call("write_file", {"path": "summary.md", "content": "# Summary"}, "call_2")
WROTE = result("Wrote 9 bytes to summary.md", "call_2")
