"""What a user types for a time or a size, and how those are told."""

import math
import re
from datetime import timedelta

import click

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_OLDEST_S = 1000 * _UNITS_S["y"]
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Age(click.ParamType[timedelta]):
    """`30d`, `12h`, `2w`: a number and a unit."""

    name = "AGE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([smhdwy])", str(value).strip().lower())
        age_s = float(found[1]) * _UNITS_S[found[2]] if found else math.inf
        if age_s > _OLDEST_S:
            self.fail(f"{value!r} is no age: say 30d, 12h or 2w", param, ctx)
        return timedelta(seconds=age_s)


class Size(click.ParamType[int]):
    """`500MB`, `2GB`: bytes."""

    name = "SIZE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*([KMGT]?)I?B?", str(value).strip().upper())
        if not found:
            self.fail(f"{value!r} is no size: say 500MB or 2GB", param, ctx)
        return round(float(found[1]) * _BYTES[found[2]])


def in_words(size: int) -> str:
    """A size as one says it: `1.3 GB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return counted(size, "byte")


def counted(number: int, word: str) -> str:
    """`1 exchange`, `2,000 exchanges`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")
