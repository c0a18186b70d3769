"""Writes docs/scoreboard.md: `python -m tests.scoring`, or `make scoreboard`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from kimitap.rules import RULES
from tests.scoring.dialects import CANNOT, Dialect
from tests.scoring.faults import FAULTS
from tests.scoring.measure import Scores, false_errors, in_company, measure
from tests.scoring.sound import SOUND
from tests.support import corpus
from tests.support.examples import findings_of

PLACE = Path(__file__).parents[2] / "docs" / "scoreboard.md"
SEED, ROUNDS, PAIRS = 20_261_123, 3, 400

SPOKEN = {
    Dialect.CHAT: "chat completions",
    Dialect.MESSAGES: "Anthropic Messages",
    Dialect.RESPONSES: "Responses",
}
Captures = Counter[tuple[str, str]]

HEAD = """# Scoreboard

What the rules find, and what they should not. `make scoreboard` writes this page.

- **examples**: the flawed examples that each rule carries, found ÷ all; **clean**: its clean ones
  that stay clean ÷ all.
- **random faults**: clean sessions that look suspicious, broken at random in one of the ways of
  `tests/scoring`: found by the right rule at the right place ÷ all. Every session is spoken in each
  of the three APIs, as real clients and a llama-server speak them, and each fault made twice: in
  the session as it is, and where each request tells the time in its system prompt or its first
  user message, or declares a tool that the first did not have (but for the rules that compare
  prompts, which take note of just that).
- **captures**: recorded sessions of unmodified agents with a truth file each: hits, misses, false
  alarms. They are other people's text and no part of this repository.
"""


def main() -> None:
    """Measure everything, and write it down."""
    scores = {dialect: measure(SEED, ROUNDS, dialect) for dialect in Dialect}
    missed = {dialect: in_company(SEED, PAIRS, dialect) for dialect in Dialect}
    captures = _captures()
    text = "\n".join(
        (
            HEAD,
            *_summary(scores, missed),
            "",
            "| rule | examples | clean | "
            + " | ".join(f"faults: {SPOKEN[d]}" for d in Dialect)
            + " | captures: hits | misses | false alarms |",
            "|---" * (6 + len(Dialect)) + "|",
            *(_row(rule.name, scores, captures) for rule in RULES),
            "",
            "A fault that an API cannot show is not made there:",
            "",
            *_impossible(),
            "",
        )
    )
    PLACE.write_text(text, encoding="utf-8")
    print(text)
    for dialect in Dialect:
        for line in _shortcomings(scores[dialect], missed[dialect]):
            print(f"{dialect}: {line}")


def _summary(scores: Mapping[Dialect, Scores], missed: Mapping[Dialect, list[str]]) -> list[str]:
    """The sums, a row for each API."""
    rows = [
        "| | random faults found | two faults at once | other rules that call an error "
        f"| errors in {len(SOUND)} clean sessions |",
        "|---|---|---|---|---|",
    ]
    for dialect in Dialect:
        own = scores[dialect].values()
        tried, hits = sum(s.tried for s in own), sum(s.hits for s in own)
        astray = sum(s.astray.total() for s in own)
        both = f"{2 * PAIRS - len(missed[dialect])} of {2 * PAIRS}"
        rows.append(
            f"| {SPOKEN[dialect]} | **{hits} of {tried}** ({hits / tried:.1%}) | {both} "
            f"| {astray} | **{len(false_errors(dialect))}** |"
        )
    return rows


def _row(name: str, scores: Mapping[Dialect, Scores], captures: Captures | None) -> str:
    rule = next(rule for rule in RULES if rule.name == name)
    found, clean = Counter[bool](), Counter[bool]()
    for example in rule.examples:
        places = [f.place for f in findings_of(example.exchanges) if f.rule == name]
        (found if example.expected else clean)[places == list(example.expected)] += 1
    own = [scores[dialect].get(name) for dialect in Dialect]
    random = [f"{score.hits}/{score.tried}" if score else "" for score in own]
    columns = ("hits", "misses", "false alarms")
    real = [str(captures[name, c]) if captures is not None else "" for c in columns]
    cells = (
        f"`{name}`",
        f"{found[True]}/{found.total()}",
        f"{clean[True]}/{clean.total()}",
        *random,
        *real,
    )
    return f"| {' | '.join(cells)} |"


def _impossible() -> Iterator[str]:
    """Which fault cannot be made in which API, and why."""
    for name in FAULTS:
        for why in dict.fromkeys(w for (fault, _), w in CANNOT.items() if fault == name):
            where = [SPOKEN[d] for d in Dialect if CANNOT.get((name, d)) == why]
            yield f"- {name.replace('_', ' ')} (not in {', '.join(where)}): {why}"


def _shortcomings(scores: Scores, missed: list[str]) -> Iterator[str]:
    for score in scores.values():
        yield from (f"missed: {miss}" for miss in score.missed)
        yield from (f"astray ({count}×): {kind}" for kind, count in score.astray.items())
    yield from (f"missed in company: {miss}" for miss in missed)


def _captures() -> Captures | None:
    if not corpus.present():
        print(corpus.MISSING)
        return None
    from tests.rules.test_corpus import score

    return score()[0]


if __name__ == "__main__":
    main()
