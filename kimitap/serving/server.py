"""The server of `kimitap serve-recording`: recorded answers, and a clear no to all else."""

import asyncio
import json
import signal
import socket as sockets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from aiohttp import web

from kimitap.dialects import decode
from kimitap.errors import UsageError
from kimitap.exchange import NO_RESPONSE, Body, Exchange, Headers, Outcome
from kimitap.redact import masked_url
from kimitap.serving.answering import hung_up, replay_answer
from kimitap.serving.difference import first_difference
from kimitap.serving.script import Asked, How, Script, Take
from kimitap.visible import one_line
from kimitap.web.address import Address, bound

DEFAULT_LISTEN = "127.0.0.1:8081"
LONGEST_FIELD = 1 << 18
"""Bytes of one header of a request."""

Read = Callable[[int], Exchange]
Say = Callable[[str], None]


def parse_listen(listen: str, *, remote: bool = False) -> Address:
    """The address that `HOST:PORT` names. Raises `UsageError` where it is none.

    One that other machines can reach is refused unless `remote`: whoever can reach it can read the
    recorded conversation.
    """
    host, _, port = listen.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    known = "127.0.0.1" if host in ("", "localhost") else host
    try:
        number, loopback = int(port), ip_address(known).is_loopback
    except ValueError:
        number, loopback = -1, False
    if not 0 <= number < 1 << 16:
        raise UsageError(f"{listen!r} is no address to listen on: give one like {DEFAULT_LISTEN}")
    if not loopback and not remote:
        raise UsageError(
            f"{host} can be reached from other machines, and with it the recorded conversation: "
            "say --allow-remote if that is wanted"
        )
    return Address(known, number)


def serve(
    script: Script,
    read: Read,
    address: Address,
    *,
    paced: bool,
    remote: bool = False,
    on_ready: Callable[[str], None],
    say: Say,
    complain: Say,
) -> None:
    """Answer from the script until Ctrl-C or SIGTERM.

    `read` gives an exchange by its number. `on_ready` gets the server's base URL, `say` a line for
    each answer, `complain` one for each request that has none. Raises `UsageError` where it cannot
    listen at the address.
    """
    with bound(address) as listening:
        here = Address(address.host, listening.getsockname()[1])
        player = Player(script, read, here, paced=paced, remote=remote, say=say, complain=complain)
        asyncio.run(_serve(listening, player, lambda: on_ready(here.origin)))


async def _serve(listening: sockets.socket, player: "Player", on_ready: Callable[[], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no main thread; Windows
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = player.runner()
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        on_ready()
        await ended.wait()
    finally:
        await runner.cleanup()


class Player:
    """Answers requests from a script."""

    def __init__(
        self,
        script: Script,
        read: Read,
        address: Address,
        *,
        paced: bool,
        remote: bool = False,
        say: Say,
        complain: Say,
    ) -> None:
        self.script = script
        self.unmatched = 0
        self._read = read
        self._hosts = None if remote else address.hosts
        self._paced = paced
        self._say = say
        self._complain = complain

    def runner(self) -> web.ServerRunner:
        """What serves it: bytes are neither unpacked nor limited on their way in."""
        server = web.Server(
            self.handle,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            max_line_size=LONGEST_FIELD,
            max_field_size=LONGEST_FIELD,
        )
        return web.ServerRunner(server, shutdown_timeout=1.0)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await request.content.read()
        if not self._is_meant(request):
            return _refusal(request, 403, "this server answers to its own address only")
        asked = _asked(request, body)
        found = self.script.answer(asked)
        if found is None:
            return self._no(request, asked)
        return await self._play(request, *found)

    def _is_meant(self, request: web.BaseRequest) -> bool:
        """False for a request to another name, which a web page may have had point here."""
        if self._hosts is None:
            return True
        named = request.headers.get("Host", "")
        return named in self._hosts or named in {host.rpartition(":")[0] for host in self._hosts}

    async def _play(self, request: web.BaseRequest, take: Take, how: How) -> web.StreamResponse:
        exchange = self._read(take.number)
        told = f"#{take.number} {one_line(f'{take.method} {take.path}', 100)}"
        if exchange.status is None:
            self._say(f"{told}: no answer was recorded ({exchange.outcome})")
            return self._unanswered(request, exchange)
        if exchange.lost_bytes or exchange.detail.endswith(NO_RESPONSE):
            self._complain(f"{told}: not all of the answer was recorded")
            return _refusal(request, 500, f"exchange {take.number}: {exchange.unkept}")
        again = f", for the {take.served}. time" if take.served > 1 else ""
        self._say(f"{told} → {exchange.status}, {how}{again}")
        return await replay_answer(request, exchange, paced=self._paced)

    def _unanswered(self, request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        """A server that could not be reached was a 502 to the agent; any other end, a cut."""
        if exchange.outcome is Outcome.REFUSED:
            why = f"the recorded server could not be reached: {one_line(exchange.detail, 200)}"
            return _refusal(request, 502, why)
        return hung_up(request)

    def _no(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        """Say that nothing recorded answers this, and how the nearest request differs."""
        self.unmatched += 1
        path = masked_url(asked.path, lambda _: "[masked]")
        named = one_line(f"{asked.method} {path}", 200)
        if not self.script.at(asked):
            self._complain(f"404 {named}: nothing of the kind was recorded")
            return _refusal(request, 404, f"nothing like {named} was recorded")
        nearest = self.script.nearest(asked) or self.script.at(asked)[0]
        why = first_difference(asked, nearest)
        self._complain(f"409 {named}: differs from exchange {nearest.number}: {why}")
        told = f"no recorded request is like this one; it differs from exchange {nearest.number}"
        return _refusal(request, 409, f"{told}: {why}")


def _asked(request: web.BaseRequest, body: bytes) -> Asked:
    """The request, and what it means."""
    headers: Headers = tuple(
        (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        for name, value in request.raw_headers
    )
    path = request.raw_path
    exchange = Exchange(
        number=0,
        started_at=datetime.now(UTC),
        method=request.method,
        scheme="http",
        host="",
        port=0,
        path=path,
        request_headers=headers,
        request=Body.whole(body),
        outcome=Outcome.IN_FLIGHT,
    )
    turn = decode(exchange)
    return Asked(request.method, path, headers, body, turn and replace(turn, replay_of=None))


def _refusal(request: web.BaseRequest, status: int, message: str) -> web.Response:
    """An error in the shape of the API that was asked; no SDK tries it again."""
    said = f"kimitap serve-recording: {message}"
    kind = {403: "permission_error", 404: "not_found_error"}.get(status, "invalid_request_error")
    if "/messages" in request.raw_path:
        value: object = {"type": "error", "error": {"type": kind, "message": said}}
    else:
        error = {"message": said, "type": kind, "code": status, "param": None}
        value = {"error": error}
    return web.Response(
        status=status,
        text=json.dumps(value, ensure_ascii=False),
        content_type="application/json",
        headers={"x-should-retry": "false"},
    )


def answered(takes: Sequence[Take]) -> tuple[int, int]:
    """How many of the takes were served, and how many there are."""
    return sum(bool(take.served) for take in takes), len(takes)
