"""Synthetic agent sessions: each request carries the whole history, as a coding agent's does.

A session has a 30 KB system prompt, 30 KB of tools, and turns of one reply (reasoning, text, one
tool call; about 130 events) and one tool result of 1 to 15 KB. Eighty turns send 20 MB. One result
in eight is an earlier file read again, a few of its lines changed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson

from bench.prose import Writer

PATH = "/v1/chat/completions"
DONE = b"data: [DONE]\n\n"

_MODEL = "kimi-k2"
_TOKEN_BYTES = 4
_TOKEN = re.compile(r"\s?\w{1,6}|\s*[^\w\s]{1,3}|\s+")
_TOOLS = (
    *("read_file", "write_to_file", "apply_diff", "search_files", "list_files"),
    *("execute_command", "ask_followup", "attempt_completion", "switch_mode", "new_task"),
    *("update_todo", "insert_content", "fetch_page", "run_tests"),
)

_BLANK = orjson.dumps({"role": "assistant", "content": ""})
_ONWARD = orjson.dumps({"role": "user", "content": "<environment_details>…</environment_details>"})

_BEGAN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class Clock(StrEnum):
    """Where a system prompt says what time it is."""

    NONE = ""
    TOP = "a clock at the prompt's top"
    MIDDLE = "a clock in the prompt's middle"


@dataclass(frozen=True)
class Turn:
    """One model call: the request's body, and the reply as llama-server would stream it."""

    request: bytes
    events: tuple[bytes, ...]
    """Whole server-sent events; `data: [DONE]` is the last."""

    @property
    def response(self) -> bytes:
        """The reply's body without HTTP framing."""
        return b"".join(self.events)


@dataclass(frozen=True)
class _Reply:
    id: str
    reasoning: str
    content: str
    call_id: str
    tool: str
    arguments: str

    @property
    def message(self) -> bytes:
        """The reply as the agent gives it back."""
        function = {"name": self.tool, "arguments": self.arguments}
        call = {"id": self.call_id, "type": "function", "function": function}
        return orjson.dumps(
            {
                "role": "assistant",
                "content": self.content,
                "reasoning_content": self.reasoning,
                "tool_calls": [call],
            }
        )


class Session:
    """One agent's run; the same seed gives the same bytes.

    `pieces` grows with the turns that were made: what is unique in the requests, a JSON value each.
    After each `lose_every` turns the agent gives the turn back blank, and without a result. With a
    `clock` the system prompt says the time, in another place or none, so that each request has
    another: each of them is unique.
    """

    def __init__(self, seed: int, lose_every: int = 0, clock: Clock = Clock.NONE) -> None:
        self._clock = clock
        self._lose_every = lose_every
        self._made = 0
        self._writer = Writer(seed)
        self._rng = self._writer.rng
        self._files: list[tuple[str, str]] = []
        tools = [orjson.dumps(self._tool(name)) for name in _TOOLS]
        self._tail = b'],"tools":[%b],"tool_choice":"auto","stream":true,' % b",".join(tools)
        self._tail += b'"stream_options":{"include_usage":true}}'
        task = self._writer.prose(600)
        self._prompt = self._writer.prose(30_000)
        self._messages = [
            self._system(),
            orjson.dumps({"role": "user", "content": f"<task>{task}</task>"}),
        ]
        self.pieces = [*tools, *self._messages]
        self._cached = 0

    def turns(self, count: int) -> Iterator[Turn]:
        """The next `count` turns."""
        for _ in range(count):
            self._tell_the_time()
            request = self.request
            reply = self._reply()
            sent = len(request) // _TOKEN_BYTES
            yield Turn(request, events_of(reply, sent, self._cached))
            self._cached = sent
            result = {"role": "tool", "tool_call_id": reply.call_id, "content": self._result(reply)}
            new = [reply.message, orjson.dumps(result)]
            self._made += 1
            if self._lose_every and self._made % self._lose_every == 0:
                new = [_BLANK, _ONWARD]
            self._messages += new
            self.pieces += new

    @property
    def request(self) -> bytes:
        """The body of the request that comes next."""
        head = b'{"model":"%b","temperature":0.6,"messages":[' % _MODEL.encode()
        return head + b",".join(self._messages) + self._tail

    def _tell_the_time(self) -> None:
        if self._made and self._clock is not Clock.NONE:
            self._messages[0] = self._system()
            self.pieces.append(self._messages[0])

    def _system(self) -> bytes:
        at = {Clock.NONE: None, Clock.TOP: 0, Clock.MIDDLE: len(self._prompt) // 2}[self._clock]
        said = self._prompt
        if at is not None:
            now = _BEGAN + timedelta(seconds=10 * self._made)
            said = f"{said[:at]}\nThe time is {now.isoformat()}.\n{said[at:]}"
        return orjson.dumps({"role": "system", "content": said})

    def _tool(self, name: str) -> dict[str, object]:
        fields = {
            field: {"type": "string", "description": self._writer.prose(300)}
            for field in ("path", "content", "reason")
        }
        parameters = {"type": "object", "properties": fields, "required": ["path"]}
        function = {
            "name": name,
            "description": self._writer.prose(1_000),
            "parameters": parameters,
        }
        return {"type": "function", "function": function}

    def _hex(self, length: int) -> str:
        return f"{self._rng.getrandbits(length * 4):0{length}x}"

    def _reply(self) -> _Reply:
        tool = self._rng.choice(
            ("read_file", "read_file", "search_files", "run_tests", "apply_diff")
        )
        arguments = {"path": self._writer.path(), "reason": self._writer.prose(30)}
        if tool == "apply_diff":
            arguments["content"] = self._writer.source(self._rng.randint(200, 1_500))
        return _Reply(
            id=f"chatcmpl-{self._hex(32)}",
            reasoning=self._writer.prose(self._rng.randint(100, 500)),
            content=self._writer.prose(self._rng.randint(20, 150)),
            call_id=self._hex(32),
            tool=tool,
            arguments=orjson.dumps(arguments).decode(),
        )

    def _result(self, reply: _Reply) -> str:
        size = min(15_000, 1_000 + int(self._rng.expovariate(1 / 4_000)))
        match reply.tool:
            case "run_tests":
                return self._writer.log(size)
            case "search_files":
                return self._writer.hits(size)
            case "apply_diff":
                return self._writer.source(1_000)
        if self._files and self._rng.random() < 0.3:
            return self._read_again()
        path, text = self._writer.path(), self._writer.source(size)
        self._files.append((path, text))
        return f"{path}\n{text}"

    def _read_again(self) -> str:
        at = self._rng.randrange(len(self._files))
        path, text = self._files[at]
        lines = text.split("\n")
        for _ in range(3):
            lines[self._rng.randrange(len(lines))] = self._writer.hits(60)
        self._files[at] = (path, "\n".join(lines))
        return f"{path}\n{self._files[at][1]}"


def events_of(reply: _Reply, prompt: int, cached: int) -> tuple[bytes, ...]:
    """The reply in llama-server's events, a token each, and its count of the prompt's tokens."""
    first = {"index": 0, "id": reply.call_id, "type": "function"}
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": None}]
    deltas += [{"reasoning_content": token} for token in _TOKEN.findall(reply.reasoning)]
    deltas += [{"content": token} for token in _TOKEN.findall(reply.content)]
    start = {"name": reply.tool, "arguments": reply.arguments[:1]}
    deltas.append({"tool_calls": [{**first, "function": start}]})
    deltas += [
        {"tool_calls": [{"index": 0, "function": {"arguments": token}}]}
        for token in _TOKEN.findall(reply.arguments[1:])
    ]
    events = [_event(reply.id, [{"finish_reason": None, "index": 0, "delta": d}]) for d in deltas]
    events.append(_event(reply.id, [{"finish_reason": "tool_calls", "index": 0, "delta": {}}]))
    events.append(_event(reply.id, [], _figures(len(deltas), prompt, cached)))
    return (*events, DONE)


def _event(
    name: str, choices: list[dict[str, object]], more: dict[str, object] | None = None
) -> bytes:
    chunk = {
        "choices": choices,
        "created": 1_795_344_543,
        "id": name,
        "model": _MODEL,
        "system_fingerprint": "b1-571d0d5",
        "object": "chat.completion.chunk",
        **(more or {}),
    }
    return b"data: %b\n\n" % orjson.dumps(chunk)


def _figures(tokens: int, prompt: int, cached: int) -> dict[str, object]:
    usage = {"completion_tokens": tokens, "prompt_tokens": prompt, "total_tokens": prompt + tokens}
    timings = {
        "cache_n": cached,
        "prompt_n": prompt - cached,
        "prompt_ms": (prompt - cached) * 2.201865,
        "predicted_n": tokens,
        "predicted_ms": tokens * 20.921166666666668,
    }
    return {"usage": usage, "timings": timings}
