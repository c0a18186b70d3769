"""The strings of a JSON text with their places, found without building its value.

So are numbers that are secrets by their member's name: `"password": 12345678`.

Only where strings stand is learnt; what stands between them stays byte for byte. A JSON text may
be cut at its end, and several may follow one another (JSON lines).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from kimitap.redact.names import is_secret_name
from kimitap.redact.views import BareView, View, json_view

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)("?)(\s*+:)?|[{}\[\]]', re.DOTALL)
_GAP = re.compile(
    r"(?:[\s,:]++|-?[0-9][0-9.eE+-]{0,60}|true|false|null|-?Infinity|NaN)*+", re.DOTALL
)
_LAST = re.compile(r"(?:[\s,:]++|[\w.+-]{1,64}(?=[\s,:]|\Z))*+(?:\\\Z)?", re.DOTALL)
_PLAIN = frozenset({"", ",", ":", ", ", ": ", " "})
_NUMBER = re.compile(r"\s*(-?[0-9]{1,9})(?![0-9.eE])")
_BARE = re.compile(r"\s{0,40}(-?[0-9][0-9.eE+-]{2,60})(?![\w.+-])")
_COUNTERS = frozenset({"index", "output_index", "content_index", "summary_index"})
_NAMES = frozenset({"type", "item_id"})
_DEEPEST = 1000


class Node:
    """An object or array, and where it stands. `marks` tell objects in one place apart."""

    __slots__ = ("array", "count", "marks", "name", "parent", "zone")

    def __init__(self, parent: "Node | None", name: str, array: bool) -> None:
        self.parent = parent
        self.name = name
        self.array = array
        self.count = 0
        self.marks: dict[str, str] = {}
        self.zone: str | None = None
        """What readers made of the place, once they know."""


class Leaf(NamedTuple):
    """A string: `text[start:stop]` is what stands between its quotes; a number, where it is `bare`.

    `name` is its member's name, or its index in an array; of a key that key.
    """

    start: int
    stop: int
    parent: Node
    name: str
    key: bool
    bare: bool = False

    def view(self, text: str) -> View:
        """What it says, of the text in which it stands."""
        raw = text[self.start : self.stop]
        return BareView(raw) if self.bare else json_view(raw)


def scan(text: str, start: int = 0, stop: int | None = None) -> list[Leaf] | None:
    """The strings of the JSON in `text[start:stop]` in their order; None where it is no JSON."""
    end = len(text) if stop is None else stop
    leaves: list[Leaf] = []
    node, name, at, depth = Node(None, "$", array=False), "", start, 0
    root = node
    for found in _TOKEN.finditer(text, start, end):
        gap = text[at : found.start()]
        if gap not in _PLAIN and not _GAP.fullmatch(gap):
            return None
        if node.array:
            node.count += gap.count(",")
        at = found.end()
        match text[found.start()]:
            case '"':
                if node is root:
                    leaves.append(Leaf(*found.span(1), node, "$", key=False))
                elif found[3] is not None and not node.array:
                    name = found[1]
                    leaves.append(Leaf(*found.span(1), node, name, key=True))
                    if name in _COUNTERS and (number := _NUMBER.match(text, at)):
                        node.marks[name] = number[1]
                    if is_secret_name(name) and (bare := _BARE.match(text, at)):
                        leaves.append(Leaf(*bare.span(1), node, name, key=False, bare=True))
                else:
                    leaves.append(_value(node, name, found))
            case "{" | "[" as opening:
                depth += 1
                if depth > _DEEPEST:
                    return None
                place = str(node.count) if node.array else "" if node is root else name
                node, name = Node(node, place, opening == "["), ""
            case _:
                if node.parent is None:
                    return None
                depth -= 1
                name, node = "", node.parent
    return leaves if _LAST.fullmatch(text, at, end) else None


def _value(node: Node, name: str, found: re.Match[str]) -> Leaf:
    if name in _NAMES and not node.array:
        node.marks[name] = found[1]
    return Leaf(*found.span(1), node, str(node.count) if node.array else name, key=False)


def path_of(leaf: Leaf, shown: Callable[[str], str] = str) -> str:
    """Where a string stands: `$.messages[3].content`; `shown` makes what is shown of a name."""
    if leaf.parent.parent is None:
        return "$"
    steps = [f"[{leaf.name}]" if leaf.parent.array else f".{shown(leaf.name)}"]
    node = leaf.parent
    while node.parent is not None and node.parent.parent is not None:
        steps.append(f"[{node.name}]" if node.parent.array else f".{shown(node.name)}")
        node = node.parent
    return "$" + "".join(reversed(steps))


def nested(text: str) -> list[Leaf] | None:
    """The strings of a text that is JSON itself, as a call's arguments are; None for any other."""
    return scan(text) if text.lstrip()[:1] in ("{", "[") else None


def named(leaf: Leaf) -> str:
    """The name by which a string's member tells that it holds a secret; `""` for a key."""
    if leaf.key:
        return ""
    name, node = leaf.name, leaf.parent
    while node.array and node.parent is not None:
        name, node = node.name, node.parent
    return name
