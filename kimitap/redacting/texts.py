"""The texts of a body: strings of its JSON, what a stream's deltas add up to, or all of it."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kimitap.redact.scan import Leaf, scan
from kimitap.redact.views import View
from kimitap.redacting.fields import TOKENS, Field, Role, field_of, run_key
from kimitap.redacting.multipart import boundary_of, form_parts

_LINE = re.compile(r"[^\r\n]+")
_FIELD = re.compile(r"\ufeff?(data|error|event|id|retry)?: ?")
_UNREADABLE = re.compile("[\udc80-\udcff\0]")
_STREAM = re.compile(r"\ufeff?(?:(?:data|event|id|retry|error)?:|\s*\Z)")


class Part(NamedTuple):
    """A piece of a text: where it stands in the body, and how it reads."""

    start: int
    stop: int
    view: View
    event: int


@dataclasses.dataclass
class Text:
    """One text of a body, in one part or, in a stream, in many. `leaf` is its first string."""

    field: Field
    leaf: Leaf | None
    parts: list[Part] = dataclasses.field(default_factory=list)

    @property
    def text(self) -> str:
        """What the parts say together."""
        return "".join(part.view.text for part in self.parts)


def texts_of(body: str, content_type: str = "") -> list[Text]:
    """The texts of a body in the order in which they begin."""
    if boundary := boundary_of(content_type):
        return list(_of_form(body, boundary))
    if "event-stream" in content_type.lower() or _STREAM.match(body[:100]):
        return list(_of_lines(body, _payloads(body)))
    leaves = scan(body) if body.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", '"') else None
    if leaves is None:
        return [_whole(body)]
    documents = [(*m.span(), "") for m in _LINE.finditer(body) if body[m.start()] == "{"]
    if len(documents) > 1 and all(body[stop - 1] == "}" for _, stop, _ in documents):
        return list(_of_lines(body, documents))
    gathered = Gathered()
    gathered.add(body, leaves, 0)
    return gathered.texts


def _whole(body: str) -> Text:
    return Text(Field(Role.FREE, ""), None, [Part(0, len(body), View(body), 0)] if body else [])


def _of_form(body: str, boundary: str) -> Iterator[Text]:
    """The contents of a form's parts; what heads them is structure."""
    for start, head, stop, name in form_parts(body, boundary):
        for begin, end, role in ((start, head, Role.NAME), (head, stop, Role.FREE)):
            said = body[begin:end]
            if _UNREADABLE.search(said):
                role = Role.BINARY
            if said.strip("-\r\n"):
                yield Text(Field(role, name), None, [Part(begin, end, View(said), 0)])


def _payloads(body: str) -> Iterator[tuple[int, int, str]]:
    """Where what the lines of a stream carry stands, and the name of the line's field."""
    for line in _LINE.finditer(body):
        named = _FIELD.match(line[0])
        start = line.start() + (named.end() if named else 0)
        if start < line.end() and line[0] not in ("data: [DONE]", "data:[DONE]"):
            yield start, line.end(), (named[1] or "" if named else "")


def _of_lines(body: str, lines: Iterable[tuple[int, int, str]]) -> list[Text]:
    gathered = Gathered()
    event = 0
    for start, stop, name in lines:
        if name in ("event", "id", "retry"):
            part = Part(start, stop, View(body[start:stop]), event)
            gathered.texts.append(Text(Field(Role.NAME, name), None, [part]))
            continue
        head = body[start : start + 1]
        leaves = scan(body, start, stop) if head in ("{", "[") else None
        event += head == "{"
        if leaves is None:
            gathered.raw(body, start, stop, event)
        else:
            gathered.add(body, leaves, event)
    return gathered.texts


class Gathered:
    """Texts, and those that go on in the next event."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self._runs: dict[str, Text] = {}

    def add(self, body: str, leaves: list[Leaf], event: int) -> None:
        """Take in the strings of an event; of a body that is no stream, event 0."""
        for leaf in leaves:
            view = leaf.view(body)
            key = run_key(leaf) if event or leaf.name in TOKENS else None
            part = Part(leaf.start, leaf.stop, view, event)
            text = self._runs.get(key) if key else None
            if text is None:
                text = Text(field_of(leaf, view.text), leaf)
                self.texts.append(text)
                if key:
                    self._runs[key] = text
            text.parts.append(part)

    def raw(self, body: str, start: int, stop: int, event: int) -> None:
        """Take in a line that is no JSON: such lines are one text."""
        text = self._runs.get("\n")
        if text is None:
            text = self._runs["\n"] = Text(Field(Role.FREE, ""), None)
            self.texts.append(text)
        text.parts.append(Part(start, stop, View(body[start:stop]), event))
