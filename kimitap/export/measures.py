"""The numbers of turns side by side: how long, how many tokens, how fast."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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


def _reading(turn: Turn) -> tuple[float, float] | None:
    """The tokens of the prompt that the server read, and its seconds for them."""
    told = turn.reply.timings
    return (told.prompt_n, told.prompt_ms / 1000) if told.prompt_n and told.prompt_ms else None


def _writing(turn: Turn) -> tuple[float, float] | None:
    """The tokens of the reply, and the seconds that they took."""
    told = turn_numbers_of(turn)
    return (told.reply, told.reply / told.speed) if told.reply and told.speed else None


_SUMS: tuple[tuple[str, str, Told], ...] = (
    ("duration", "s", lambda turn: turn.duration_s),
    ("prompt", "tokens", lambda turn: turn_numbers_of(turn).prompt),
    ("of it cached", "tokens", lambda turn: turn_numbers_of(turn).cached),
    ("reply", "tokens", lambda turn: turn_numbers_of(turn).reply),
)
_FIRST: tuple[str, str, Told] = ("first token", "s", lambda turn: turn_numbers_of(turn).first_s)
_SPEEDS = (("prompt speed", _reading), ("reply speed", _writing))


def of_turns(old: Turn | None, new: Turn | None) -> tuple[Measure, ...]:
    """The numbers of one pair; those that neither side has are left out."""
    sides = [turn for turn in (old,) if turn], [turn for turn in (new,) if turn]
    return (*_told((*_SUMS, _FIRST), *sides, _mean), *_speeds(*sides))


def of_threads(old: Sequence[Turn], new: Sequence[Turn]) -> tuple[Measure, ...]:
    """Sums over all turns of each side, the mean wait, and speeds: all tokens over all seconds."""
    count = Measure("turns", "", len(old), len(new))
    means = (replaced(m, f"{m.name}, mean") for m in _told([_FIRST], old, new, _mean))
    return (count, *_told(_SUMS, old, new, sum), *means, *_speeds(old, new))


def _speeds(old: Sequence[Turn], new: Sequence[Turn]) -> Iterator[Measure]:
    for name, told in _SPEEDS:
        one, other = (_speed(told, side) for side in (old, new))
        if one is not None or other is not None:
            yield Measure(name, "tokens/s", one, other)


def _speed(
    told: Callable[[Turn], tuple[float, float] | None], turns: Sequence[Turn]
) -> float | None:
    """Tokens a second over all turns that tell both: a long one counts for more."""
    both = [pair for turn in turns if (pair := told(turn)) is not None]
    seconds = sum(pair[1] for pair in both)
    return sum(pair[0] for pair in both) / seconds if seconds else None


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
