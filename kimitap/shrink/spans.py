"""JSON as bytes with places: where each value stands, so that some can be taken out or replaced
while all other bytes stay as they were on the wire.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from kimitap.dialects.jsonread import UnreadableJson, loads

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]|[^\s"{}\[\]:,]+', re.S)
_PLAIN = frozenset(b'{["')


@dataclass(slots=True)
class Node:
    """One value: `data[start:stop]`. A member of an object begins at its key, at `begin`.

    `kind` is `{`, `[`, `"` or `""` for a number or word; `items` are an object's or array's values.
    """

    kind: str
    begin: int
    start: int
    stop: int = 0
    name: str = ""
    items: list["Node"] = field(default_factory=list)

    def get(self, name: str) -> "Node | None":
        """The member of that name; where there are several the last, as JSON readers have it."""
        return next((item for item in reversed(self.items) if item.name == name), None)

    def at(self, *path: str | int) -> "Node | None":
        """What stands at the end of a path of names and indexes."""
        here: Node | None = self
        for step in path:
            if here is None:
                return None
            if isinstance(step, str):
                here = here.get(step) if here.kind == "{" else None
            else:
                inside = here.kind == "[" and step < len(here.items)
                here = here.items[step] if inside else None
        return here


@lru_cache(maxsize=20_000)
def parse(data: bytes) -> Node:
    """The value that `data` is. Raises ValueError where it is no JSON."""
    try:
        loads(data)
    except UnreadableJson as error:
        raise ValueError(str(error)) from error
    return _tree(data)


def _tree(data: bytes) -> Node:
    """The nodes of a text that is known to be JSON."""
    top = Node("[", 0, 0)
    open_ = [top]
    key: tuple[int, str] | None = None
    for token in _TOKEN.finditer(data):
        start, stop = token.span()
        mark = data[start]
        parent = open_[-1]
        if mark in b"}]":
            open_.pop().stop = stop
            continue
        if parent.kind == "{" and key is None:
            key = start, _text(data[start:stop])
            continue
        begin, name = key or (start, "")
        key = None
        made = Node(chr(mark) if mark in _PLAIN else "", begin, start, stop, name)
        parent.items.append(made)
        if mark in b"{[":
            open_.append(made)
    return top.items[0]


def _text(literal: bytes) -> str:
    if b"\\" not in literal:
        return literal[1:-1].decode("utf-8", "replace")
    return str(json.loads(literal))


def text_at(data: bytes, node: Node) -> str:
    """The text that a string is."""
    return _text(data[node.start : node.stop])


def strings(node: Node, skip: Callable[[str], bool]) -> Iterator[tuple[str, Node]]:
    """Every string value in the node with the name of the nearest member that it belongs to.

    Members whose name is to `skip` are not looked into, unless they hold an object or array.
    """
    open_ = [(node.name, node)]
    while open_:
        name, here = open_.pop()
        if here.kind == '"':
            if not skip(name):
                yield name, here
        else:
            open_ += [(item.name or name, item) for item in reversed(here.items)]


def spliced(data: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    """`data` with what stands at each (start, stop) replaced; they do not overlap."""
    out, at = [], 0
    for start, stop, new in sorted(edits):
        out += [data[at:start], new]
        at = stop
    return b"".join([*out, data[at:]])


def without(data: bytes, container: Node, drop: set[int]) -> tuple[int, int, bytes]:
    """The edit that takes items, by their indexes, out of an object or array, and a comma each."""
    items = container.items
    kept = [i for i in range(len(items)) if i not in drop]
    if not kept:
        return items[0].begin, items[-1].stop, b""
    out = [data[items[kept[0]].begin : items[kept[0]].stop]]
    for i in kept[1:]:
        out.append(data[items[i - 1].stop : items[i].stop])
    return items[0].begin, items[-1].stop, b"".join(out)


def literal(text: str, like: bytes) -> bytes:
    """`text` as a JSON string, written as `like` was: other letters than ASCII escaped, or not."""
    escaped = b"\\u" in like and like.isascii()
    try:
        return json.dumps(text, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(text).encode()
