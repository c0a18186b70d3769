"""A body without its secrets: everything else of it stays byte for byte."""

import re
from collections import Counter
from typing import NamedTuple

from kimitap.redacting.editor import Editor
from kimitap.redacting.splices import Splice, spliced, splices_of
from kimitap.redacting.texts import Text, texts_of
from kimitap.redacting.views import TEXT_KIND

BINARY_KIND = "binary data"
_FILLER = b"."
_STRAY = re.compile("[\udc80-\udcff]")


class Redacted(NamedTuple):
    """A body after redaction; `source` is what it was, and `masked` counts by place and kind."""

    data: bytes
    source: str
    splices: list[Splice]
    masked: Counter[tuple[str, str]]


def texts_in(data: bytes, stream: bool) -> list[Text]:
    """The texts of a body; none of one that is binary."""
    source = readable(data)
    return [] if source is None else texts_of(source, stream)


def readable(data: bytes) -> str | None:
    """The body as text, bytes that are no UTF-8 as surrogates; None where it is no text."""
    if data.count(0) * 100 > len(data):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        source = data.decode("utf-8", "surrogateescape")
    return None if _strays(source) * 20 > len(source) else source


def _strays(source: str) -> int:
    return len(_STRAY.findall(source))


def redact(data: bytes, stream: bool, side: str, editor: Editor) -> Redacted:
    """`data` without its secrets; `side` is "request" or "response", for the places."""
    source = readable(data)
    if source is None:
        masked = Counter({(side, BINARY_KIND): 1})
        blank = _FILLER * len(data)
        return Redacted(blank, "", [], Counter() if blank == data else masked)
    splices: list[Splice] = []
    masked = Counter()
    for text in texts_of(source, stream):
        edits = editor.edits(text.text, text.field)
        if edits:
            splices += splices_of(text, edits)
            masked[side, TEXT_KIND] += any(edit.kind == TEXT_KIND for edit in edits)
            masked.update((_where(side, text), e.kind) for e in edits if e.kind != TEXT_KIND)
    splices.sort()
    if not splices:
        return Redacted(data, source, splices, masked)
    new = spliced(source, splices).encode("utf-8", "surrogateescape")
    return Redacted(new, source, splices, +masked)


def _where(side: str, text: Text) -> str:
    path = f" {text.path}" if text.path else ""
    first, last = text.parts[0].event, text.parts[-1].event
    if not first:
        return f"{side}{path}"
    events = f"event {first}" if first == last else f"events {first} … {last}"
    return f"{side} {events}:{path or ' text'}"
