"""One recorded request as a command that sends it again."""

import re
import shlex
from collections.abc import Iterator

from kimitap.exchange import Exchange
from kimitap.redact import mask_text

_OWN = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect"}
)
"""Headers that curl sets itself, or that belong to one connection."""
_KEYS = {
    "authorization": "Authorization: Bearer $API_KEY",
    "x-api-key": "x-api-key: $API_KEY",
    "api-key": "api-key: $API_KEY",
}
"""Credentials are never recorded: the user's shell puts them in."""
_MASKED = re.compile(r"\[(?:masked:|(?:API key|token|password|cookie|secret|word) [0-9])")
"""What the recorder put in a credential's place, or a redaction."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A header's name (RFC 9110). What begins with `@` curl would read from a file."""


def curl(exchange: Exchange, base: str = "", body: str = "") -> str:
    """The `curl` command of the request, for a shell; secrets in its body are masked.

    Recorded text stands within quotes, so that no shell takes a part of it for a command. A body
    that is no UTF-8 is not in it: then `--data-binary @FILE` says what to put there.

    With `base`, what a shell makes of it (`$BASE_URL`) stands in the place of the recorded server;
    with `body`, the request's body is read from the file of that name, as it is.
    """
    words = [f"curl --no-buffer -X {shlex.quote(exchange.method)} {_url(exchange, base)}"]
    words += _headers(exchange)
    if exchange.request.size:
        words.append(f"--data-binary @{_quoted(body)}" if body else _body(exchange))
    return " \\\n  ".join(words) + "\n"


def _url(exchange: Exchange, base: str) -> str:
    if not base:
        url = f"{exchange.scheme}://{exchange.host}:{exchange.port}{exchange.path}"
        return f"--globoff {_quoted(url)}"
    path = exchange.path if exchange.path.startswith("/") else f"/{exchange.path}"
    return f'--globoff "{base}"{_quoted(path)}'


def _headers(exchange: Exchange) -> Iterator[str]:
    for name, value in exchange.request_headers:
        lower = name.lower()
        if lower in _OWN or not _TOKEN.fullmatch(name):
            continue
        if _MASKED.search(value):
            if lower in _KEYS:
                yield f'-H "{_KEYS[lower]}"'
            continue
        yield f"-H {_quoted(f'{name}: {value}')}"


def _body(exchange: Exchange) -> str:
    """The body's option: what begins with `@` is a file's name for `--data-binary`, and recorded
    text shall name none."""
    try:
        text = exchange.request.content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return f"--data-binary @request-{exchange.number}.bin"
    return f"--data-raw {_quoted(mask_text(text))}"


def _quoted(text: str) -> str:
    """`text` as one word; what would act in a terminal is written as an escape that bash reads."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(_escape(c) for c in text)
    return f"$'{escaped}'"


def _escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    if character in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character]
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
