"""Is a row what a recorder wrote? SQLite gives back whatever a damaged page says, of any kind."""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, Row, Table

from kimitap.store.times import to_us

NONSENSE = (TypeError, ValueError, LookupError, OverflowError, RuntimeError, struct.error)
"""What is raised where something is read that no recorder wrote."""

_NAMES: Mapping[type, str] = {int: "number", str: "text", bytes: "bytes"}
_FALLBACKS: Mapping[type, object] = {int: 0, str: "", bytes: b""}
_LATEST_US = to_us(datetime(9999, 1, 1, tzinfo=UTC))


def faults(row: Row[Any], table: Table) -> Iterator[tuple[str, str]]:
    """The columns of `table` whose values in the row are none, and why."""
    for name, kind, nullable in _kinds(table):
        fault = _fault(name, kind, nullable, row._mapping[name])
        if fault:
            yield name, fault


def mended(row: Row[Any], table: Table) -> tuple[SimpleNamespace, tuple[str, ...]]:
    """The row, with nothing in place of the values that are none; and the names of their columns.

    `outcome` and what else has a meaning of its own is left to the caller.
    """
    broken = {name for name, _ in faults(row, table)}
    values = dict(row._mapping)
    for name, kind, nullable in _kinds(table):
        if name in broken:
            values[name] = None if nullable else _FALLBACKS[kind]
    return SimpleNamespace(**values), tuple(sorted(broken))


@lru_cache
def _kinds(table: Table) -> tuple[tuple[str, type, bool], ...]:
    """Of each column its name, the kind of its values, and whether it may be empty."""
    return tuple((column.key, _kind(column), bool(column.nullable)) for column in table.c)


def _kind(column: Column[Any]) -> type:
    if isinstance(column.type, LargeBinary):
        return bytes
    return int if isinstance(column.type, Integer) else str


def _fault(name: str, kind: type, nullable: bool, value: object) -> str:
    if value is None:
        return "" if nullable else f"its {name} is missing"
    if type(value) is not kind:
        return f"its {name} is no {_NAMES[kind]}"
    if isinstance(value, int) and name.endswith("_us") and not 0 <= value < _LATEST_US:
        return f"its {name} is no time"
    return ""
