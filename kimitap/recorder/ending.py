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
_FINISH = re.compile(rb'(?<!\\)"finish_reason": ?(null|")')
_OPENING = re.compile(rb"^(?:data|event):", re.MULTILINE)

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
        """Look at the next part; about a microsecond for a token's event."""
        window = self._tail + data
        if not self._last_word:
            self._last_word = _LAST_WORD.search(window) is not None
            for found in _FINISH.finditer(window):
                self._finished = found[1] == b'"'
        self._tail = window[-_OVERLAP:]

    @property
    def seen(self) -> bool:
        """Whether the reply was complete, so that a hang-up afterwards costs nothing."""
        if self._last_word:
            return self._tail.rstrip(b" ").endswith((b"\n", b"\r", b"[DONE]"))
        return self._finished


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
