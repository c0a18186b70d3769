"""The model's server: does it answer, is it ready, can its template show tools?"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import orjson

from kimitap.doctor.check import Check, bad, good, warning
from kimitap.visible import one_line

WAIT_S = 10.0
MOST_READ = 16 << 20

type Answer = tuple[int, Mapping[str, object]]


def look_at_server(upstream: str) -> Iterator[Check]:
    """What `/health`, `/props` and `/v1/models` say; nothing is generated."""
    try:
        status, health = ask(upstream, "/health")
    except (OSError, HTTPException) as error:
        yield bad(
            "Server",
            f"nobody answers at {upstream} ({_why(error)})",
            "start llama-server, or say where it is: --upstream URL",
        )
        return
    yield _health(upstream, status, health)
    yield from _props(upstream)
    yield from _models(upstream)


def ask(base: str, path: str) -> Answer:
    """GET, with a bound on time and size: the status, and the JSON object that came, if one did.

    Raises OSError or HTTPException.
    """
    parts = urlsplit(base)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=WAIT_S)) as connection:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        data = answer.read(MOST_READ)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = {}
    return answer.status, value if isinstance(value, dict) else {}


def _health(upstream: str, status: int, health: Mapping[str, object]) -> Check:
    if status == 200:
        return good("Server", f"{upstream} is ready")
    if status == 503:
        return warning("Server", f"{upstream} is still loading its model", "wait until it is ready")
    if status in (401, 403):
        return good("Server", f"{upstream} answers, and asks for a key")
    return warning(
        "Server",
        f"{upstream} has no /health ({status}): it is no llama-server, or something before one",
        "nothing, if that is meant: whatever passes is recorded",
    )


def _props(upstream: str) -> Iterator[Check]:
    try:
        status, props = ask(upstream, "/props")
    except (OSError, HTTPException):
        return
    if status != 200:
        return
    build = props.get("build_info")
    if isinstance(build, str):
        yield good("Build", one_line(build, 80))
    yield from _template(props)
    yield from _context(props)


def _template(props: Mapping[str, object]) -> Iterator[Check]:
    """A template without tools takes them silently: the model never hears of them."""
    capabilities = props.get("chat_template_caps")
    template = props.get("chat_template")
    if isinstance(capabilities, dict) and "supports_tools" in capabilities:
        tools = bool(capabilities["supports_tools"])
    elif isinstance(template, str):
        tools = "tools" in template
    else:
        return
    if tools:
        yield good("Template", "shows tools to the model")
    else:
        yield warning(
            "Template",
            "has no place for tools: the server takes them and answers 200, and the model never "
            "sees them",
            "start llama-server with --jinja and a --chat-template-file that has tools",
        )


def _context(props: Mapping[str, object]) -> Iterator[Check]:
    settings = props.get("default_generation_settings")
    size = settings.get("n_ctx") if isinstance(settings, dict) else None
    if not isinstance(size, int) or isinstance(size, bool):
        return
    if size < 16_384:
        yield warning(
            "Context",
            f"{size} tokens a slot: a coding agent's first request often has more",
            "start llama-server with a larger --ctx-size, or fewer slots (--parallel 1)",
        )
    else:
        yield good("Context", f"{size} tokens a slot")


def _models(upstream: str) -> Iterator[Check]:
    try:
        status, models = ask(upstream, "/v1/models")
    except (OSError, HTTPException):
        return
    entries = models.get("data")
    if status == 200 and isinstance(entries, list):
        names = [str(one.get("id")) for one in entries if isinstance(one, dict)]
        yield good("Models", one_line(", ".join(names) or "none named", 120))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {WAIT_S:.0f} s"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
