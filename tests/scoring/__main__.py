"""Writes docs/scoreboard.md: `python -m tests.scoring`, or `make scoreboard`."""

from collections import Counter
from pathlib import Path

from kimitap.rules import RULES
from tests.scoring.measure import Score, false_errors, in_company, measure
from tests.scoring.sound import SOUND
from tests.support import corpus
from tests.support.examples import findings_of

PLACE = Path(__file__).parents[2] / "docs" / "scoreboard.md"
SEED, ROUNDS, PAIRS = 20_261_123, 3, 400

HEAD = """# Scoreboard

What the rules find, and what they should not. `make scoreboard` writes this page.

- **examples**: the flawed examples that each rule carries, found ÷ all; **clean**: its clean ones
  that stay clean ÷ all.
- **random faults**: clean sessions that look suspicious, broken at random in one of the ways of the
  table (`tests/scoring`): found by the right rule at the right place ÷ all.
- **captures**: recorded sessions of unmodified agents with a truth file each: hits, misses, false
  alarms. They are other people's text and no part of this repository.
"""


def main() -> None:
    """Measure everything, and write it down."""
    scores = measure(SEED, ROUNDS)
    captures = _captures()
    rows = [_row(rule.name, scores.get(rule.name), captures) for rule in RULES]
    tried = sum(score.tried for score in scores.values())
    hits = sum(score.hits for score in scores.values())
    missed = in_company(SEED, PAIRS)
    text = "\n".join(
        (
            HEAD,
            f"Random faults: **{hits} of {tried}** found by the right rule at the right place "
            f"({hits / tried:.1%}). Two faults at once: {2 * PAIRS - len(missed)} of {2 * PAIRS}.",
            "",
            f"Clean sessions that look suspicious: {len(SOUND)}; errors found in them: "
            f"**{len(false_errors())}**.",
            "",
            "| rule | examples | clean | random faults | captures: hits | misses | false alarms |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        )
    )
    PLACE.write_text(text, encoding="utf-8")
    print(text)
    for score in scores.values():
        for miss in score.missed:
            print("missed:", miss)
        for astray, count in score.astray.items():
            print(f"astray ({count}×):", astray)
    for miss in missed:
        print("missed in company:", miss)


def _row(name: str, score: Score | None, captures: Counter[tuple[str, str]] | None) -> str:
    rule = next(rule for rule in RULES if rule.name == name)
    found = Counter[bool]()
    clean = Counter[bool]()
    for example in rule.examples:
        places = [f.place for f in findings_of(example.exchanges) if f.rule == name]
        (found if example.expected else clean)[places == list(example.expected)] += 1
    random = f"{score.hits}/{score.tried}" if score else ""
    columns = ("hits", "misses", "false alarms")
    real = [str(captures[name, c]) if captures is not None else "" for c in columns]
    return (
        " | ".join(
            (
                f"| `{name}`",
                f"{found[True]}/{found.total()}",
                f"{clean[True]}/{clean.total()}",
                random,
                *real,
            )
        )
        + " |"
    )


def _captures() -> Counter[tuple[str, str]] | None:
    if not corpus.present():
        print(corpus.MISSING)
        return None
    from tests.rules.test_corpus import score

    return score()[0]


if __name__ == "__main__":
    main()
