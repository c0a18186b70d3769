"""Times and sizes as a user types them, and as they are told."""

import re
from datetime import timedelta

from kimitap.errors import UsageError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_OLDEST_S = 1000 * _UNITS_S["y"]
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def age(text: str) -> timedelta:
    """`30d`, `12h`, `2w`: a number and a unit. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([smhdwy])", text.strip().lower())
    age_s = float(found[1]) * _UNITS_S[found[2]] if found else None
    if age_s is None or age_s > _OLDEST_S:
        raise UsageError(f"{text!r} is no age: say 30d, 12h or 2w")
    return timedelta(seconds=age_s)


def size(text: str) -> int:
    """`500MB`, `2GB`: bytes. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*([KMGT]?)I?B?", text.strip().upper())
    if not found:
        raise UsageError(f"{text!r} is no size: say 500MB or 2GB")
    return round(float(found[1]) * _BYTES[found[2]])


def in_words(size: int) -> str:
    """A size as one says it: `1.3 GB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return counted(size, "byte")


def span(span: timedelta) -> str:
    """A span as one says it: its two largest units."""
    seconds = max(0, int(span.total_seconds()))
    parts = []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def counted(number: int, word: str) -> str:
    """`1 exchange`, `2,000 exchanges`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")
