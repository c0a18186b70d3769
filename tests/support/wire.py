"""The recorded request/response pairs of real servers, as exchanges.

`tests/wire/` holds a llama.cpp's (b10068), `tests/wire-ik/` an ik_llama.cpp's: `NAME.req` and
`NAME.resp` are the exact bytes of both directions of one connection, heads and framing included.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from kimitap.exchange import Body, Exchange, Headers, Outcome, Segment, header

MAINLINE = Path(__file__).parents[1] / "wire"
IK = Path(__file__).parents[1] / "wire-ik"

_BEGIN = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def names(folder: Path = MAINLINE) -> list[str]:
    """The names of all pairs of a folder."""
    return sorted(path.stem for path in folder.glob("*.req"))


def load(name: str, folder: Path = MAINLINE, number: int = 1) -> Exchange:
    """One pair as an exchange; its times are made up: a segment each ten milliseconds."""
    request = (folder / f"{name}.req").read_bytes()
    answer = folder / f"{name}.resp"
    return exchange_of(request, answer.read_bytes() if answer.exists() else b"", number)


def exchange_of(request: bytes, response: bytes, number: int = 1) -> Exchange:
    """The exchange whose two directions carried these bytes."""
    line, headers, body = _head(request)
    method, path, _ = line.split(" ", 2)
    status_line, response_headers, rest = _head(response)
    parts, ended = _unframed(rest, response_headers) if status_line else ([], False)
    _, status, reason = f"{status_line}   ".split(" ", 2)
    code = int(status) if status else None
    host, _, port = header(headers, "host").partition(":")
    return Exchange(
        number=number,
        started_at=_BEGIN,
        method=method,
        scheme="http",
        host=host,
        port=int(port or 80),
        path=path,
        request_headers=headers,
        request=Body.whole(body),
        client="127.0.0.1:50000",
        outcome=_outcome(code, ended),
        detail="" if ended else "Client disconnected.",
        status=code,
        reason=reason.strip(),
        response_headers=response_headers,
        response=b"".join(parts),
        segments=tuple(Segment((i + 1) / 100, len(part)) for i, part in enumerate(parts)),
        headers_at=_BEGIN if code else None,
        ended_at=_BEGIN + timedelta(seconds=(len(parts) + 1) / 100),
    )


def _outcome(status: int | None, ended: bool) -> Outcome:
    if not ended:
        return Outcome.CLIENT_HUNG_UP
    return Outcome.HTTP_ERROR if status is not None and status >= 400 else Outcome.COMPLETE


def _head(data: bytes) -> tuple[str, Headers, bytes]:
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return first, tuple((name, value.strip()) for name, _, value in fields), rest


def _unframed(data: bytes, headers: Headers) -> tuple[list[bytes], bool]:
    """The body's parts as they came, and whether it came whole."""
    if header(headers, "transfer-encoding").lower() != "chunked":
        length = header(headers, "content-length")
        return [data] if data else [], not length or len(data) >= int(length)
    parts: list[bytes] = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length_of = int(size.partition(b";")[0] or b"0", 16)
        if not length_of:
            return parts, True
        parts.append(data[:length_of])
        data = data[length_of + 2 :]
    return parts, False
