"""An exchange as it was on the wire, with the time at which each part of the answer arrived."""

from array import array
from codecs import getincrementaldecoder
from collections.abc import Iterator

from kimitap.exchange import Exchange, Headers
from kimitap.rules.finding import Severity
from kimitap.transcript.wire_times import stalls
from kimitap.transcript.wording import plural
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, STRONG
from kimitap.tui.widgets.text_pane import Block, Times
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
        yield Block(body_text(body), words=False)
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
        yield from _body(exchange)
    if exchange.lost_bytes:
        lost = f"{exchange.lost_bytes:,} more bytes passed but could not be recorded"
        yield Block(lost, ALARM[Severity.ERROR])


def _head(headers: Headers) -> Iterator[Block]:
    for name, value in headers:
        yield Block(visible(f"{name}: {value}"), NORMAL)
    yield Block("")


def body_text(data: bytes) -> str:
    """A body as clean text; bytes that are no UTF-8 are written out."""
    return visible(data.decode("utf-8", "backslashreplace")).expandtabs(4)


def _body(exchange: Exchange) -> Iterator[Block]:
    """The response as it came, cut where it was silent for long."""
    ended_s = None
    if exchange.ended_at is not None:
        ended_s = (exchange.ended_at - exchange.started_at).total_seconds()
    silent = {s.at_s: s.length_s for s in stalls([s.at_s for s in exchange.segments], ended_s)}
    part = _Part()
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    at = 0
    for i, segment in enumerate(exchange.segments):
        data = exchange.response[at : at + segment.length]
        at += segment.length
        last = i == len(exchange.segments) - 1 and at >= len(exchange.response)
        part.add(visible(decoder.decode(data, final=last)).replace("\t", "    "), segment.at_s)
        if segment.at_s in silent and (last or exchange.segments[i + 1].at_s > segment.at_s):
            yield part.block()
            said = f"! {silent[segment.at_s]:.1f} s silent"
            yield Block(said, ALARM[Severity.WARNING], heading=True, single=True)
            part = _Part()
    if at < len(exchange.response):
        part.texts.append(body_text(exchange.response[at:]))
    if part.texts:
        yield part.block()


class _Part:
    """A run of segments without a long silence in it, as it grows."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._offsets, self._seconds = array("Q"), array("d")
        self._length = 0

    def add(self, text: str, at_s: float) -> None:
        self._offsets.append(self._length)
        self._seconds.append(at_s)
        self.texts.append(text)
        self._length += len(text)

    def block(self) -> Block:
        text = "".join(self.texts)
        return Block(text, words=False, times=Times(self._offsets, self._seconds))
