"""Bytes in, server-sent events out, as the WHATWG HTML specification (9.2.6) parses them.

The parser is incremental: however the bytes are split, the events are the same. It holds no more
than one event, and no more than `limit` bytes of that. Two things go beyond the specification,
because a recording is evidence: an event that the stream ended in is given by `close`, marked
unfinished; and the field `error:`, in which older llama-servers send what went wrong, becomes an
event of the kind "error".
"""

from typing import NamedTuple

LIMIT = 64 * 1024 * 1024
"""The default bound on one event, in bytes."""

_BOM = b"\xef\xbb\xbf"
_SLACK = 64
"""What a line may have beyond `LIMIT`, so that a field's name never counts against its value."""
_SHORT = 4096
"""The bound on the fields that are no data."""


class Event(NamedTuple):
    """One event. `kind` is the `event:` field, "message" where there was none.

    `id` is the last event id that the stream had set; `retry` the reconnection time in ms, where
    this event set one.
    """

    kind: str
    data: str
    id: str = ""
    retry: int | None = None
    finished: bool = True
    """False where the stream ended before the blank line that ends an event."""
    fault: str = ""
    """What of the data was lost: invalid UTF-8 (replaced by U+FFFD) or too long (cut off)."""


def plain_event(block: bytes, limit: int = LIMIT, last_id: str = "") -> Event | None:
    """The event that `block`, what stands between two pairs of line feeds, is.

    None where it is more than one line of `data:` after at most one of `event:`: `Decoder` reads
    every block. `last_id` is the id that the stream has set.
    """
    start = block.find(b"\n") + 1 if block[:7] == b"event: " else 0
    plain = block[start : start + 6] == b"data: " and 0x0D not in block
    if not plain or block.find(b"\n", start) >= 0 or not start < _SHORT < limit - len(block):
        return None
    try:
        kind = block[7 : start - 1].decode() if start > 8 else "message"
        return Event(kind, block[start + 6 :].decode(), last_id)
    except UnicodeDecodeError:
        return None


class Decoder:
    """Parses one stream. Feed it bytes in any portions, then close it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._tail = bytearray()
        """The beginning of a line whose end has not come yet."""
        self._fresh = True
        """No line has ended yet, so a byte order mark may stand here."""
        self._after_cr = False
        self._size = 0
        self._cut = False
        self._kind = b""
        self._id = ""
        self._retry: int | None = None
        self._data: list[bytes] = []
        self._errors: list[bytes] = []

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 0x0A:
                data = data[1:]
        if not data:
            return []
        events: list[Event] = []
        if self._between_events:
            if self._fresh and len(data) >= len(_BOM):
                self._fresh = False
                data = data.removeprefix(_BOM)
            if not self._fresh:
                data = self._whole_events(data, events)
        self._portion(data, events)
        return events

    @property
    def _between_events(self) -> bool:
        """Nothing is left of an event begun."""
        return not (self._tail or self._data or self._errors or self._kind) and self._retry is None

    def _whole_events(self, data: bytes, events: list[Event]) -> bytes:
        """Reads the events that end with two line feeds, as nearly all do; gives the rest back."""
        *blocks, rest = data.split(b"\n\n")
        for block in blocks:
            event = plain_event(block, self._limit, self._id)
            if event is not None:
                events.append(event)
                continue
            self._lines([*block.splitlines(), b""], events)
        return rest

    def _portion(self, data: bytes, events: list[Event]) -> None:
        """Reads any bytes, line by line."""
        if not data:
            return
        lines = data.splitlines()
        last = data[-1]
        tail = lines.pop() if last != 0x0A and last != 0x0D else b""
        self._after_cr = last == 0x0D
        if lines:
            if self._tail or self._fresh:
                lines[0] = self._first_line(lines[0])
            self._lines(lines, events)
        if tail:
            self._keep(tail)

    def close(self) -> list[Event]:
        """What the stream ended in the middle of: at most one event and one error, unfinished."""
        events: list[Event] = []
        if self._tail:
            self._lines([self._first_line(b"")], events)
        self._dispatch(events, finished=False)
        return events

    def _first_line(self, rest: bytes) -> bytes:
        """The line that `rest` completes."""
        if self._tail:
            self._keep(rest)
            rest = bytes(self._tail)
            self._tail.clear()
        if self._fresh:
            self._fresh = False
            rest = rest.removeprefix(_BOM)
        return rest

    def _keep(self, part: bytes) -> None:
        """Keeps what can matter of a line; `_append` tells where that is more than the limit."""
        self._tail += part[: self._limit + _SLACK - len(self._tail)]

    def _lines(self, lines: list[bytes], events: list[Event]) -> None:
        for line in lines:
            if line[:6] == b"data: ":
                self._append(self._data, line[6:])
            elif not line:
                self._dispatch(events)
            elif line[0] != 0x3A:
                self._field(line)

    def _append(self, lines: list[bytes], value: bytes) -> None:
        room = self._limit - self._size
        if len(value) > room:
            self._cut = True
            if room <= 0 and lines:
                return
            value = value[: max(room, 0)]
        self._size += len(value) + 1
        lines.append(value)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._append(self._data, value)
            case b"error":
                self._append(self._errors, value)
            case b"event":
                self._kind = value[:_SHORT]
            case b"id" if b"\0" not in value:
                self._id = value[:_SHORT].decode("utf-8", "replace")
            case b"retry" if value.isdigit() and len(value) < 12:
                self._retry = int(value)
            case _:
                pass

    def _dispatch(self, events: list[Event], finished: bool = True) -> None:
        if self._data:
            events.append(self._event(self._kind, self._data, finished))
            self._data = []
        if self._errors:
            events.append(self._event(b"error", self._errors, finished))
            self._errors = []
        self._kind = b""
        self._retry = None
        self._size = 0
        self._cut = False

    def _event(self, kind: bytes, lines: list[bytes], finished: bool) -> Event:
        raw = lines[0] if len(lines) == 1 else b"\n".join(lines)
        fault = f"longer than {self._limit} bytes" if self._cut else ""
        try:
            data = raw.decode()
        except UnicodeDecodeError:
            data = raw.decode("utf-8", "replace")
            fault = fault or "invalid UTF-8"
        name = kind.decode("utf-8", "replace") if kind else "message"
        return Event(name, data, self._id, self._retry, finished, fault)
