"""A body without its secrets: everything else of it stays byte for byte."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kimitap.dialects.encoding import decoded
from kimitap.exchange import Headers, header
from kimitap.redact.scan import path_of
from kimitap.redact.views import TEXT_KIND
from kimitap.redacting.editor import Editor
from kimitap.redacting.fields import Role
from kimitap.redacting.multipart import boundary_of
from kimitap.redacting.splices import Splice, spliced, splices_of
from kimitap.redacting.texts import Text, texts_of
from kimitap.redacting.tokens import is_other, may_hold_tokens, numbers_ids, zeroed

BINARY_KIND = "binary data"
_FILLER = b"."
_STRAY = re.compile("[\udc80-\udcff]")


class Redacted(NamedTuple):
    """A body after redaction; `masked` counts by place and kind."""

    data: bytes
    source: str | None
    """What it was as text; None for what is no text."""
    splices: list[Splice]
    masked: Counter[tuple[str, str]]
    size: int
    """The length of what it was, in bytes, encodings undone."""
    changed: bool

    @property
    def tokens(self) -> bool:
        """Whether it may say its text once more as tokens."""
        return self.source is not None and may_hold_tokens(self.source)


def texts_in(data: bytes, content_type: str) -> list[Text]:
    """The texts of a body; none of one that is binary."""
    source = readable(data, content_type)
    return [] if source is None else texts_of(source, content_type)


def readable(data: bytes, content_type: str) -> str | None:
    """The body as text, bytes that are no UTF-8 as surrogates; None where it is no text."""
    if boundary_of(content_type):
        return data.decode("utf-8", "surrogateescape")
    if is_binary(data):
        return None
    return data.decode("utf-8", "surrogateescape")


def is_binary(data: bytes) -> bool:
    """True where much of the data is no UTF-8, or NUL."""
    if data.count(0) * 100 > len(data):
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        source = data.decode("utf-8", "surrogateescape")
        return len(_STRAY.findall(source)) * 20 > len(source)
    return False


def redact_encoded(
    data: bytes, headers: Headers, side: str, editor: Editor, numbers: bool
) -> Redacted:
    """A body as `redact` makes it, its encodings undone."""
    plain, trouble = decoded(data, headers)
    kind = header(headers, "content-type")
    return redact(plain, kind, side, editor, numbers, opaque=bool(trouble) and plain == data)


def redact(
    data: bytes, content_type: str, side: str, editor: Editor, numbers: bool, opaque: bool = False
) -> Redacted:
    """`data` without its secrets; `side` is "request" or "response", for the places.

    With `numbers` also without what it says once more as tokens. What is `opaque`, since nobody
    could decode it, and what is binary gives way to a filler of its length.
    """
    source = None if opaque else readable(data, content_type)
    if source is None:
        blank = data if editor.only_named else _FILLER * len(data)
        told = Counter({(side, BINARY_KIND): int(blank != data)})
        return Redacted(blank, None, [], +told, len(data), blank != data)
    texts = texts_of(source, content_type)
    splices, masked = edited(source, texts, side, editor, numbers, ids=numbers_ids(source))
    new = spliced(source, splices).encode("utf-8", "surrogateescape") if splices else data
    return Redacted(new, source, splices, +masked, len(data), new != data)


def edited(
    source: str, texts: Iterable[Text], side: str, editor: Editor, numbers: bool, ids: bool
) -> tuple[list[Splice], Counter[tuple[str, str]]]:
    """The splices that take the secrets out of a body of these texts, and what they mask where.

    A count may be 0; places are in the order in which they were met.
    """
    splices: list[Splice] = list(zeroed(source, ids)) if numbers else []
    masked: Counter[tuple[str, str]] = Counter()
    for text in texts:
        if numbers and is_other(text.leaf) and text.field.name == "token":
            splices += (Splice(p.start, p.stop, "x" * len(p.view.text)) for p in text.parts)
        elif text.field.role is Role.BINARY and not editor.only_named:
            splices += _blanked(text)
            masked[side, BINARY_KIND] += 1
        elif edits := editor.edits(text.text, text.field):
            splices += splices_of(text, edits)
            masked[side, TEXT_KIND] += any(edit.kind == TEXT_KIND for edit in edits)
            kinds = Counter(edit.kind for edit in edits if edit.kind != TEXT_KIND)
            where = _where(side, text, editor) if kinds else ""
            masked.update({(where, kind): count for kind, count in kinds.items()})
    splices.sort()
    return splices, masked


def _blanked(text: Text) -> Iterator[Splice]:
    for part in text.parts:
        data = part.view.text.encode("utf-8", "surrogateescape")
        yield Splice(part.start, part.stop, (_FILLER * len(data)).decode())


def _where(side: str, text: Text, editor: Editor) -> str:
    path = f" {path_of(text.leaf, editor.name)}" if text.leaf else ""
    first, last = text.parts[0].event, text.parts[-1].event
    if not first:
        return f"{side}{path}"
    events = f"event {first}" if first == last else f"events {first} … {last}"
    return f"{side} {events}:{path or ' text'}"
