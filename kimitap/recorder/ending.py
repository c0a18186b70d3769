"""Whether a stream of server-sent events had said its last word before it broke off.

Many clients close the connection at the last event, before the body's own end (the OpenAI SDK's at
`[DONE]`, Codex at `response.completed`). For the proxy that is a client that hung up; for the
conversation it is a complete reply.
"""

import re
from collections import deque
from collections.abc import Iterable

_LAST_WORD = re.compile(
    rb"^data: ?\[DONE\]|^event: ?message_stop|^event: ?response\.(?:completed|incomplete|failed)"
    rb'|^data: ?\{"type": ?"(?:message_stop|response\.(?:completed|incomplete|failed))"'
    rb'|^data:.*(?<!\\)"stop": ?true',  # llama-server's /completion
    re.MULTILINE,
)
_HINTS = (
    b"[DONE]",
    b"message_stop",
    b"response.completed",
    b"response.incomplete",
    b"response.failed",
    b'"stop":true',
    b'"stop": true',
)
"""One of these is in every match of `_LAST_WORD`, and a plain search is twenty times as fast."""
_REASON = (b'"finish_reason":"', b'"finish_reason": "')
_NO_REASON = (b'"finish_reason":null', b'"finish_reason": null')

_KEPT = 1 << 18
"""So many bytes of a stream's end are enough to tell: more than its last event may have."""


class LastWords:
    """The end of an event stream while it passes, until somebody asks what it was."""

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._cut = False

    def add(self, data: bytes) -> None:
        """Take the next bytes; forget what lies far behind them."""
        self._blocks.append(data)
        self._size += len(data)
        while self._size - len(self._blocks[0]) >= _KEPT:
            self._size -= len(self._blocks.popleft())
            self._cut = True

    @property
    def were_said(self) -> bool:
        """Whether the reply was complete by now, so that a hang-up costs nothing."""
        kept = b"".join(self._blocks)
        return has_ended(kept[kept.find(b"\n") + 1 :] if self._cut else kept)


def has_ended(body: bytes) -> bool:
    """Whether an event stream that broke off after `body` had said its last word by then.

    A chunk with a `finish_reason` counts, unless another choice goes on after it.
    """
    hints = [at for hint in _HINTS if (at := body.find(hint)) >= 0]
    if hints:  # the expression itself is slow: not over what cannot match
        line = body.rfind(b"\n", 0, min(hints)) + 1
        if _LAST_WORD.search(body, line):
            return body[-256:].rstrip(b" ").endswith((b"\n", b"\r", b"[DONE]"))
    return _last(body, _REASON) > _last(body, _NO_REASON)


def _last(body: bytes, needles: Iterable[bytes]) -> int:
    """Where the last of `needles` begins that is no part of a quoted text; -1 if there is none."""
    found = max(body.rfind(needle) for needle in needles)
    while found > 0 and body[found - 1 : found] == b"\\":
        found = max(body.rfind(needle, 0, found) for needle in needles)
    return found


def is_event_stream(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a response with these headers is a stream of server-sent events."""
    wanted = "text/event-stream"
    return any(k.lower() == "content-type" and wanted in v.lower() for k, v in headers)
