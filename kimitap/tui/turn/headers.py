"""Both heads of an exchange, aligned, and the connection that carried them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.segment import Segment

from kimitap.exchange import Exchange, Headers
from kimitap.rules.finding import Severity
from kimitap.tui.palette import ALARM, FAINT, JSON_KEY, NAME, NORMAL, PLUS, STRONG
from kimitap.tui.widgets.entry import Copied, Entry, Item, note
from kimitap.tui.widgets.made import Made
from kimitap.visible import visible

_MASK = re.compile(r"\[masked:[0-9a-f]{8}\]")
_WIDEST = 32
_SHORT = 60


def headers_made(exchange: Exchange) -> Made:
    """The connection, the request's head, the response's head."""
    entries = [*_connection(exchange), *_request(exchange), *_response(exchange)]
    return Made(entries, text=lambda: "\n".join(_lines(exchange)) + "\n")


def _connection(exchange: Exchange) -> Iterator[Entry]:
    yield note("── connection ──", NAME, stop=True)
    port = f":{exchange.port}" if exchange.port else ""
    began = exchange.started_at.astimezone().isoformat(timespec="milliseconds")
    yield from _aligned(
        (
            ("client", exchange.client or "not known"),
            ("server", f"{exchange.scheme}://{exchange.host}{port}"),
            ("protocol", exchange.http_version),
            ("began", began),
            ("ended", _ending(exchange)),
        )
    )


def _ending(exchange: Exchange) -> str:
    return f"{exchange.outcome}{': ' if exchange.detail else ''}{exchange.detail}"


def _request(exchange: Exchange) -> Iterator[Entry]:
    yield note("")
    yield note("── request ──", NAME, stop=True)
    yield note(visible(f"{exchange.method} {exchange.path}"), STRONG)
    yield from _aligned(exchange.request_headers)


def _response(exchange: Exchange) -> Iterator[Entry]:
    yield note("")
    yield note("── response ──", NAME, stop=True)
    if exchange.status is None:
        yield note("no response", ALARM[Severity.ERROR])
        return
    good = exchange.status < 400
    line = f"{'✓' if good else '✗'} {exchange.status} {exchange.reason}".rstrip()
    yield note(visible(line), PLUS if good else ALARM[Severity.ERROR])
    yield from _aligned(exchange.response_headers)


def _aligned(fields: Iterable[tuple[str, str]]) -> Iterator[Entry]:
    """A line a field, the values below each other; a long value unfolds."""
    clean = [(_one(name), _one(value)) for name, value in fields]
    column = min(_WIDEST, max((len(name) for name, _ in clean), default=0))
    for name, value in clean:
        label = (Segment(f"{name:<{column}}  ", JSON_KEY), *_value(value))
        text = value if len(value) > _SHORT else ""
        copy = Copied(f"{name}: {value}", f"header {name}")
        yield Item(label, text=text, born_open=False, aside=_masked(value), copy=copy)


def _value(value: str) -> Sequence[Segment]:
    """The value, what stands in a credential's place marked as such."""
    segments, at = [], 0
    for found in _MASK.finditer(value):
        segments += [Segment(value[at : found.start()], NORMAL), Segment(found[0], FAINT)]
        at = found.end()
    return [*segments, Segment(value[at:], NORMAL)]


def _masked(value: str) -> Sequence[Segment]:
    return (Segment("masked by the recorder", FAINT),) if _MASK.search(value) else ()


def _one(text: str) -> str:
    return " ".join(visible(text).split())


def _lines(exchange: Exchange) -> Iterator[str]:
    yield visible(f"{exchange.method} {exchange.path} {exchange.http_version}")
    yield from _head(exchange.request_headers)
    yield ""
    if exchange.status is not None:
        yield visible(f"{exchange.http_version} {exchange.status} {exchange.reason}".rstrip())
        yield from _head(exchange.response_headers)


def _head(headers: Headers) -> Iterator[str]:
    return (f"{_one(name)}: {_one(value)}" for name, value in headers)
