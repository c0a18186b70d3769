"""Exchanges without their secrets, of the same structure: the one door of redaction.

A redacted exchange decodes to the same messages, calls, ids, finish reasons and events, so that
weaving and rules say of it what they say of the original. Exchanges are read twice: a secret that
one place gives away (`"password": "…"`) is masked in every other place too, under one mask.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kimitap.dialects.encoding import decoded
from kimitap.exchange import Body, Exchange, Headers, Segment, header
from kimitap.redact.level import Level
from kimitap.redact.masked import Masked
from kimitap.redacting.bodies import Redacted, redact, texts_in
from kimitap.redacting.editor import Editor
from kimitap.redacting.fields import Role
from kimitap.redacting.finder import Finder
from kimitap.redacting.heads import Told, head_headers, head_text, head_url, learn_head
from kimitap.redacting.ledger import Ledger
from kimitap.redacting.patterns import KEY_KIND, PASSWORD_KIND, TOKEN_KIND, WORD_KIND
from kimitap.redacting.splices import moved

_LEARNT = frozenset({KEY_KIND, PASSWORD_KIND, TOKEN_KIND})


def redacted(
    exchanges: Iterable[Exchange], level: Level = Level.SECRETS, *, also: Sequence[str] = ()
) -> Iterator[tuple[Exchange, tuple[Masked, ...]]]:
    """Each exchange as `level` wants it, and what was masked where.

    `also` are words that the user wants masked besides. `exchanges` are iterated twice; an iterator
    is held in memory. Never raises for what is recorded; time is in proportion to the bytes.
    """
    if level is Level.NONE and not any(also):
        yield from ((exchange, ()) for exchange in exchanges)
        return
    read = exchanges if not isinstance(exchanges, Iterator) else tuple(exchanges)
    ledger = Ledger()
    ledger.name(WORD_KIND, also)
    finder = Finder(ledger)
    names = _learn(read, finder)
    editor = Editor(level, finder, names)
    for exchange in read:
        yield _redacted(exchange, finder, editor)


def _learn(exchanges: Iterable[Exchange], finder: Finder) -> frozenset[str]:
    """The first reading: secrets that give themselves away, masks that are there already; the
    names of tools."""
    ledger, names = finder.ledger, set[str]()
    seen: set[int] = set()
    for exchange in exchanges:
        learn_head(exchange.request_headers, exchange.path, ledger)
        learn_head(exchange.response_headers, "", ledger)
        for data, headers in _bodies(exchange):
            for text in texts_in(data, _is_stream(headers)):
                said = text.text
                if (mark := hash((said, text.field))) in seen:
                    continue
                seen.add(mark)
                ledger.heed(said)
                if text.field == (Role.NAME, "name"):
                    names.add(said)
                for found in finder.shown(said, text.field.name):
                    if found.kind in _LEARNT:
                        ledger.learn(found.kind, found.value)
    return frozenset(names)


def _bodies(exchange: Exchange) -> Iterator[tuple[bytes, Headers]]:
    for data, headers in (
        (exchange.request.content, exchange.request_headers),
        (exchange.response, exchange.response_headers),
    ):
        yield decoded(data, headers)[0], headers


def _is_stream(headers: Headers) -> bool:
    return "event-stream" in header(headers, "content-type").lower()


def _redacted(
    exchange: Exchange, finder: Finder, editor: Editor
) -> tuple[Exchange, tuple[Masked, ...]]:
    told: Told = Counter()
    path = head_url(exchange.path, finder, told)
    sent, got = exchange.request_headers, exchange.response_headers
    request, sent = _body(exchange.request.content, sent, "request", editor, told)
    response, got = _body(exchange.response, got, "response", editor, told)
    out = replace(
        exchange,
        path=path,
        request_headers=head_headers(sent, "request", finder, told),
        response_headers=head_headers(got, "response", finder, told),
        detail=head_text(exchange.detail, "how it ended", finder, told),
        reason=head_text(exchange.reason, "status line", finder, told),
        request=exchange.request if request is None else Body.whole(request.data),
        response=exchange.response if response is None else response.data,
        segments=exchange.segments if response is None else _segments(exchange, response),
    )
    found = (Masked(out.number, *place, count) for place, count in told.items())
    return out, tuple(found)


def _body(
    data: bytes, headers: Headers, side: str, editor: Editor, told: Told
) -> tuple[Redacted | None, Headers]:
    """The body and its headers after redaction; no body where nothing in it changed."""
    plain, trouble = decoded(data, headers)
    if trouble and plain == data and header(headers, "content-encoding"):
        plain = b"." * len(data)
    made = redact(plain, _is_stream(headers), side, editor)
    told.update(made.masked)
    if made.data == plain and plain in (data, made.data) and not made.masked:
        return None, headers
    return made, _sized(headers, len(made.data))


def _sized(headers: Headers, size: int) -> Headers:
    """The headers of a body that is sent as it is, and is so long."""
    return tuple(
        (name, str(size) if name.lower() == "content-length" else value)
        for name, value in headers
        if name.lower() != "content-encoding"
    )


def _segments(exchange: Exchange, body: Redacted) -> Sequence[Segment]:
    total, size = len(exchange.response), len(body.data)
    if len(body.source.encode("utf-8", "surrogateescape")) == total:
        return moved(exchange.segments, body.source, body.splices, size)
    out: list[Segment] = []
    at = done = 0
    for segment in exchange.segments:
        at += segment.length
        end = size * at // total if total else 0
        out.append(Segment(segment.at_s, end - done))
        done = end
    return tuple(out)
