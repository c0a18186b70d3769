"""Breaks real exchanges in every way, and decodes them: `python -m tests.fuzzing`, `make fuzz`.

Every decoder must give a turn, whatever the bytes. Prints each kind of failure once, with the seed
and number that make it again, and ends with status 1 if there was one.
"""

import argparse
import sys
import time
import traceback
from collections import Counter

from kimitap.dialects import Memo
from tests.fuzzing.cases import Cases
from tests.fuzzing.checks import check

FRESH = 2000
"""So many cases share a memo."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the cases that the arguments ask for."""
    words = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--count", type=int, default=20_000, help="how many cases")
    words.add_argument("--only", type=int, default=None, help="check this one case only")
    given = words.parse_args()
    cases, memo = Cases(given.seed), Memo()
    spoken: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    began = time.monotonic()
    slowest = (0.0, 0)
    for number in range(given.count if given.only is None else given.only + 1):
        dialect, one = cases.draw()
        state = cases.chance.getstate()
        if number % FRESH == 0:
            memo = Memo()
        if given.only is not None and number != given.only:
            continue
        start = time.perf_counter()
        try:
            check(dialect, one, cases.chance, memo)
        except Exception as failure:  # all of them are told at the end
            where = traceback.extract_tb(failure.__traceback__)[-1]
            kind = f"{dialect.name}: {type(failure).__name__} at {where.name}:{where.lineno}"
            if not failures[kind]:
                say(f"case {number} of seed {given.seed}: {kind}: {str(failure)[:1500]}")
            failures[kind] += 1
        slowest = max(slowest, (time.perf_counter() - start, number))
        cases.chance.setstate(state)
        spoken[dialect.name] += 1
    took = time.monotonic() - began
    say(f"seed {given.seed}: {sum(spoken.values()):,} cases in {took:.0f} s: {dict(spoken)}")
    say(f"slowest: case {slowest[1]}, {slowest[0] * 1000:.0f} ms")
    for kind, count in failures.most_common():
        say(f"{count} × {kind}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
