"""The numbers of turns side by side: how long, how many tokens, how fast."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kimitap.conversation import Turn
from kimitap.transcript.numbers import turn_numbers_of


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of both sides; None where nobody told it."""

    name: str
    unit: str
    old: float | None
    new: float | None

    @property
    def ratio(self) -> float | None:
        """The new over the old."""
        if self.old is None or self.new is None or not self.old:
            return None
        return self.new / self.old


Told = Callable[[Turn], float | None]


def _read_speed(turn: Turn) -> float | None:
    """Tokens of the prompt a second, as the server measured it."""
    told = turn.reply.timings
    return told.prompt_n / told.prompt_ms * 1000 if told.prompt_n and told.prompt_ms else None


_SUMS: tuple[tuple[str, str, Told], ...] = (
    ("duration", "s", lambda turn: turn.duration_s),
    ("prompt", "tokens", lambda turn: turn_numbers_of(turn).prompt),
    ("of it cached", "tokens", lambda turn: turn_numbers_of(turn).cached),
    ("reply", "tokens", lambda turn: turn_numbers_of(turn).reply),
)
_MEANS: tuple[tuple[str, str, Told], ...] = (
    ("first token", "s", lambda turn: turn_numbers_of(turn).first_s),
    ("prompt speed", "tokens/s", _read_speed),
    ("reply speed", "tokens/s", lambda turn: turn_numbers_of(turn).speed),
)


def of_turns(old: Turn | None, new: Turn | None) -> tuple[Measure, ...]:
    """The numbers of one pair; those that neither side has are left out."""
    sides = [turn for turn in (old,) if turn], [turn for turn in (new,) if turn]
    return _told((*_SUMS, *_MEANS), *sides, _mean)


def of_threads(old: Sequence[Turn], new: Sequence[Turn]) -> tuple[Measure, ...]:
    """Sums over all turns of each side, and the means of what is no sum."""
    count = Measure("turns", "", len(old), len(new))
    means = (replaced(m, f"{m.name}, mean") for m in _told(_MEANS, old, new, _mean))
    return (count, *_told(_SUMS, old, new, sum), *means)


def replaced(measure: Measure, name: str) -> Measure:
    """The same numbers under another name."""
    return Measure(name, measure.unit, measure.old, measure.new)


def _told(
    kinds: Iterable[tuple[str, str, Told]],
    old: Sequence[Turn],
    new: Sequence[Turn],
    over: Callable[[Sequence[float]], float],
) -> tuple[Measure, ...]:
    found = []
    for name, unit, told in kinds:
        sides = [[n for turn in side if (n := told(turn)) is not None] for side in (old, new)]
        if any(sides):
            one, other = (over(side) if side else None for side in sides)
            found.append(Measure(name, unit, one, other))
    return tuple(found)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def shown(number: float | None, unit: str) -> str:
    """`1,234 tokens`, `0.84 s`, `—`."""
    if number is None:
        return "—"
    digits = 0 if unit in {"tokens", ""} else 1 if number >= 100 else 2
    return f"{number:,.{digits}f}{f' {unit}' if unit else ''}"


def shown_ratio(ratio: float | None) -> str:
    """`×0.66`, the new over the old."""
    return "—" if ratio is None else f"×{ratio:.2f}"


def measures_table(told: Sequence[Measure]) -> str:
    """A Markdown table of numbers, with the ratio of the new to the old."""
    rows = ["| | before | after | ratio |", "| --- | --: | --: | --: |"]
    for m in told:
        sides = f"{shown(m.old, m.unit)} | {shown(m.new, m.unit)}"
        rows.append(f"| {m.name} | {sides} | {shown_ratio(m.ratio)} |")
    return "\n".join(rows)
