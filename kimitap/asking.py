"""Asking a llama-server what its template makes of a recorded request: POST /apply-template.

It only reads: no slot is used and nothing is generated. One request is in flight at a time, over
one connection, each bounded in size and time. Nothing is sent anywhere unless the user names the
server, and in the clear only to this machine.
"""

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Timer
from urllib.parse import SplitResult

import orjson

from kimitap.address import server_address
from kimitap.conversation import Turn
from kimitap.errors import KimitapError, UsageError
from kimitap.lineage import Thread
from kimitap.loopback import is_here
from kimitap.rules.finding import Finding
from kimitap.visible import one_line

TIME_S = 30.0
"""Seconds that the server has for one answer, however it trickles; and to be reached at all."""
MOST_SENT = 64 << 20
MOST_READ = 256 << 20
MOST_ASKED = 200
"""So many requests are asked about, unless all are wanted."""
DIALECT = "openai-chat"
"""The only bodies that /apply-template takes."""


class Refused(KimitapError):
    """The server did not render this one request; the text is its reason."""


class Server:
    """A llama-server at `url`, with or without `/v1`. Raises `UsageError` for an unfit address."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = _address(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIME_S)
        self._stopped = self._late = False
        self._path = f"{parts.path.rstrip('/').removesuffix('/v1')}/apply-template"

    def prompt(self, body: bytes) -> str:
        """The prompt that the server renders from a chat request's body.

        Raises `Refused` where it cannot, and `UsageError` where there is no such server.
        """
        if self._stopped:
            raise UsageError(f"the server at {self.url} is no longer asked")
        if len(body) > MOST_SENT:
            raise Refused(f"the request is longer than {MOST_SENT} bytes")
        try:
            status, data = self._post(body)
        except (OSError, HTTPException) as error:
            self.close()
            raise UsageError(f"the server at {self.url} cannot be asked: {_why(error)}") from error
        if status in (404, 405, 501):
            raise UsageError(
                f"the server at {self.url} has no /apply-template: is it llama-server?"
            )
        if status in (401, 403):
            raise UsageError(f"the server at {self.url} asks for a key ({status})")
        return _prompt(status, data)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Send the body; once more where the server had closed the idle connection meanwhile."""
        fresh = self._connection.sock is None
        with self._deadline():
            try:
                return self._exchange(body)
            except (ConnectionError, HTTPException):
                self.close()
                if fresh or self._stopped or self._late:
                    raise
            return self._exchange(body)

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """Raise TimeoutError where it takes too long in all. What a socket is told is per step."""
        self._late = False
        timer = Timer(TIME_S, self._be_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, HTTPException):
            if not self._late or self._stopped:
                raise
        finally:
            timer.cancel()
        if self._late and not self._stopped:  # what was read may be a part
            raise TimeoutError

    def _be_late(self) -> None:
        self._late = True
        self._hang_up()

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        if self._connection.sock is None:
            self._connection.connect()
        if self._late:
            raise TimeoutError
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        answer: HTTPResponse = self._connection.getresponse()
        data = answer.read(MOST_READ + 1)
        if len(data) > MOST_READ:
            self.close()
            raise HTTPException(f"its answer is longer than {MOST_READ} bytes")
        return answer.status, data

    def close(self) -> None:
        self._connection.close()

    def stop(self) -> None:
        """Break off, from another thread: what is being asked for fails at once, as does the rest.

        While the connection is being made there is nothing to break off.
        """
        self._stopped = True
        self._hang_up()

    def _hang_up(self) -> None:
        if (open_socket := self._connection.sock) is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)


def _address(url: str) -> SplitResult:
    parts = server_address(url)
    if parts.query:
        raise UsageError(f"{url.partition('?')[0]} is asked without parameters: leave them out")
    if parts.scheme == "http" and not is_here(parts.hostname or ""):
        raise UsageError(f"{url} would send your prompts in the clear; use https or a tunnel")
    return parts


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIME_S:.0f} s"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _prompt(status: int, data: bytes) -> str:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Refused(f"its answer ({status}) is no JSON") from None
    prompt = value.get("prompt") if isinstance(value, dict) else None
    if status == 200 and isinstance(prompt, str):
        return prompt
    error = value.get("error") if isinstance(value, dict) else None
    said = error.get("message") if isinstance(error, dict) else None
    raise Refused(f"{status}: {said}" if isinstance(said, str) else f"{status}, without a prompt")


def wanted(
    threads: Iterable[Thread], findings: Iterable[Finding], every: bool = False
) -> Sequence[int]:
    """The exchanges worth asking about, in order: the last of each thread and those with findings.

    With `every` all of them. Only chats can be asked about; a prompt that is known is not asked for
    again.
    """
    struck = {finding.place.exchange for finding in findings}
    found: set[int] = set()
    for thread in threads:
        chats = [turn.exchange for turn in thread.turns if _askable(turn)]
        found |= {n for n in chats if every or n in struck} | set(chats[-1:])
    return sorted(found)


def _askable(turn: Turn) -> bool:
    """True for a chat that says something and whose prompt is not known."""
    return turn.dialect == DIALECT and bool(turn.messages) and not turn.reply.prompt


def ask(server: Server, bodies: Mapping[int, bytes]) -> tuple[dict[int, str], dict[int, str]]:
    """The prompts of these requests, by number, and why others have none.

    Raises `UsageError` where the server cannot be asked at all.
    """
    prompts: dict[int, str] = {}
    refused: dict[int, str] = {}
    try:
        for number, body in bodies.items():
            try:
                prompts[number] = server.prompt(body)
            except Refused as reason:
                refused[number] = str(reason)
    finally:
        server.close()
    return prompts, refused


def outcome(url: str, prompts: Mapping[int, str], refused: Mapping[int, str]) -> str:
    """One line on what came of asking."""
    told = f"{len(prompts)} of {len(prompts) + len(refused)} prompts rendered by "
    told += one_line(url, 200)
    if refused:
        number, reason = next(iter(refused.items()))
        told += f"; not rendered: exchange {number} ({one_line(reason, 200)})"
        told += f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return told
