"""What a measurement yields: rows of a table, and the statistics behind them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio (or a plain number) against its aim, if it has one."""

    name: str
    value: float
    unit: str = "×"
    least: float | None = None
    most: float | None = None
    spread: tuple[float, float] | None = None
    """The quartiles of the pairs that `value` is the median of."""
    noise: float = 0
    """How far from 1 the ratio of two equal things was beside this one."""
    note: str = ""

    @property
    def aim(self) -> str:
        """The aim in words; empty where there is none."""
        if self.least is not None:
            return f"≥ {self.least:g}"
        return f"≤ {self.most:g}" if self.most is not None else ""

    @property
    def verdict(self) -> str:
        """`ok`, `over` where the aim is missed, `unclear` where that lies within the noise."""
        limit = self.most if self.least is None else self.least
        if limit is None:
            return ""
        if abs(self.value - limit) < self.noise:
            return "unclear"
        missed = self.value > limit if self.least is None else self.value < limit
        return "over" if missed else "ok"


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of pairs, and their quartiles."""

    median: float
    spread: tuple[float, float]


def paired(on: Sequence[float], off: Sequence[float]) -> Ratio:
    """on ÷ off, pair by pair: each pair was measured side by side, so drift falls out."""
    ratios = [a / b for a, b in zip(on, off, strict=True)]
    if len(ratios) < 2:
        return Ratio(ratios[0], (ratios[0], ratios[0]))
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(statistics.median(ratios), (low, high))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
