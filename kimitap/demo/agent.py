"""A small agent: asks the model, runs the tool it calls, asks again, until there is no call.

It streams over plain `http.client`, as any agent that talks to an OpenAI-compatible server does.
How it writes its past into the next request is a function (`history.py`), and that function is all
in which the demo's two agents differ.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from kimitap.demo.history import Entry, History, Memory, Result
from kimitap.demo.speech import JSON, Call, Speech, as_objects
from kimitap.demo.tools import TOOLS, run_tool

TIMEOUT_S = 120.0

Extras = Callable[[JSON], JSON]
"""Further fields for a request, computed from the request as it is about to be sent."""


class AgentFailed(Exception):
    """The server did not answer as an agent needs it."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: its name (its User-Agent), its history, and after how many turns it gives up.

    `about` is what the play says of it before it begins.
    """

    name: str
    history: History
    about: str = ""
    most_turns: int = 6
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Played:
    """What an agent's run came to; `answer` is None where it gave up."""

    agent: str
    turns: int
    calls: tuple[Call, ...]
    answer: str | None


@dataclass
class Heard:
    """A reply as it is put together from the deltas of a stream."""

    reasoning: str = ""
    text: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    """By index: name, arguments, id."""

    def add(self, delta: JSON) -> None:
        """Take in one delta."""
        self.reasoning += str(delta.get("reasoning_content") or "")
        self.text += str(delta.get("content") or "")
        for at, part in enumerate(as_objects(delta.get("tool_calls"))):
            index = part.get("index", at)
            call = self.calls.setdefault(index if isinstance(index, int) else at, ["", "", ""])
            function = part.get("function")
            if isinstance(function, dict):
                call[0] += str(function.get("name") or "")
                call[1] += str(function.get("arguments") or "")
            call[2] += str(part.get("id") or "")

    @property
    def speech(self) -> Speech:
        calls = tuple(Call(*self.calls[index]) for index in sorted(self.calls))
        return Speech(self.reasoning, self.text, calls)


def events(response: HTTPResponse) -> Iterator[JSON]:
    """The JSON objects of a stream of server-sent events, up to `[DONE]`."""
    for line in response:
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name != "data":
            continue
        if value == "[DONE]":
            response.read()
            return
        yield json.loads(value)


def ask(connection: HTTPConnection, request: JSON, user_agent: str) -> Speech:
    """Send one chat completion and hear the reply out; `AgentFailed` where there is none."""
    headers = {"Content-Type": "application/json", "User-Agent": user_agent}
    heard = Heard()
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise AgentFailed(f"HTTP {response.status}: {response.read().decode()}")
        chunks = events(response) if request.get("stream") else iter([json.load(response)])
        for chunk in chunks:
            if "error" in chunk:
                raise AgentFailed(json.dumps(chunk["error"]))
            for choice in as_objects(chunk.get("choices")):
                said = choice.get("delta", choice.get("message"))
                heard.add(said if isinstance(said, dict) else {})
    except (OSError, HTTPException, ValueError) as problem:
        raise AgentFailed(f"{type(problem).__name__}: {problem}") from problem
    return heard.speech


def play(
    agent: Agent,
    base_url: str,
    folder: Path,
    tell: Callable[[Memory], None] = lambda _: None,
    extras: Extras = lambda _: {},
) -> Played:
    """Let `agent` do its task in `folder`; `tell` hears of every turn as it ends."""
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
    past: list[Memory] = []
    try:
        while len(past) < agent.most_turns:
            reply = ask(connection, request_of(agent, past, extras), agent.name)
            results = tuple(Result(call, run_tool(call, folder)) for call in reply.calls)
            past.append(Memory(reply, results))
            tell(past[-1])
            if not reply.calls:
                break
    finally:
        connection.close()
    calls = tuple(call for memory in past for call in memory.reply.calls)
    answer = None if past[-1].reply.calls else past[-1].reply.text
    return Played(agent.name, len(past), calls, answer)


def request_of(agent: Agent, past: list[Memory], extras: Extras) -> JSON:
    """The body of the next request."""
    body: Entry = {
        "model": "kimi-k2",
        "messages": agent.history(past),
        "tools": list(TOOLS),
        "stream": agent.stream,
    }
    if agent.stream:
        body["stream_options"] = {"include_usage": True}
    return {**body, **extras(body)}
