"""The parts of a `multipart/…` body (RFC 2046): where they stand and what they are called."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})', re.IGNORECASE)
_NAME = re.compile(r'\bname="([^"\r\n]{0,200})"')


class FormPart(NamedTuple):
    """`body[start:head]` are a part's headers, `body[head:stop]` its content."""

    start: int
    head: int
    stop: int
    name: str


def boundary_of(content_type: str) -> str:
    """What divides the parts; `""` for a body that has none."""
    found = _BOUNDARY.search(content_type) if "multipart/" in content_type.lower() else None
    return f"--{found[1]}" if found else ""


def form_parts(body: str, boundary: str) -> Iterator[FormPart]:
    """The parts in their order; what stands before the first is a part without a name."""
    at = 0
    for piece in body.split(boundary):
        blank = re.search(r"\r?\n\r?\n", piece)
        head = blank.end() if blank else 0
        named = _NAME.search(piece[:head])
        yield FormPart(at, at + head, at + len(piece), named[1] if named else "")
        at += len(piece) + len(boundary)
