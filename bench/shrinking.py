"""How small a recording gets while it still shows what was found in it, and how long that takes.

Of each capture of agents that lies in `KIMITAP_SHARED`/corpus the first finding of each rule and
severity is shrunk; without a corpus nothing is measured. The captures are other people's text: only
numbers are printed.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.result import Row
from bench.settings import Settings
from kimitap.analysis import Analysis
from kimitap.exchange import Exchange
from kimitap.recorder.capture import import_capture
from kimitap.rules.finding import Finding, Severity
from kimitap.shrink import Shrunk, shrink
from kimitap.store import Recording

CORPUS = Path(os.environ.get("KIMITAP_SHARED", Path(__file__).parents[2] / "shared")) / "corpus"


@dataclass(frozen=True)
class Case:
    """What came of one finding, and the seconds that it took."""

    finding: Finding
    shrunk: Shrunk
    took_s: float

    @property
    def left(self) -> float:
        """The bytes that are left ÷ those that were there, each piece counted once."""
        return self.shrunk.after.content / self.shrunk.before.content


def measure(settings: Settings, folder: Path, corpus: Path = CORPUS) -> list[Row]:
    """A row a rule, and of all errors, warnings and notes together."""
    captures = sorted(corpus.glob("*/*.flow.xz"))
    if not captures:
        print(f"no captures at {corpus}: shrinking is not measured", file=sys.stderr)
        return []
    found = [one for capture in captures for one in _findings(capture, folder)]
    step = max(1, len(found) / settings.shrunk)
    sampled = [found[int(i * step)] for i in range(int(len(found) / step))]
    cases = [_case(exchanges, finding) for exchanges, finding in sampled]
    return list(_rows(cases))


def _findings(capture: Path, folder: Path) -> Iterator[tuple[Sequence[Exchange], Finding]]:
    """The first finding of each rule and severity in a capture, with the capture's exchanges."""
    where = folder / f"{capture.parent.name}-{capture.name}.db"
    import_capture(capture, str(where))
    with Recording.open(str(where)) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        exchanges = tuple(recording.exchanges())
    first: dict[tuple[str, Severity], Finding] = {}
    for finding in analysis.findings:
        first.setdefault((finding.rule, finding.severity), finding)
    yield from ((exchanges, finding) for finding in first.values())


def _case(exchanges: Sequence[Exchange], finding: Finding) -> Case:
    began = time.perf_counter()
    shrunk = shrink(exchanges, finding)
    took_s = time.perf_counter() - began
    return Case(finding, replace(shrunk, exchanges=()), took_s)


def _rows(cases: Sequence[Case]) -> Iterator[Row]:
    for severity in Severity:
        some = [case for case in cases if case.finding.severity is severity]
        if some:
            yield from _told(f"{severity}s", some)
    for rule in sorted({case.finding.rule for case in cases}):
        yield next(_told(rule, [case for case in cases if case.finding.rule == rule]))


def _told(what: str, cases: Sequence[Case]) -> Iterator[Row]:
    """What is left, and the seconds; the numbers are medians."""
    left = sorted(case.left for case in cases)
    spread = _quartiles(left)
    before, after = (
        [_median(getattr(size, name) for size in sizes) for name in _FACTS]
        for sizes in ([c.shrunk.before for c in cases], [c.shrunk.after for c in cases])
    )
    facts = ", ".join(
        f"{b:,.0f} → {a:,.0f} {word}"
        for b, a, word in zip(before, after, ("bytes", "exchanges", "messages"), strict=True)
    )
    unfinished = sum(not case.shrunk.finished for case in cases)
    ended = f", {unfinished} ended early" if unfinished else ""
    yield Row(
        f"shrunk, {what}: bytes left ÷ before",
        statistics.median(left),
        spread=spread,
        note=f"{len(cases)} findings: {facts}{ended}",
    )
    took = sorted(1000 * case.took_s for case in cases)
    tried = _median(case.shrunk.tried for case in cases)
    yield Row(
        f"shrunk, {what}: time",
        statistics.median(took),
        "ms",
        spread=_quartiles(took),
        note=f"{tried:.0f} candidates; the longest {took[-1]:.0f} ms",
    )


_FACTS = ("content", "exchanges", "messages")


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    last = len(ordered) - 1
    return ordered[round(last / 4)], ordered[round(last * 3 / 4)]


def _median(values: Iterable[int]) -> float:
    return statistics.median(values)
