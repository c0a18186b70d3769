"""An exchange as it was on the wire, with the time at which each part of the answer arrived."""

from array import array
from codecs import getincrementaldecoder
from collections.abc import Iterator

from kimitap.exchange import Exchange, Headers
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import plural
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, STRONG
from kimitap.tui.text_pane import Block, Times
from kimitap.visible import visible


def raw_blocks(exchange: Exchange) -> Iterator[Block]:
    """Both heads and bodies. A byte that is no UTF-8 is written out, as is what would act."""
    yield Block("REQUEST", NAME, heading=True)
    began = exchange.started_at.astimezone().isoformat(timespec="milliseconds")
    yield Block(f"{began} from {visible(exchange.client) or 'unknown'}", FAINT)
    yield Block(visible(f"{exchange.method} {exchange.path} {exchange.http_version}"), STRONG)
    yield from _head(exchange.request_headers)
    body = exchange.request.content
    yield Block(f"request body, {len(body):,} bytes", NAME, heading=True)
    if body:
        yield Block(_text(body), words=False)
    yield Block("")
    yield Block("RESPONSE", NAME, heading=True)
    yield from _response(exchange)


def _response(exchange: Exchange) -> Iterator[Block]:
    ending = f"{exchange.outcome}{': ' if exchange.detail else ''}{visible(exchange.detail)}"
    yield Block(ending, FAINT)
    if exchange.status is None:
        yield Block("no response", ALARM[Severity.ERROR])
        return
    line = f"{exchange.http_version} {exchange.status} {exchange.reason}".rstrip()
    yield Block(visible(line), STRONG)
    yield from _head(exchange.response_headers)
    size, parts = len(exchange.response), plural(len(exchange.segments), "part")
    said = f"response body, {size:,} bytes in {parts}, times since the request"
    yield Block(said, NAME, heading=True)
    if exchange.response:
        text, times = _timed(exchange)
        yield Block(text, words=False, times=times)
    if exchange.lost_bytes:
        lost = f"{exchange.lost_bytes:,} more bytes passed but could not be recorded"
        yield Block(lost, ALARM[Severity.ERROR])


def _head(headers: Headers) -> Iterator[Block]:
    for name, value in headers:
        yield Block(visible(f"{name}: {value}"), NORMAL)
    yield Block("")


def _text(data: bytes) -> str:
    return visible(data.decode("utf-8", "backslashreplace")).expandtabs(4)


def _timed(exchange: Exchange) -> tuple[str, Times]:
    """The response's clean text, and at which of its characters each segment begins."""
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    offsets, seconds, texts = array("Q"), array("d"), []
    at = length = 0
    for i, segment in enumerate(exchange.segments):
        data = exchange.response[at : at + segment.length]
        at += segment.length
        last = i == len(exchange.segments) - 1 and at >= len(exchange.response)
        text = visible(decoder.decode(data, final=last)).replace("\t", "    ")
        offsets.append(length)
        seconds.append(segment.at_s)
        texts.append(text)
        length += len(text)
    if at < len(exchange.response):
        texts.append(_text(exchange.response[at:]))
    return "".join(texts), Times(offsets, seconds)
