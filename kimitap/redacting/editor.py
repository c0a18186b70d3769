"""What is replaced in a text: secrets by their masks, and at level `text` words by placeholders."""

from collections.abc import Collection, Iterator

from kimitap.redact.finder import Finder, Found
from kimitap.redact.level import Level
from kimitap.redact.scan import Leaf, nested
from kimitap.redact.views import TEXT_KIND, Edit, View, letters_view
from kimitap.redacting.fields import Field, Role, field_of
from kimitap.redacting.kept import is_server_word, kept_spans
from kimitap.redacting.words import Placeholders, replaced

_DEEPEST = 4
"""JSON within a string within JSON …: so deep it is read as such."""
_SHOWN = 60
_REMEMBERED = 32 * 1024 * 1024
"""Characters of texts whose edits are remembered: an agent sends its history again and again."""


class Editor:
    """Edits texts of one report alike wherever they stand. `names` are those of tools.

    `words`: whether words are replaced.
    """

    def __init__(self, level: Level, finder: Finder, names: Collection[str] = ()) -> None:
        self._finder = finder
        self.only_named = finder.only_named
        self.words = level is Level.TEXT
        self._placeholders = Placeholders(names)
        self._odd = [name for name in names if name and not name.isidentifier()]
        self._known: dict[tuple[str, Field], tuple[Edit, ...]] = {}
        self._size = 0

    def edits(self, text: str, field: Field) -> tuple[Edit, ...]:
        """The edits of `text` in their order, none within another."""
        key = (text, field)
        known = self._known.get(key)
        if known is None:
            known = tuple(self._edits(text, field, 0))
            self._size += len(text) + 100
            if self._size > _REMEMBERED:
                self._known.clear()
                self._size = len(text)
            self._known[key] = known
        return known

    def name(self, name: str) -> str:
        """A member's name as it may be told: without secrets, and not long."""
        out = name
        for edit in reversed(self.edits(name, Field(Role.KEY, name))):
            out = out[: edit.start] + edit.new + out[edit.stop :]
        return out if len(out) <= _SHOWN else f"{out[:_SHOWN]}…"

    def _edits(self, text: str, field: Field, depth: int) -> Iterator[Edit]:
        leaves = nested(text) if depth < _DEEPEST and field.role not in _ATOMS else None
        if leaves:
            for leaf in leaves:
                yield from self._nested(text, leaf, field, depth)
        else:
            yield from self._plain(text, field)

    def _nested(self, text: str, leaf: Leaf, field: Field, depth: int) -> Iterator[Edit]:
        view = leaf.view(text)
        for edit in self._edits(view.text, _inner(leaf, view, field), depth + 1):
            for start, stop, new, kind in view.written(edit):
                yield Edit(leaf.start + start, leaf.start + stop, new, kind)

    def _plain(self, text: str, field: Field) -> Iterator[Edit]:
        words = self.words and field.role not in _ATOMS
        at = 0
        for found in self._finder.find(text, _told(field)):
            if words:
                yield from self._replaced(text, at, found.start, field)
            yield self._masked(found)
            at = found.stop
        if words:
            yield from self._replaced(text, at, len(text), field)

    def _masked(self, found: Found) -> Edit:
        mask = self._finder.ledger.mask(found.kind, found.value)
        return Edit(found.start, found.stop, mask, found.kind)

    def _replaced(self, text: str, start: int, stop: int, field: Field) -> Iterator[Edit]:
        part = text[start:stop]
        view = letters_view(part)
        stays = is_server_word if field.role is Role.ERROR else None
        new = replaced(view.text, kept_spans(view.text, self._odd), self._placeholders, stays)
        if new != view.text:
            for edit in view.written(Edit(0, len(new), new, TEXT_KIND)):
                yield edit._replace(start=start + edit.start, stop=start + edit.stop)


_ATOMS = (Role.KEY, Role.NAME)
"""What is never replaced word by word, and never read as JSON."""


def _inner(leaf: Leaf, view: View, field: Field) -> Field:
    """The field of a string in a text of JSON: only of a call's arguments the keys stay."""
    inner = field_of(leaf, view.text)
    if leaf.key:
        return inner if field.role is Role.CALL else Field(Role.FREE, "")
    return Field(Role.FREE, inner.name)


def _told(field: Field) -> str:
    """The name by which a field tells that it holds a secret."""
    return "" if field.role in _ATOMS else field.name
