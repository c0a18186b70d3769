"""Whether a stream of server-sent events had said its last word, judged cheaply while it passes.

Many clients close the connection at the last event, before the body's own end (the OpenAI SDK's at
`[DONE]`, Codex at `response.completed`). For the proxy that is a client that hung up; for the
conversation it is a complete reply.
"""

import re
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

_OVERLAP = 256
"""An event's first bytes may come in two parts; so much of the earlier part is looked at again."""


class Ending:
    """Feed it every part of an event stream; `seen` says whether the reply was complete by then.

    A chunk with a `finish_reason` counts, unless another choice goes on after it.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._last_word = False
        self._finished = False

    def feed(self, data: bytes) -> None:
        """Look at the next part; about half a microsecond for a token's event."""
        window = self._tail + data
        if not self._last_word:
            hints = [at for hint in _HINTS if (at := window.find(hint)) >= 0]
            if hints:  # the expression itself is slow: not over what cannot match
                line = window.rfind(b"\n", 0, min(hints)) + 1
                self._last_word = _LAST_WORD.search(window, line) is not None
        reason, none = _last(window, _REASON), _last(window, _NO_REASON)
        if reason != none:
            self._finished = reason > none
        self._tail = window[-_OVERLAP:]

    @property
    def seen(self) -> bool:
        """Whether the reply was complete, so that a hang-up afterwards costs nothing."""
        if self._last_word:
            return self._tail.rstrip(b" ").endswith((b"\n", b"\r", b"[DONE]"))
        return self._finished


def _last(window: bytes, needles: Iterable[bytes]) -> int:
    """Where the last of `needles` begins that is no part of a quoted text; -1 if there is none."""
    found = max(window.rfind(needle) for needle in needles)
    while found > 0 and window[found - 1 : found] == b"\\":
        found = max(window.rfind(needle, 0, found) for needle in needles)
    return found


def has_ended(body: bytes) -> bool:
    """Whether a body, read whole, had said its last word."""
    ending = Ending()
    for start in range(0, len(body), 65536):
        ending.feed(body[start : start + 65536])
    return ending.seen


def is_event_stream(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a response with these headers is a stream of server-sent events."""
    wanted = "text/event-stream"
    return any(k.lower() == "content-type" and wanted in v.lower() for k, v in headers)
