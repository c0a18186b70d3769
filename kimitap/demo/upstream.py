"""An embedded upstream that speaks HTTP and server-sent events exactly as llama-server does.

Two slots with a prompt cache each, a queue before them, keep-alive, chunked streams, the errors of
the real server, and a client's hang-up that frees its slot at the next token. Only the model is
missing: what it says comes from a function. Loopback only; standard library only.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from kimitap.demo import answers
from kimitap.demo.answers import Counts, Envelope
from kimitap.demo.connection import Connection, HungUp, Request, chunked, head
from kimitap.demo.model import next_speech
from kimitap.demo.speech import JSON, Speech, rendered, spelled

REQUESTS_PER_CONNECTION = 100

Model = Callable[[JSON], Speech]
"""What the model says to a request's JSON body."""


class Refused(Exception):
    """The server answers with an error: its status, and the error's body."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass
class Slot:
    """A place in which one reply is generated; `seen` are the tokens whose state it still holds."""

    id: int
    busy: bool = False
    seen: list[str] = field(default_factory=list)


class Upstream:
    """The server; a context manager that serves from a thread of its own.

    `tokens_per_s` paces a reply (0: as fast as it can). `port` 0 takes a free one.
    """

    def __init__(
        self,
        model: Model = next_speech,
        *,
        tokens_per_s: float = 0,
        port: int = 0,
        slots: int = 2,
        n_ctx: int = 8192,
    ) -> None:
        self.model, self.tokens_per_s, self.port, self.n_ctx = model, tokens_per_s, port, n_ctx
        self.slots = [Slot(number) for number in range(slots)]
        self._replies = 0
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="demo-upstream", daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Upstream":
        self._thread.start()
        self._started.wait()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self._free = asyncio.Semaphore(len(self.slots))
        try:
            server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
            self.port = server.sockets[0].getsockname()[1]
        except OSError as failure:
            self._failure = failure
            return
        finally:
            self._started.set()
        await self._stopping.wait()
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        with suppress(HungUp, ConnectionError, asyncio.IncompleteReadError, ValueError):
            for _ in range(REQUESTS_PER_CONNECTION):
                request = await connection.request()
                if request is None:
                    break
                await self._answer(request, connection)
                if request.headers.get("connection", "").lower() == "close":
                    break
        writer.close()

    async def _answer(self, request: Request, connection: Connection) -> None:
        path = request.path.split("?", 1)[0]
        match request.method, path.removeprefix("/v1"):
            case "POST", "/chat/completions":
                try:
                    await self._complete(request, connection)
                except Refused as refusal:
                    await self._send(refusal.status, refusal.body, request, connection)
            case "POST", "/apply-template":
                body = answers.compact({"prompt": rendered(json.loads(request.body))})
                await self._send(200, body, request, connection)
            case "GET", "/health":
                await self._send(200, b'{"status":"ok"}', request, connection)
            case "GET", "/models":
                body = answers.models(self.n_ctx, int(time.time()))
                await self._send(200, body, request, connection)
            case "GET", "/props":
                await self._send(
                    200, answers.props(self.n_ctx, len(self.slots)), request, connection
                )
            case "GET", "/slots":
                states = [
                    {"id": slot.id, "n_ctx": self.n_ctx, "is_processing": slot.busy}
                    for slot in self.slots
                ]
                await self._send(200, answers.compact(states), request, connection)
            case "OPTIONS", _:
                await connection.send(head(200, request, {"Content-Length": "0", **CORS}))
            case _:
                await self._send(404, answers.not_found(), request, connection)

    async def _send(
        self, status: int, body: bytes, request: Request, connection: Connection
    ) -> None:
        fields = {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(body)),
        }
        await connection.send(head(status, request, fields) + body)

    async def _complete(self, request: Request, connection: Connection) -> None:
        """Answer a chat completion: wait for a slot, then generate."""
        asked = checked(request.body)
        prompt = answers.tokens(rendered(asked))
        if len(prompt) >= self.n_ctx:
            raise Refused(400, too_long(len(prompt), self.n_ctx))
        speech = self.model(asked)
        async with self._free:
            slot = self._best_slot(prompt)
            slot.busy = True
            try:
                await self._generate(asked, speech, prompt, slot, request, connection)
            finally:
                slot.busy = False

    def _best_slot(self, prompt: list[str]) -> Slot:
        """The free slot that holds the most of `prompt`."""
        free = [slot for slot in self.slots if not slot.busy]
        return max(free, key=lambda slot: shared(slot.seen, prompt))

    async def _generate(
        self,
        asked: JSON,
        speech: Speech,
        prompt: list[str],
        slot: Slot,
        request: Request,
        connection: Connection,
    ) -> None:
        cached = min(shared(slot.seen, prompt), len(prompt) - 1)
        said = answers.tokens(spelled(speech))
        envelope = self._envelope()
        started = time.perf_counter()
        await self._pace(0.05 * (len(prompt) - cached))
        prompt_ms = 1000 * (time.perf_counter() - started)

        def counts() -> Counts:
            total_ms = 1000 * (time.perf_counter() - started)
            return Counts(len(prompt), cached, len(said), prompt_ms, total_ms - prompt_ms)

        slot.seen = prompt
        if asked.get("stream"):
            await connection.send(head(200, request, STREAM))
            await self._stream(envelope, speech, connection)
            await connection.send(closing(envelope, speech, counts(), asked) + b"0\r\n\r\n")
        else:
            for _ in said:
                await self._pace(1)
                connection.check()
            await self._send(200, envelope.body(speech, counts()), request, connection)
        slot.seen = prompt + said

    async def _stream(self, envelope: Envelope, speech: Speech, connection: Connection) -> None:
        """The events up to the last token; the first one brings the role along."""
        role = envelope.event({"role": "assistant", "content": None})
        for delta in answers.deltas(speech):
            await self._pace(1)
            await connection.send(chunked(role + envelope.event(delta)))
            role = b""
        if role:
            await connection.send(chunked(role))

    async def _pace(self, tokens: float) -> None:
        """Take the time of so many tokens."""
        await asyncio.sleep(tokens / self.tokens_per_s if self.tokens_per_s else 0)

    def _envelope(self) -> Envelope:
        self._replies += 1
        return Envelope(f"chatcmpl-demo{self._replies:027d}", int(time.time()))


STREAM = {
    "Transfer-Encoding": "chunked",
    "X-Accel-Buffering": "no",
    "Content-Type": "text/event-stream",
}

CORS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
}


def shared(held: list[str], prompt: list[str]) -> int:
    """How many tokens at the beginning of `prompt` a slot holds already."""
    pairs = enumerate(zip(held, prompt, strict=False))
    return next((at for at, (old, new) in pairs if old != new), min(len(held), len(prompt)))


def closing(envelope: Envelope, speech: Speech, counts: Counts, asked: JSON) -> bytes:
    """The stream's end as chunks: finish reason, usage where it was asked for, `[DONE]`."""
    options = asked.get("stream_options")
    timings = counts.timings
    if isinstance(options, dict) and options.get("include_usage"):
        finish = envelope.event({}, speech.finish_reason)
        finish += envelope.event(None, usage=counts.usage, timings=timings)
    else:
        finish = envelope.event({}, speech.finish_reason, timings=timings)
    return chunked(finish) + chunked(answers.DONE)


def too_long(n_prompt_tokens: int, n_ctx: int) -> bytes:
    """The error for a prompt that does not fit."""
    message = (
        f"request ({n_prompt_tokens} tokens) exceeds the available context size "
        f"({n_ctx} tokens), try increasing it"
    )
    kind = "exceed_context_size_error"
    return answers.error(400, message, kind, n_prompt_tokens=n_prompt_tokens, n_ctx=n_ctx)


def checked(body: bytes) -> JSON:
    """The request's JSON; `Refused` with the server's own error where it cannot serve it."""
    try:
        asked = json.loads(body)
    except ValueError as problem:
        text = f"[json.exception.parse_error.101] parse error: syntax error: {problem}"
        raise Refused(500, answers.error(500, text, "server_error")) from None
    if not isinstance(asked, dict) or "messages" not in asked:
        raise Refused(400, answers.error(400, "'messages' is required"))
    if not isinstance(asked["messages"], list):
        raise Refused(400, answers.error(400, "'messages' must be an array"))
    choice = asked.get("tool_choice", "auto")
    if isinstance(choice, str) and choice not in {"auto", "none", "required"}:
        raise Refused(400, answers.error(400, f"Invalid tool_choice: {choice}"))
    return asked
