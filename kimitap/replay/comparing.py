"""What came of the runs, against the recorded reply and against one another."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from kimitap.redact import mask_text
from kimitap.replay.repair import Gap
from kimitap.replay.shape import Shape, words_for

MEASURES = {
    "prompt tokens": "prompt_tokens",
    "reply tokens": "completion_tokens",
    "cached tokens": "cached_tokens",
    "first event (s)": "first_event_s",
    "duration (s)": "duration_s",
    "tokens/s": "tokens_per_second",
}
"""Numbers of a shape, by the words for them. They differ from run to run, and are not compared."""
RECORDED = "recorded"
UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Group:
    """The runs of one variant of a request. `name` tells it from the others; `server` is a URL."""

    name: str
    server: str
    runs: tuple[Shape, ...]

    def rates(self) -> dict[str, Counter[str]]:
        """How many runs came to what, by the words for each."""
        found: dict[str, Counter[str]] = {}
        for shape in self.runs:
            for name, words in words_for(shape).items():
                found.setdefault(name, Counter())[words] += 1
        return found


@dataclass(frozen=True)
class Loop:
    """Whether the model repeats a call in the runs of one group, as it did in the recording."""

    group: str
    runs: int
    repeats: int
    """Runs whose reply makes a call again that was put back."""
    replied: int
    """Runs that came to a reply."""

    @property
    def ends(self) -> bool:
        """True where replies came, and none of them makes such a call."""
        return self.replied > 0 and not self.repeats

    @property
    def verdict(self) -> str:
        """In a few words what that says."""
        if not self.replied:
            return "no reply came: nothing can be told"
        if self.ends:
            return "the loop ends"
        return "the loop goes on" if self.repeats == self.replied else "the loop goes on at times"


def proves_nothing(loops: Sequence[Loop]) -> bool:
    """True where the unchanged request, sent beside the repaired one, ends the loop as well."""
    return any(loop.group.startswith(UNCHANGED) and loop.ends for loop in loops)


def loop_of(group: Group, lacking: Sequence[Gap]) -> Loop | None:
    """What became of the loop in a group's runs; None where no call was put back."""
    made = {call.stands_for for gap in lacking for call in gap.calls}
    if not made:
        return None
    replied = [shape for shape in group.runs if _replied(shape)]
    repeats = sum(not made.isdisjoint(shape.stands_for) for shape in replied)
    return Loop(group.name, len(group.runs), repeats, len(replied))


def _replied(shape: Shape) -> bool:
    """True where the model said something to its end: a page, a cut, a blank reply tell nothing."""
    whole = shape.status == 200 and shape.ending == "complete" and not shape.error
    return whole and (shape.has_text or bool(shape.calls))


def comparison_lines(groups: Sequence[Group]) -> Iterator[str]:
    """The groups field by field, masked: `=` where all say the same, `!` where not."""
    ran = [group for group in groups if group.runs]
    rates = [group.rates() for group in ran]
    for name in rates[0] if rates else ():
        words = {word for rate in rates for word in rate[name]}
        if len(words) == 1:
            yield f"= {name:<15}  {mask_text(words.pop())}"
        else:
            yield from _rows("!", name, ran, [_told(rate[name]) for rate in rates])
    for name, attribute in MEASURES.items():
        measured = [_measured(group, attribute) for group in ran]
        if any(measured):
            yield from _rows(" ", name, ran, [words or "not told" for words in measured])


def _rows(mark: str, name: str, groups: Sequence[Group], told: Sequence[str]) -> Iterator[str]:
    """A line for each group; the field is named in the first."""
    width = max(len(group.name) for group in groups)
    for group, words in zip(groups, told, strict=True):
        yield f"{mark} {name:<15}  {group.name:<{width}}  {mask_text(words)}"
        mark, name = " ", ""


def _told(counted: Counter[str]) -> str:
    """`tool_calls (7 of 10), stop (3 of 10)`; without a number where there was one run."""
    total = counted.total()
    if total == 1:
        return next(iter(counted))
    told = (f"{words} ({number} of {total})" for words, number in counted.most_common())
    return ", ".join(told)


def _measured(group: Group, attribute: str) -> str:
    """`0.31`, or `0.31 (0.29 to 0.40)`: the median and the range."""
    values = [v for shape in group.runs if (v := getattr(shape, attribute)) is not None]
    if not values:
        return ""
    low, middle, high = (_number(v) for v in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def differs(groups: Sequence[Group]) -> tuple[str, ...]:
    """The fields in which two groups, or two runs of one, differ."""
    rates = [group.rates() for group in groups if group.runs]
    names = rates[0] if rates else ()
    return tuple(name for name in names if len({word for r in rates for word in r[name]}) > 1)


def as_json(groups: Sequence[Group]) -> list[dict[str, object]]:
    """The groups as plain values for programs, masked: replies and errors may quote a secret."""
    return [
        {
            "name": group.name,
            "server": group.server,
            "runs": [_masked(asdict(shape)) for shape in group.runs],
            "rates": {name: _masked_rate(words) for name, words in group.rates().items()},
        }
        for group in groups
    ]


def _masked(value: object) -> object:
    match value:
        case str():
            return mask_text(value)
        case dict():
            return {name: _masked(one) for name, one in value.items()}
        case list() | tuple():
            return [_masked(one) for one in value]
    return value


def _masked_rate(words: Counter[str]) -> dict[str, int]:
    masked: Counter[str] = Counter()
    for word, number in words.items():
        masked[mask_text(word)] += number
    return dict(masked)
