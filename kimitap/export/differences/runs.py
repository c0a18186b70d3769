"""Runs against runs as a document: which sessions part, where, and how often over all."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kimitap.conversation import Turn
from kimitap.diff import RunPair, part_of
from kimitap.diff.runs import Run
from kimitap.export.differences.build import sentence
from kimitap.export.measures import Measure, of_threads
from kimitap.lineage import Mark
from kimitap.redact import mask_text
from kimitap.visible import one_line

PARTS = {
    "request": "what the agent sent",
    "calls": "what the reply calls",
    "text": "what the reply says",
    "turn": "a turn that only one side has",
}


@dataclass(frozen=True, slots=True)
class RunLine:
    """A pair of runs, or one alone. `turn` and `part` say where they part; None where nowhere."""

    mark: Mark
    old: str
    new: str
    how: str
    task: str
    turns: tuple[int, int]
    same: int
    turn: int | None
    part: str | None
    exchanges: tuple[int | None, int | None]
    sentence: str
    findings: tuple[int, int]
    """How many findings each side has."""
    settings: Sequence[str]
    """What else differs: `settings`, `system`."""


@dataclass(frozen=True, slots=True)
class RunsDocument:
    """Two sets of runs. `by_turn` and `by_part` count where pairs part."""

    old: str
    new: str
    facts: Sequence[tuple[str, str, str]]
    lines: Sequence[RunLine]
    by_turn: Mapping[int, int]
    by_part: Mapping[str, int]
    findings: Sequence[tuple[str, int, int]]
    measures: Sequence[Measure]

    @property
    def paired(self) -> int:
        return sum(line.mark in {Mark.SAME, Mark.CHANGED} for line in self.lines)

    @property
    def parted(self) -> int:
        return sum(line.mark is Mark.CHANGED for line in self.lines)

    @property
    def alone(self) -> tuple[int, int]:
        """How many runs only the old side has, and only the new."""
        marks = Counter(line.mark for line in self.lines)
        return marks[Mark.GONE], marks[Mark.NEW]

    @property
    def same(self) -> bool:
        return all(line.mark is Mark.SAME for line in self.lines)

    @property
    def summary(self) -> str:
        """One sentence: how many part, and where most do."""
        if not self.paired:
            return "No session stands for another."
        share = f"{self.parted} of {self.paired:,} pairs of sessions part"
        if not self.parted:
            share = f"No pair of sessions parts ({self.paired} compared)"
        only = [f"{n} only {side}" for n, side in zip(self.alone, _SIDES, strict=True) if n]
        return f"{share}{f'; {", ".join(only)}' if only else ''}."


_SIDES = ("before", "after")


def runs_document(old: str, new: str, pairs: Sequence[RunPair]) -> RunsDocument:
    """All that a comparison of two sets says; `old` and `new` name them."""
    lines = [_line(pair) for pair in pairs]
    parted = [line for line in lines if line.mark is Mark.CHANGED]
    sides = _runs(pairs, "old"), _runs(pairs, "new")
    return RunsDocument(
        old=_clean(old),
        new=_clean(new),
        facts=tuple(_facts(*sides)),
        lines=lines,
        by_turn=dict(sorted(Counter(line.turn for line in parted if line.turn).items())),
        by_part=dict(Counter(line.part for line in parted if line.part).most_common()),
        findings=tuple(_found(*sides)),
        measures=of_threads(*([*_turns(side)] for side in sides)),
    )


def _clean(text: str, limit: int = 300) -> str:
    return one_line(mask_text(text), limit)


def _runs(pairs: Sequence[RunPair], side: str) -> list[Run]:
    found = (pair.old if side == "old" else pair.new for pair in pairs)
    return [run for run in found if run is not None]


def _turns(runs: Sequence[Run]) -> Iterator[Turn]:
    for run in runs:
        for thread in run.session.threads:
            yield from thread.turns


def _facts(old: Sequence[Run], new: Sequence[Run]) -> Iterator[tuple[str, str, str]]:
    """The agents, models and servers of each side, each named once."""
    facts: dict[str, Callable[[Turn], str]] = {
        "agent": lambda turn: turn.program or turn.agent,
        "model": lambda turn: turn.reply.model or turn.model,
        "server": lambda turn: turn.server,
        "build": lambda turn: turn.reply.fingerprint,
    }
    for name, fact in facts.items():
        sides = []
        for runs in (old, new):
            named = dict.fromkeys(fact(run.main.turns[0]) for run in runs)
            sides.append(_clean(", ".join(filter(None, named)), 160))
        if any(sides):
            yield name, sides[0], sides[1]
    yield "sessions", str(len(old)), str(len(new))


def _found(old: Sequence[Run], new: Sequence[Run]) -> Iterator[tuple[str, int, int]]:
    """How often each rule found something, the most frequent first."""
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for count, runs in zip(counts, (old, new), strict=True):
        for run in runs:
            count.update(run.findings)
    for rule, _ in (counts[0] + counts[1]).most_common():
        yield rule, counts[0][rule], counts[1][rule]


def _line(pair: RunPair) -> RunLine:
    threads = pair.comparison.threads if pair.comparison else ()
    parted = pair.parted
    turn = parted[0].turns[parted[1]] if parted else None
    differs = {what for thread in threads for one in thread.turns for what in one.differs}
    run = pair.old or pair.new
    assert run is not None
    return RunLine(
        mark=pair.mark,
        old=_clean(pair.old.name) if pair.old else "",
        new=_clean(pair.new.name) if pair.new else "",
        how=pair.how,
        task=_clean(run.task.text, 80) if run.task else "",
        turns=_counted(pair),
        same=sum(one.mark is Mark.SAME for thread in threads for one in thread.turns),
        turn=parted[1] + 1 if parted else None,
        part=part_of(turn) if turn else None,
        exchanges=_exchanges(turn.old if turn else None, turn.new if turn else None),
        sentence=sentence(parted[0]) if parted else _otherwise(pair),
        findings=tuple(sum(side.findings.values()) if side else 0 for side in (pair.old, pair.new)),  # type: ignore[arg-type]
        settings=[what for what in ("settings", "system") if what in differs],
    )


def _exchanges(old: Turn | None, new: Turn | None) -> tuple[int | None, int | None]:
    return old.exchange if old else None, new.exchange if new else None


def _counted(pair: RunPair) -> tuple[int, int]:
    old, new = (len(list(_turns([run]))) if run else 0 for run in (pair.old, pair.new))
    return old, new


def _otherwise(pair: RunPair) -> str:
    if pair.comparison is None:
        return "Nothing stands for it on the other side."
    return "The same in all turns."
