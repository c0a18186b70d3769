"""What was masked where, and what a user should look at himself before he attaches a report."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kimitap.evidence.case import Case
from kimitap.evidence.words import LEVELS
from kimitap.export.text import code
from kimitap.redact import Level, Masked
from kimitap.transcript.wording import plural

MOST_LISTED = 2_000
"""Places that are listed; of more, the number is told."""

_LOOK = {
    Level.NONE: (
        "Everything that your agent sent stands in these files as it was: code, names, paths, keys "
        "in texts. Make the report anew without `--redact none` before you show it to anybody."
    ),
    Level.SECRETS: (
        "Source code, file names, questions and answers are in these files as they were. "
        "A password that looks like a word cannot be told from one: search for what you would not "
        "publish. `--mask WORD` masks a word of your own everywhere, `--redact text` all text."
    ),
    Level.TEXT: (
        "Names of tools, models and parameters, keys of JSON, and the lengths of all texts stay."
    ),
}

_HOSTS = {
    Level.NONE: " and the names of hosts: those stay",
    Level.SECRETS: "; of hosts the ports stay, and what else is said of them",
    Level.TEXT: "; of hosts the ports stay",
}


def redactions(case: Case) -> str:
    """The page about the masks. No secret stands on it."""
    return "\n\n".join(_blocks(case)) + "\n"


def _blocks(case: Case) -> Iterator[str]:
    yield "# What was masked"
    yield (
        f"Level `{case.level}`: {LEVELS[case.level]}. All files of this report were made from the "
        "masked exchanges; exchanges are called by their numbers in `recording.db`."
    )
    if case.masked:
        yield _counts(case.masked)
        yield "## Where"
        yield _places(case.masked)
    else:
        yield "**Nothing was masked in these exchanges.**"
    yield "## Before you attach it"
    yield _LOOK[case.level]
    yield (
        "Look through `report.html`, which shows what was said, and at the first lines of "
        f"`exchanges.jsonl`, which has the headers{_HOSTS[case.level]}."
    )


def _counts(masked: Sequence[Masked]) -> str:
    counts: Counter[str] = Counter()
    exchanges: dict[str, set[int]] = {}
    for one in masked:
        counts[one.kind] += one.count
        exchanges.setdefault(one.kind, set()).add(one.exchange)
    rows = [
        f"| {code(kind)} | {count:,} | {plural(len(exchanges[kind]), 'exchange')} |"
        for kind, count in counts.most_common()
    ]
    return "\n".join(["| what | times | in |", "| --- | ---: | --- |", *rows])


def _places(masked: Sequence[Masked]) -> str:
    rows = [
        f"| {one.exchange} | {code(one.where, 200)} | {code(one.kind)} | {one.count:,} |"
        for one in masked[:MOST_LISTED]
    ]
    more = len(masked) - MOST_LISTED
    table = "\n".join(["| exchange | where | what | times |", "| ---: | --- | --- | ---: |", *rows])
    return f"{table}\n\nand {plural(more, 'place')} more" if more > 0 else table
