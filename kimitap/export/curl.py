"""One recorded request as a command that sends it again."""

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
_MASKED = "[masked:"


def curl(exchange: Exchange) -> str:
    """The `curl` command of the request, for a shell; secrets in its body are masked.

    Recorded text stands within quotes, so that no shell takes a part of it for a command. A body
    that is no UTF-8 is not in it: then `--data-binary @FILE` says what to put there.
    """
    url = f"{exchange.scheme}://{exchange.host}:{exchange.port}{exchange.path}"
    words = [f"curl --no-buffer -X {shlex.quote(exchange.method)} {_quoted(url)}"]
    words += _headers(exchange)
    if exchange.request.size:
        words.append(f"--data-binary {_body(exchange)}")
    return " \\\n  ".join(words) + "\n"


def _headers(exchange: Exchange) -> Iterator[str]:
    for name, value in exchange.request_headers:
        lower = name.lower()
        if lower in _OWN:
            continue
        if _MASKED in value:
            if lower in _KEYS:
                yield f'-H "{_KEYS[lower]}"'
            continue
        yield f"-H {_quoted(f'{name}: {value}')}"


def _body(exchange: Exchange) -> str:
    try:
        text = exchange.request.content.decode("utf-8")
    except UnicodeDecodeError:
        return f"@request-{exchange.number}.bin"
    if "\0" in text:
        return f"@request-{exchange.number}.bin"
    return _quoted(mask_text(text))


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
