"""What a measurement yields: rows of a table, and the statistics behind them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BASELINE = "plain"
CONTROL = "plain again"
"""A second process of the baseline: its ratio to the first is what the ratios' noise looks like."""
_PLAIN = (BASELINE, CONTROL)


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


@dataclass(frozen=True)
class Compared:
    """What was measured through several proxies, against the baseline."""

    base: list[float]
    """The baseline of each round: the mean of its two processes, one of which may be unlucky."""
    ratios: dict[str, Ratio]
    """Of each recorder to the base, and of one baseline process to the other."""
    noise: float
    """How far from 1 that last ratio is."""


def compared(values: Mapping[str, Sequence[float]]) -> Compared:
    """`values` are those of each proxy's rounds, by its name, the two baselines among them."""
    first, second = values[BASELINE], values[CONTROL]
    base = [statistics.fmean(pair) for pair in zip(first, second, strict=True)]
    ratios = {CONTROL: paired(second, first)}
    ratios |= {name: paired(on, base) for name, on in values.items() if name not in _PLAIN}
    return Compared(base, ratios, abs(ratios[CONTROL].median - 1))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
