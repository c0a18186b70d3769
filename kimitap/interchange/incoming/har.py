"""HAR 1.2, as browsers, proxies and Kimitap write it, → exchanges.

A HAR has bodies with their `Content-Encoding` undone, so that header is left out with them; the
bytes of the wire are there where Kimitap wrote the file.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from kimitap.errors import CaptureError
from kimitap.exchange import (
    NO_REQUEST,
    NO_RESPONSE,
    Body,
    Exchange,
    Headers,
    Outcome,
    Segment,
    header,
)
from kimitap.interchange.bodies import content_origin, from_base64
from kimitap.interchange.incoming.jsonl import own_facts
from kimitap.interchange.incoming.opening import content
from kimitap.interchange.incoming.record import (
    Object,
    Read,
    Unreadable,
    after,
    as_bytes,
    at,
    count,
    each,
    inner,
    items,
    number,
    object_of,
    parsed,
    split_url,
    storable,
    text,
    without,
)

_BEFORE_ANSWER = ("blocked", "dns", "connect", "send", "wait")
"""Timings that pass before the response's head; `ssl` is a part of `connect`."""
_LENIENT = 1 << 28
"""Bytes of a file that is parsed as a whole."""
_CUT = {"net::ERR_ABORTED": Outcome.CLIENT_HUNG_UP, "NS_BINDING_ABORTED": Outcome.CLIENT_HUNG_UP}


_CHARSET = re.compile(
    r"utf-8|us-ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|gbk|gb2312|gb18030|big5|shift_jis"
    r"|euc-(?:jp|kr)"
)


_NAMED_BY_MITMPROXY = ("json", "html", "xml", "javascript", "ecmascript", "css")
"""Types that mitmproxy takes for UTF-8 without a charset; all others are Latin-1 to it."""


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]
    creator: msgspec.Raw = msgspec.Raw(b"null")


class _Document(msgspec.Struct):
    log: _Log


def read(path: Path, key: bytes) -> Read:
    """The exchanges of a HAR file; raises `CaptureError` for what is none."""
    entries, creator = _opened(path)

    def made_of(entry: object) -> Exchange:
        value = parsed(bytes(entry)) if isinstance(entry, msgspec.Raw) else entry
        return exchange_of(object_of(value, "it"), key, creator)

    return each(((f"entry {i}", entry) for i, entry in enumerate(entries, 1)), made_of)


def _opened(path: Path) -> tuple[Sequence[object], str]:
    """The entries, each as JSON that is not parsed yet (parsed where JSON was read leniently), and
    the program that wrote them."""
    data = content(path).removeprefix(b"\xef\xbb\xbf")
    try:
        log = msgspec.json.decode(data, type=_Document).log
    except (msgspec.DecodeError, RecursionError) as error:
        if b"\\ud" in data.lower() and len(data) <= _LENIENT:
            return _leniently(path, data)
        raise CaptureError(f"{path} is no whole HAR: {error}") from error
    creator = parsed(bytes(log.creator))
    return log.entries, text(creator, "name") if isinstance(creator, dict) else ""


def _leniently(path: Path, data: bytes) -> tuple[Sequence[object], str]:
    """The same of a HAR with halves of surrogate pairs, as mitmproxy writes bytes that are no text,
    and JavaScript a text that was cut."""
    try:
        log = object_of(object_of(json.loads(data), "it").get("log"), "its log")
    except (ValueError, RecursionError, Unreadable) as error:
        raise CaptureError(f"{path} is no whole HAR: {error}") from error
    return items(log, "entries"), text(inner(log, "creator"), "name")


def exchange_of(entry: Object, key: bytes, creator: str = "") -> Exchange:
    """One entry as an exchange; raises `Unreadable`."""
    asked = object_of(entry.get("request"), "its request")
    scheme, host, port, path = split_url(text(asked, "url"))
    sent, request_detail = _request_body(asked)
    began = at(entry.get("startedDateTime"), "its startedDateTime")
    total_s = (number(entry, "time") or 0.0) / 1000
    headers = _headers(asked)
    made = Exchange(
        number=0,
        started_at=began,
        method=text(asked, "method"),
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        request_headers=without(headers, "content-encoding") if sent else headers,
        request=Body.whole(sent),
        client=text(entry, "connection"),
        http_version=_version(text(asked, "httpVersion")),
        detail=request_detail,
        ended_at=after(began, total_s),
    )
    made = _answered(made, entry, total_s, creator)
    own = inner(entry, "_kimitap")
    if own:
        made = own_facts(_with_wire(made, own, asked, entry), own)
    made = replace(made, detail=_joined(made.detail, *_spoilt(entry)))
    made = storable(made, key)
    return made if made.origin else replace(made, origin=content_origin("har", made))


def _answered(made: Exchange, entry: Object, total_s: float, creator: str) -> Exchange:
    answer = inner(entry, "response")
    failed = text(answer, "_error")
    status = count(answer, "status")
    if not status:
        outcome = (
            Outcome.REFUSED
            if "REFUSED" in failed.upper()
            else _CUT.get(failed, Outcome.INTERRUPTED)
        )
        return replace(made, outcome=outcome, detail=_joined(failed or "no response", made.detail))
    headers = _headers(answer)
    body, detail, lost = _response_body(answer, headers, creator)
    good = Outcome.HTTP_ERROR if status >= 400 else Outcome.COMPLETE
    return replace(
        made,
        outcome=_CUT.get(failed, Outcome.SERVER_CUT if failed else good),
        detail=_joined(failed, made.detail, detail),
        status=status,
        reason=text(answer, "statusText"),
        response_headers=without(headers, "content-encoding") if body else headers,
        response=body,
        segments=(Segment(max(total_s, 0.0), len(body)),) if body else (),
        headers_at=_head_at(made.started_at, entry, total_s),
        lost_bytes=lost,
    )


def _with_wire(made: Exchange, own: Object, asked: Object, entry: Object) -> Exchange:
    """The bytes and headers of the wire, where Kimitap's own entry has them."""
    sent = from_base64(text(own, "request")) if "request" in own else None
    got = from_base64(text(own, "response")) if "response" in own else None
    return replace(
        made,
        path=text(own, "path") or made.path,
        request=made.request if sent is None else Body.whole(sent),
        response=made.response if got is None else got,
        http_version=text(asked, "httpVersion") or made.http_version,
        request_headers=_headers(asked),
        response_headers=_headers(inner(entry, "response")),
    )


def _request_body(asked: Object) -> tuple[bytes, str]:
    """The body's bytes, and what is to be said of one that is not there."""
    posted = inner(asked, "postData")
    if "text" in posted:
        written = text(posted, "text")
        if text(posted, "encoding") == "base64":
            return _undone(written), ""
        return as_bytes(written), ""
    params = [p for p in items(posted, "params") if isinstance(p, Mapping)]
    if params:
        fields = [(text(p, "name"), text(p, "value")) for p in params]
        return urlencode(fields).encode(), ""
    return b"", NO_REQUEST if count(asked, "bodySize") else ""


def _response_body(answer: Object, headers: Headers, creator: str) -> tuple[bytes, str, int]:
    """The body's bytes, what is to be said of one that is not there, and how long that was."""
    given = inner(answer, "content")
    if "text" not in given:
        size = count(given, "size") or count(answer, "bodySize")
        return b"", NO_RESPONSE if size else "", size
    written = text(given, "text")
    if text(given, "encoding") == "base64":
        return _undone(written), "", 0
    return _encoded(written, headers, creator), "", 0


def _undone(written: str) -> bytes:
    """The bytes of base64; where it is none the text itself, see `_spoilt`."""
    data = from_base64(written)
    return as_bytes(written) if data is None else data


def _spoilt(entry: Object) -> Iterator[str]:
    """What is to be said of each part that should be base64, and is none."""
    posted = inner(inner(entry, "request"), "postData")
    given = inner(inner(entry, "response"), "content")
    for name, body in (("request", posted), ("response", given)):
        if text(body, "encoding") == "base64" and from_base64(text(body, "text")) is None:
            yield f"the {name}'s body is said to be base64, and is none: kept as it stands"
    own = inner(entry, "_kimitap")
    for name in ("request", "response"):
        if name in own and from_base64(text(own, name)) is None:
            yield f"the {name}'s bytes in _kimitap are no base64: the HAR's text stands for them"


def _encoded(written: str, headers: Headers, creator: str) -> bytes:
    """Text in the charset that the response names; in UTF-8 where it names none that fits.

    mitmproxy writes the bytes of a stream of events as if they were Latin-1: so they are undone.
    """
    kind = header(headers, "content-type").lower()
    _, _, named = kind.partition("charset=")
    charset = named.split(";")[0].strip().strip('"')
    if not charset and creator == "mitmproxy" and not any(t in kind for t in _NAMED_BY_MITMPROXY):
        charset = "latin-1"
    try:
        return written.encode(charset if _CHARSET.fullmatch(charset) else "utf-8")
    except (LookupError, UnicodeError):
        return as_bytes(written)


def _headers(message: Object) -> Headers:
    """Name and value of each header: objects, or pairs, as Slack writes them."""
    made: list[tuple[str, str]] = []
    for field in items(message, "headers"):
        if isinstance(field, dict):
            name, value = field.get("name"), field.get("value")
        elif isinstance(field, list) and len(field) == 2:
            name, value = field
        else:
            continue
        if isinstance(name, str) and isinstance(value, str):
            made.append((name, value))
    return tuple(made)


def _head_at(began: datetime, entry: Object, total_s: float) -> datetime:
    timings = inner(entry, "timings")
    spent = sum(max(number(timings, name) or 0.0, 0.0) for name in _BEFORE_ANSWER) / 1000
    return after(began, min(spent, total_s))


def _version(named: str) -> str:
    """HTTP's version in the wire's spelling; browsers have several."""
    lower = named.lower()
    if lower in ("h2", "http/2", "http/2.0"):
        return "HTTP/2.0"
    if lower.startswith(("h3", "http/3")):
        return "HTTP/3"
    return named.upper() if lower.startswith("http/") else "HTTP/1.1"


def _joined(*said: str) -> str:
    return "; ".join(filter(None, said))
