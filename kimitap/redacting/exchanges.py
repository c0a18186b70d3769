"""Exchanges without their secrets, of the same structure: the one door of redaction.

A redacted exchange decodes to the same messages, calls, ids, finish reasons and events, so that
weaving and rules say of it what they say of the original. Exchanges are read twice: a secret that
one place gives away (`"password": "…"`) is masked in every other place too, under one mask. So is
the host that answered, unless it is this machine; its port stays.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kimitap.dialects.encoding import decoded
from kimitap.exchange import Exchange, Headers, Segment, header
from kimitap.redact.finder import Finder
from kimitap.redact.hosts import hosts_of
from kimitap.redact.kinds import HOST_KIND, WORD_KIND
from kimitap.redact.ledger import Ledger
from kimitap.redact.level import Level
from kimitap.redact.masked import Masked
from kimitap.redacting.bodies import Redacted, redact_encoded, texts_in
from kimitap.redacting.editor import Editor
from kimitap.redacting.fields import Role
from kimitap.redacting.heads import Told, head_headers, head_host, head_text, head_url, learn_head
from kimitap.redacting.requests import Requests, Sent
from kimitap.redacting.splices import moved
from kimitap.redacting.stretches import Stretches
from kimitap.redacting.texts import Text


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
    stretches = Stretches()
    editor = Editor(level, finder, _learn(read, finder, stretches))
    requests = Requests(stretches, editor)
    for exchange in read:
        yield _redacted(exchange, finder, editor, requests)


def _learn(exchanges: Iterable[Exchange], finder: Finder, stretches: Stretches) -> frozenset[str]:
    """The first reading: secrets that give themselves away, masks that are there already; the
    names of tools."""
    ledger, names = finder.ledger, set[str]()
    seen: set[int] = set()
    for exchange in () if finder.only_named else exchanges:
        ledger.name(HOST_KIND, hosts_of(exchange))
        ledger.heed(f"{exchange.host} {header(exchange.request_headers, 'host')}")
        learn_head(exchange.request_headers, exchange.path, ledger)
        learn_head(exchange.response_headers, "", ledger)
        for text in _texts(exchange, stretches):
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


def _texts(exchange: Exchange, stretches: Stretches) -> Iterator[Text]:
    """The texts of both bodies, of the request without those that were sent before."""
    sent, got = exchange.request_headers, exchange.response_headers
    cut = stretches.of(exchange.request, sent)
    yield from stretches.fresh(cut) if cut else _all_texts(exchange.request.content, sent)
    yield from _all_texts(exchange.response, got)


def _all_texts(data: bytes, headers: Headers) -> list[Text]:
    return texts_in(decoded(data, headers)[0], header(headers, "content-type"))


def _redacted(
    exchange: Exchange, finder: Finder, editor: Editor, requests: Requests
) -> tuple[Exchange, tuple[Masked, ...]]:
    told: Told = Counter()
    path = head_url(exchange.path, finder, told)
    request, response = sides = _sides(exchange, editor, requests, editor.words)
    if not editor.words and any(s.masked for s in sides) and any(s.tokens for s in sides):
        request, response = _sides(exchange, editor, requests, numbers=True)
    told.update(request.masked + response.masked)
    sent, got = exchange.request_headers, exchange.response_headers
    if request.changed:
        sent = _headers(sent, request.body.size, request.readable)
    if response.changed:
        got = _headers(got, len(response.data), response.source is not None)
    out = replace(
        exchange,
        host=head_host(exchange.host, finder, told),
        path=path,
        request_headers=head_headers(sent, "request", finder, told),
        response_headers=head_headers(got, "response", finder, told),
        detail=head_text(exchange.detail, "how it ended", finder, told),
        reason=head_text(exchange.reason, "status line", finder, told),
        request=request.body,
        response=response.data if response.changed else exchange.response,
        segments=_segments(exchange, response) if response.changed else exchange.segments,
    )
    return out, tuple(Masked(out.number, *place, count) for place, count in (+told).items())


def _sides(
    exchange: Exchange, editor: Editor, requests: Requests, numbers: bool
) -> tuple[Sent, Redacted]:
    """Both bodies without their secrets and encodings."""
    data, headers = exchange.response, exchange.response_headers
    sent = requests.redact(exchange.request, exchange.request_headers, numbers)
    return sent, redact_encoded(data, headers, "response", editor, numbers)


def _headers(headers: Headers, size: int, readable: bool) -> Headers:
    """The headers of a body that changed, and is sent on as it is."""
    return tuple(
        (name, str(size) if name.lower() == "content-length" else value)
        for name, value in headers
        if not readable or name.lower() != "content-encoding"
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
