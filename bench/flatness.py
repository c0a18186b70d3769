"""Whether memory and file of a soak stay as they were: what the second half added to the first.

`MEMORY` and `FILE` are the tolerances. What the plain proxy gained at the same time is no growth of
the recorder's: where the machine stalls, both hold more for a while, and keep the room. What large
bodies of random digits take in the file is taken off before: there are so few of them that chance
alone would tell of growth.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MEMORY = 0.05
"""Of what a process holds at the same load, the second half may add so much."""
FILE = 0.10
"""By so much may an exchange of the second half be larger in the file than one of the first."""
LEAST_S = 120.0
"""A shorter soak cannot say whether anything is flat."""
DIGIT = 0.5
"""Bytes that a random hexadecimal digit takes, compressed."""


@dataclass(frozen=True)
class Sample:
    """How things stood at one moment; sizes in MB."""

    at_s: float
    exchanges: int
    proxy_mb: float
    writer_mb: float
    plain_mb: float
    file_mb: float
    log_mb: float
    big: int = 0
    """How many of the exchanges had a big body."""
    digits_mb: float = 0
    """The random digits of these."""


@dataclass(frozen=True)
class Growth:
    """Of one thing: its `level` in `unit`, and by which share of it the second half grew."""

    what: str
    level: float
    unit: str
    share: float
    most: float
    note: str

    @property
    def flat(self) -> bool:
        """Whether it stays within the tolerance."""
        return self.share <= self.most


def growths(samples: Sequence[Sample]) -> Iterator[Growth]:
    """What a soak's samples say; nothing where there are too few."""
    half = samples[len(samples) // 2 :]
    if len(half) < 2:
        return
    plain = _gain(half, [s.plain_mb for s in half])
    for what, of_all, usual in (
        ("memory of the proxy", [s.proxy_mb for s in samples], max(0.0, plain)),
        ("memory of the writer", [s.writer_mb for s in samples], 0.0),
        ("memory of plain", [s.plain_mb for s in samples], 0.0),
    ):
        values = of_all[len(samples) // 2 :]
        level, gain = statistics.median(values), _gain(half, values)
        note = f"{gain:+.1f} MB in the second half, at most {max(of_all):.0f} MB"
        if usual:
            note += f", of it {usual:.1f} as plain"
        yield Growth(what, level, "MB", (gain - usual) / level if level else 0.0, MEMORY, note)
    first, second = (_kb_each(some) for some in (samples[: len(samples) // 2 + 1], half))
    if first > 0:
        note = f"{second:.1f} ÷ {first:.1f} kB, big bodies taken off"
        share = second / first - 1
        yield Growth(
            "an exchange in the file, second half ÷ first", 1 + share, "×", share, FILE, note
        )


def long_enough(samples: Sequence[Sample]) -> bool:
    """Whether it went on for so long that one can tell."""
    return bool(samples) and samples[-1].at_s >= LEAST_S


def slope(at_s: Sequence[float], values: Sequence[float]) -> float:
    """What `values` gain in a second, by least squares; 0 of fewer than two."""
    if len(values) < 2:
        return 0.0
    return statistics.linear_regression(at_s, values).slope


def _gain(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """What `values` gained between these samples, by the line through them."""
    return slope([s.at_s for s in samples], values) * (samples[-1].at_s - samples[0].at_s)


def _kb_each(samples: Sequence[Sample]) -> float:
    """Kilobytes that the file grew by with an exchange without a big body; the log, which comes and
    goes, left out."""
    first, last = samples[0], samples[-1]
    count = last.exchanges - last.big - (first.exchanges - first.big)
    return (_small_mb(last) - _small_mb(first)) * 1000 / max(1, count)


def _small_mb(sample: Sample) -> float:
    return sample.file_mb - sample.log_mb - sample.digits_mb * DIGIT
