"""Editing the events of a stream."""

NO_JSON = b"data: {'role': 'assistant'}\n\n"
"""An event of Python's spelling, as a gateway sent it."""
ERROR = b'data: {"error":'
"""How a stream begins that is nothing but a server's error."""


def spliced(stream: bytes, event: bytes, at: int = 2) -> bytes:
    """The stream with one more event before its event `at`."""
    events = stream.split(b"\n\n")
    return b"\n\n".join((*events[:at], event.removesuffix(b"\n\n"), *events[at:]))
