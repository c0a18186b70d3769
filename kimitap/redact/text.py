"""Secrets in free text, taken out one text at a time: for what is shown or copied as text.

What is found is what a report masks; only the masks bear no number, so that a text gives the same
wherever it stands.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kimitap.redact.finder import Finder
    from kimitap.redact.views import Edit

_SHORTEST = 3
_SHORT = 4096
"""Texts of so few characters are remembered: many outputs say one text several times."""
_DEEPEST = 4
"""JSON within a string within JSON …: so deep it is read as such."""


def mask_text(text: str, name: str = "") -> str:
    """`text` without keys, tokens, passwords, private keys, e-mail addresses and users' names.

    `name` is that of the member whose value it is, if it is one. A JSON text stays valid JSON;
    equal texts stay equal.
    """
    if len(text) < _SHORTEST:
        return text
    return _remembered(text, name) if len(text) <= _SHORT else _masked(text, name)


@lru_cache(maxsize=2048)
def _remembered(text: str, name: str) -> str:
    return _masked(text, name)


def _masked(text: str, name: str) -> str:
    from kimitap.redact.finder import Finder
    from kimitap.redact.ledger import Unnumbered

    out: list[str] = []
    at = 0
    for edit in _edits(text, name, Finder(Unnumbered()), 0):
        out += (text[at : edit.start], edit.new)
        at = edit.stop
    return "".join((*out, text[at:])) if out else text


def _edits(text: str, name: str, finder: "Finder", depth: int) -> Iterator["Edit"]:
    """What of a text gives way to what; of one that is JSON, string by string."""
    from kimitap.redact.scan import named, nested
    from kimitap.redact.views import Edit

    leaves = nested(text) if depth < _DEEPEST else None
    if not leaves:
        for found in finder.find(text, name):
            mask = finder.ledger.mask(found.kind, found.value)
            yield Edit(found.start, found.stop, mask, found.kind)
        return
    for leaf in leaves:
        view = leaf.view(text)
        for edit in _edits(view.text, named(leaf), finder, depth + 1):
            for start, stop, new, kind in view.written(edit):
                yield Edit(leaf.start + start, leaf.start + stop, new, kind)
