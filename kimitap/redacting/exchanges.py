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
from kimitap.redacting.patterns import WORD_KIND
from kimitap.redacting.splices import moved


def redacted(
    exchanges: Iterable[Exchange], level: Level = Level.SECRETS, *, also: Sequence[str] = ()
) -> Iterator[tuple[Exchange, tuple[Masked, ...]]]:
    """Each exchange as `level` wants it, and what was masked where.

    `also` are words that the user wants masked besides, whatever the level. `exchanges` are
    iterated twice; an iterator is held in memory. Never raises for what is recorded; time is in
    proportion to the bytes.
    """
    if level is Level.NONE and not any(also):
        yield from ((exchange, ()) for exchange in exchanges)
        return
    read = exchanges if not isinstance(exchanges, Iterator) else tuple(exchanges)
    ledger = Ledger()
    ledger.name(WORD_KIND, also)
    finder = Finder(ledger, only_named=level is Level.NONE)
    names = _learn(read, finder)
    editor = Editor(level, finder, names)
    for exchange in read:
        yield _redacted(exchange, finder, editor)


def _learn(exchanges: Iterable[Exchange], finder: Finder) -> frozenset[str]:
    """The first reading: secrets that give themselves away, masks that are there already; the
    names of tools."""
    ledger, names = finder.ledger, set[str]()
    seen: set[int] = set()
    for exchange in () if finder.only_named else exchanges:
        learn_head(exchange.request_headers, exchange.path, ledger)
        learn_head(exchange.response_headers, "", ledger)
        for data, headers in _bodies(exchange):
            for text in texts_in(data, header(headers, "content-type")):
                said = text.text
                if (mark := hash((said, text.field))) in seen:
                    continue
                seen.add(mark)
                ledger.heed(said)
                if text.field == (Role.NAME, "name"):
                    names.add(said)
                for found in finder.shown(said, text.field.name):
                    if not found.personal:
                        ledger.learn(found.kind, found.value)
    return frozenset(names)


def _bodies(exchange: Exchange) -> Iterator[tuple[bytes, Headers]]:
    for data, headers in (
        (exchange.request.content, exchange.request_headers),
        (exchange.response, exchange.response_headers),
    ):
        yield decoded(data, headers)[0], headers


def _redacted(
    exchange: Exchange, finder: Finder, editor: Editor
) -> tuple[Exchange, tuple[Masked, ...]]:
    told: Told = Counter()
    path = head_url(exchange.path, finder, told)
    sides = _sides(exchange, editor, editor.words)
    if not editor.words and any(s.masked for s in sides) and any(s.tokens for s in sides):
        sides = _sides(exchange, editor, numbers=True)
    request, response = sides
    told.update(request.masked + response.masked)
    sent = _headers(exchange.request_headers, exchange.request.size, request)
    got = _headers(exchange.response_headers, len(exchange.response), response)
    out = replace(
        exchange,
        path=path,
        request_headers=head_headers(sent, "request", finder, told),
        response_headers=head_headers(got, "response", finder, told),
        detail=head_text(exchange.detail, "how it ended", finder, told),
        reason=head_text(exchange.reason, "status line", finder, told),
        request=Body.whole(request.data) if request.changed else exchange.request,
        response=response.data if response.changed else exchange.response,
        segments=_segments(exchange, response) if response.changed else exchange.segments,
    )
    return out, tuple(Masked(out.number, *place, count) for place, count in (+told).items())


def _sides(exchange: Exchange, editor: Editor, numbers: bool) -> tuple[Redacted, Redacted]:
    sent, got = exchange.request_headers, exchange.response_headers
    return (
        _side(exchange.request.content, sent, "request", editor, numbers),
        _side(exchange.response, got, "response", editor, numbers),
    )


def _side(data: bytes, headers: Headers, side: str, editor: Editor, numbers: bool) -> Redacted:
    """A body without its secrets and encodings."""
    plain, trouble = decoded(data, headers)
    kind = header(headers, "content-type")
    return redact(plain, kind, side, editor, numbers, opaque=bool(trouble) and plain == data)


def _headers(headers: Headers, size: int, body: Redacted) -> Headers:
    """The headers of a body that is sent on as it is, where it changed."""
    if not body.changed:
        return headers
    return tuple(
        (name, str(len(body.data)) if name.lower() == "content-length" else value)
        for name, value in headers
        if body.source is None or name.lower() != "content-encoding"
    )


def _segments(exchange: Exchange, body: Redacted) -> Sequence[Segment]:
    """The segments of a changed response, for an encoded one by their share of it."""
    total, size = len(exchange.response), len(body.data)
    if body.source is not None and body.size == total:
        return moved(exchange.segments, body.source, body.splices, size)
    out: list[Segment] = []
    at = done = 0
    for segment in exchange.segments:
        at += segment.length
        end = size * at // total if total else 0
        out.append(Segment(segment.at_s, end - done))
        done = end
    return tuple(out)
