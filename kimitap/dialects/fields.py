"""The JSON object that a request is: its top-level fields, and its arrays element by element.

Where the recorder could cut the body, each element is a piece, and is decoded once for all the
requests that carry it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any

import orjson

from kimitap.conversation import Fault
from kimitap.dialects.encoding import decoded
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, dumps, kind_of, loads
from kimitap.dialects.memo import Memo
from kimitap.exchange import Body, Headers, Piece

Pieces = tuple[Piece, ...]
Known = dict[bytes, tuple[Any, tuple[Fault, ...]]]
"""What has been decoded, by the piece's key: the value, and faults relative to the element."""

type Begun[T] = dict[bytes, tuple[Pieces, list[T]]]
"""What the last request of a conversation held, by its second piece: the first is the prompt of
many. Only where there was no fault in it."""

_PLACED = frozenset({"model", "stream"})
_key = attrgetter("key")
_value, _faults = itemgetter(0), itemgetter(1)
"""Of what is known. A long history is looked up message by message, in every request."""


class Rest(dict[str, Any]):
    """The top-level fields of a request that became no message and no tool."""

    @cached_property
    def parameters(self) -> Mapping[str, object]:
        """Those that have no place of their own in a turn."""
        return {name: value for name, value in self.items() if name not in _PLACED}


@dataclass(frozen=True)
class Fields:
    """A request's top-level fields. An array in `runs` is empty in `values`."""

    values: dict[str, Any]
    runs: Mapping[str, Pieces] = field(default_factory=dict)
    key: bytes = b""
    """Identifies all that is not in `runs`; `b""` where the body was not cut."""

    def each[T](
        self,
        name: str,
        known: dict[bytes, tuple[T, tuple[Fault, ...]]],
        read: Callable[[Any, str, Faults], T],
        faults: Faults,
        needed: bool = False,
        begun: Begun[T] | None = None,
    ) -> list[T]:
        """The elements of one array, each `read`, or taken from what is `known` by its piece.

        With `begun`, a request that only grew costs what is new in it. Raises UnreadableJson where
        a piece is no JSON by itself.
        """
        if name not in self.runs:
            return self._read_whole(name, read, faults, needed)
        run = self.runs[name]
        if begun is None or len(run) < 2:
            return self._each(name, run, 0, known, read, faults)
        opening = run[1].key
        old, elements = begun.get(opening, ((), []))
        if run[: len(old)] != old:
            old, elements = (), []
        told = faults.count
        whole = [*elements, *self._each(name, run[len(old) :], len(old), known, read, faults)]
        if faults.count == told:
            begun[opening] = run, whole
        return whole

    def _each[T](
        self,
        name: str,
        run: Pieces,
        start: int,
        known: dict[bytes, tuple[T, tuple[Fault, ...]]],
        read: Callable[[Any, str, Faults], T],
        faults: Faults,
    ) -> list[T]:
        """The elements of `run`, which begins at the array's element `start`."""
        there = list(map(known.get, map(_key, run)))
        entries = [
            entry or known.get(piece.key) or self._learn(piece, known, read)
            for entry, piece in zip(there, run, strict=True)
        ]
        if any(map(_faults, entries)):
            for i, (_, told) in enumerate(entries, start):
                faults.add_under(f"request.{name}[{i}]", told)
        return list(map(_value, entries))

    @staticmethod
    def _learn[T](
        piece: Piece,
        known: dict[bytes, tuple[T, tuple[Fault, ...]]],
        read: Callable[[Any, str, Faults], T],
    ) -> tuple[T, tuple[Fault, ...]]:
        own = Faults()
        known[piece.key] = read(value_of(piece, own), "", own), own.told()
        return known[piece.key]

    def _read_whole[T](
        self, name: str, read: Callable[[Any, str, Faults], T], faults: Faults, needed: bool
    ) -> list[T]:
        where = f"request.{name}"
        items = self.values.get(name)
        if isinstance(items, list):
            return [read(item, f"{where}[{i}]", faults) for i, item in enumerate(items)]
        if items is not None or (needed and name in self.values):
            faults.add(where, f"{name} is a list, not {kind_of(items)}")
        elif needed:
            faults.add(where, f"{name} is missing")
        return []

    def value(self, name: str, faults: Faults) -> Any:
        """One field, its elements included; None where it is missing."""
        if name not in self.runs:
            return self.values.get(name)
        found = []
        for i, piece in enumerate(self.runs[name]):
            own = Faults()
            found.append(value_of(piece, own))
            faults.add_under(f"request.{name}[{i}]", own.told())
        return found

    def list_of[T](
        self,
        name: str,
        known: dict[bytes, tuple[T, tuple[Fault, ...]]],
        read: Callable[[Any, str, Faults], T],
        faults: Faults,
        lists: dict[bytes, tuple[Any, tuple[Fault, ...]]],
    ) -> tuple[T, ...]:
        """The same as `each`, for an array that hardly ever changes: equal ones are one object."""
        if name not in self.runs:
            return tuple(self._read_whole(name, read, faults, needed=False))
        key = b"".join(map(_key, self.runs[name]))
        if key not in lists:
            own = Faults()
            lists[key] = tuple(self.each(name, known, read, own)), own.told()
        found: tuple[T, ...] = lists[key][0]
        faults.add_under("", lists[key][1])
        return found

    def without(self, names: Collection[str], faults: Faults, known: Known) -> Rest:
        """The other fields, with those nested too deep to be written again as text.

        Those of requests that differ in these arrays only are one object.
        """
        if not self.key or self.runs.keys() - names:
            return self._without(names, faults)
        if self.key not in known:
            own = Faults()
            known[self.key] = self._without(names, own), own.told()
        rest: Rest = known[self.key][0]
        faults.add_under("", known[self.key][1])
        return rest

    def _without(self, names: Collection[str], faults: Faults) -> Rest:
        found = Rest({name: self.value(name, faults) for name in self.values if name not in names})
        for name, value in found.items():
            try:
                orjson.dumps(value)
            except (orjson.JSONEncodeError, RecursionError) as error:
                faults.add(f"request.{name}", str(error)[:200])
                found[name] = dumps(value)
        return found


def value_of(piece: Piece, faults: Faults | None = None) -> Any:
    """The value of an array's element. Raises UnreadableJson."""
    value, unusual = loads(piece.data.lstrip(b", \t\r\n"))
    if unusual and faults is not None:
        faults.add("", unusual)
    return value


def read_fields[R](
    body: Body,
    headers: Headers,
    memo: Memo,
    faults: Faults,
    build: Callable[[Fields, Memo, Faults], R],
) -> R | None:
    """What `build` makes of the object in `body`: from its pieces where it was cut, else whole.

    None, and a fault, where the body is no JSON object.
    """
    if body.elements:
        made = _from_pieces(body, memo, faults, build)
        if made is not None:
            return made
    data, trouble = decoded(body.content, headers)
    if trouble:
        faults.add("request", trouble)
    try:
        value, unusual = loads(data)
    except UnreadableJson as error:
        faults.add("request", str(error))
        return None
    if unusual:
        faults.add("request", unusual)
    if not isinstance(value, dict):
        faults.add("request", f"a request is an object, not {kind_of(value)}")
        return None
    return build(Fields(value), memo, faults)


def _from_pieces[R](
    body: Body, memo: Memo, faults: Faults, build: Callable[[Fields, Memo, Faults], R]
) -> R | None:
    """The request from its pieces; None where they are not what a cut body's should be."""
    key, value, unusual = _skeleton(body, memo)
    runs = {run.name: body.pieces[run.start : run.stop] for run in body.elements}
    if not isinstance(value, dict) or any(value.get(name) != [] for name in runs):
        return None
    seen = Faults()
    if unusual:
        seen.add("request", unusual)
    try:
        made = build(Fields(value, runs, key), memo, seen)
    except UnreadableJson:
        return None
    faults.add_under("", seen.told())
    return made


def _skeleton(body: Body, memo: Memo) -> tuple[bytes, Any, str]:
    """The body's JSON without the elements of its arrays, its key, and what was unusual in it."""
    key = b"".join(piece.key for piece in body.glue)
    if key not in memo.skeletons:
        try:
            memo.skeletons[key] = loads(body.skeleton)
        except UnreadableJson as error:
            memo.skeletons[key] = None, str(error)
    return key, *memo.skeletons[key]
