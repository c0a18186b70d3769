"""What an exchange means, whatever dialect it spoke: messages, their parts, and the turn.

Frozen values without I/O. Text stays exactly as it was on the wire; canonical forms, by which two
spellings of one value are held to be the same, are derived from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from kimitap.canonical import canonical_json as canonical_json
from kimitap.canonical import dump_canonical as dump_canonical
from kimitap.exchange import Outcome


@dataclass(frozen=True, slots=True)
class Text:
    """Visible text."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought before it spoke; `field` is the wire's name for it.

    `signature` is what a server adds so that it can tell that nobody changed it (Anthropic's
    `signature`, Responses' `encrypted_content`); reasoning may consist of nothing else.
    """

    text: str
    field: str = "reasoning_content"
    signature: str = ""


@dataclass(frozen=True)
class ToolCall:
    """The model's request that the agent run a tool.

    `arguments` is the text on the wire, which need not be JSON. `id` is None where the wire had no
    such field, and `""` where it was empty. `typed` is False where the wire held an object in the
    place of the JSON string. `free` is True where the tool takes any text and not JSON (OpenAI's
    custom tools). `index` is what a stream put the call at, and `other_ids` what it also called it,
    later than `id`: how a call came makes no other call of it.
    """

    name: str
    arguments: str
    id: str | None = None
    typed: bool = True
    free: bool = False
    index: int | None = field(default=None, compare=False)
    other_ids: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def canonical_arguments(self) -> str:
        """The arguments with sorted keys and no white space; unreadable ones as they are, stripped.

        `""` and `null` count as `{}`: servers and agents use all three for "no arguments".
        """
        return canonical_json(self.arguments)

    @property
    def stands_for(self) -> tuple[str, str]:
        """What is compared when ids cannot be trusted: the name and the canonical arguments."""
        return self.name, self.canonical_arguments

    def is_answer(self, text: str) -> bool:
        """True where `text` is the call's arguments and nothing else.

        Frameworks have a model give a structured answer as a call of a tool that stands for it, and
        give the answer back.
        """
        given = text.strip()
        if len(given) <= len("{}") or given[0] != "{":
            return False
        return canonical_json(given) == self.canonical_arguments


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The agent's answer to a tool call. `failed`: the wire says that the tool did (`is_error`)."""

    text: str
    call_id: str | None = None
    name: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """An image, known by the digest of its URL or data; the bytes stay in the exchange."""

    digest: str
    size: int
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A part of a kind that Kimitap does not interpret: its type, and its canonical JSON."""

    kind: str
    json: str


Part = Text | Reasoning | ToolCall | ToolResult | Image | Other


@dataclass(frozen=True)
class Message:
    """One entry of a conversation. `role` is system, user, assistant or tool (developer = system).

    `wire_role` is what the wire said. Content that is null, `""` or absent gives no part: all three
    are blank.
    """

    role: str
    parts: tuple[Part, ...] = ()
    wire_role: str = ""
    name: str = ""

    @cached_property
    def text(self) -> str:
        """All visible text, results of tools included, parts joined by line feeds."""
        return "\n".join(p.text for p in self.parts if isinstance(p, Text | ToolResult))

    @cached_property
    def reasoning(self) -> str:
        """All reasoning that stood in a field of its own."""
        return "\n".join(p.text for p in self.parts if isinstance(p, Reasoning))

    @cached_property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(p for p in self.parts if isinstance(p, ToolCall))

    @cached_property
    def tool_results(self) -> tuple[ToolResult, ...]:
        return tuple(p for p in self.parts if isinstance(p, ToolResult))

    @property
    def blank(self) -> bool:
        """True where the message says nothing at all: no text, no call, no image."""
        return not self.text.strip() and all(isinstance(p, Text | Reasoning) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request declares. `json` is the whole declaration, canonical."""

    name: str
    json: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of an exchange that its dialect could not read.

    `where` is a path such as `request.messages[3].content` or `response.event[7]`.
    """

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None where it did not say.

    `cached_tokens` are among the prompt's, `reasoning_tokens` among the completion's.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """llama.cpp's own measurements: token counts, and milliseconds as on the wire."""

    cache_n: int | None = None
    prompt_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None
    n_ctx: int | None = None
    """The slot's context in tokens, where the server tells it (ik_llama.cpp)."""


@dataclass(frozen=True)
class Reply:
    """The assistant's message that a turn produced, and how it ended.

    `complete` means that the reply ended as the protocol ends one (a finish reason, `[DONE]`, a
    whole JSON body), however the connection ended. `error` is the server's error text, from an
    error body or an error event. `others` are the further choices of a request with n > 1, and
    `other_reasons` their finish reasons.
    """

    message: Message
    finish_reason: str | None = None
    complete: bool = False
    error: str = ""
    error_in_stream: bool = False
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    model: str = ""
    fingerprint: str = ""
    provider: str = ""
    """The service that a gateway (OpenRouter) handed the request to, where it tells."""
    streamed: bool = False
    events: int = 0
    others: tuple[Message, ...] = ()
    other_reasons: tuple[str | None, ...] = ()
    id: str = ""
    """The server's name for the reply, by which a later request may refer to it (Responses)."""
    truncated: bool = False
    """llama.cpp's `truncated`: the server took something out of the prompt to make room."""
    prompt: str = ""
    """The text that the model read, as the server's template rendered it; `""` where nobody told:
    it stands in a verbose answer (`__verbose`), or the server was asked for it later."""
    signs: bool = field(default=True, compare=False, repr=False)
    """False where the stream is known to hold no signs of life between its words: comments, pings,
    progress in reading the prompt."""

    @property
    def empty(self) -> bool:
        """True where there is neither text nor call (reasoning alone is still empty)."""
        return self.message.blank


@dataclass(frozen=True)
class Scope:
    """What an agent's headers and body say about whose request this is; `""` where they are silent.

    `session` is one agent run; `agent_id` a sub-agent in it; `parent` the session that started it.
    """

    session: str = ""
    agent_id: str = ""
    parent: str = ""
    source: str = ""
    """The header or field that `session` came from."""
    window: int | None = None
    """The number of the agent's context window, which rises when it compacts (Codex)."""


@dataclass(frozen=True)
class Turn:
    """One model call: the messages sent, the reply, and facts of its exchange.

    Times are aware UTC; `first_event_s` is seconds from the request to the response's first bytes.
    `tools` is in the order of the request. `parameters` are the remaining top-level fields.

    `messages` have the same shape whatever the dialect: one system message for a `system` or
    `instructions` field, one message of role tool for each result, one assistant message for the
    items of one reply. `wire_indexes` says for each where it stands in the request's array
    (`messages`, `input`), -1 for a field of its own; empty where that is its own index.
    """

    exchange: int
    dialect: str
    path: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    messages: tuple[Message, ...]
    reply: Reply
    status: int | None = None
    detail: str = ""
    first_event_s: float | None = None
    gap_s: float = 0.0
    """The longest silence within a stream that had begun to speak, in seconds."""
    gap_at_s: float = 0.0
    """When that silence began, in seconds since the request."""
    agent: str = ""
    """The User-Agent as sent."""
    program: str = ""
    """The agent's name and version, as far as its request tells (`OpenCode 1.18.33`)."""
    server: str = ""
    """The Server header as sent."""
    client: str = ""
    model: str = ""
    """The model that the request asked for."""
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    stream: bool = False
    retry_count: int = 0
    """`x-stainless-retry-count`, where an SDK sent one."""
    scope: Scope = field(default_factory=Scope)
    faults: tuple[Fault, ...] = ()
    wire_indexes: tuple[int, ...] = ()
    replay_of: int | None = None
    """The exchange that Kimitap itself sent again here, 0 where that stands in another recording;
    None for what an agent sent."""

    @property
    def duration_s(self) -> float | None:
        """Seconds from the request to the end of the exchange; None while it is in flight."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    @property
    def tokens_per_second(self) -> float | None:
        """How fast the reply was made: as the server measured it, else over the stream's time.

        None for a single token: it comes with the end of the prompt, and llama-server counts a
        microsecond for it.
        """
        told = self.reply.timings
        if told.predicted_n == 1:
            return None
        if told.predicted_n and told.predicted_ms:
            return told.predicted_n / told.predicted_ms * 1000
        made, duration, first = (
            self.reply.usage.completion_tokens,
            self.duration_s,
            self.first_event_s,
        )
        if not made or not self.reply.streamed or duration is None or first is None:
            return None
        return made / (duration - first) if duration > first else None

    @property
    def succeeded(self) -> bool:
        """True where the server answered 200 with a complete reply that reports no error."""
        return self.status == 200 and self.reply.complete and not self.reply.error

    @property
    def in_flight(self) -> bool:
        return self.outcome is Outcome.IN_FLIGHT
