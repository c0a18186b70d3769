"""What a report says of itself: where its exchanges come from, what is in it, what is left out."""

from collections.abc import Iterator, Sequence

from kimitap.evidence.case import Case
from kimitap.evidence.sums import SUMS
from kimitap.redact import Level
from kimitap.transcript.wording import plural

LEVELS = {
    Level.NONE: "nothing was masked but the credentials in headers and addresses",
    Level.SECRETS: "keys, tokens, passwords, e-mail addresses, users' names and hosts are masked",
    Level.TEXT: "secrets are masked, and all text is replaced by placeholders of its length",
}
_LISTED = 40


def masking(case: Case) -> str:
    """What was masked, in a sentence without a full stop."""
    count = sum(one.count for one in case.masked)
    return f"{LEVELS[case.level]} ({plural(count, 'place')}, see redactions.md)"


def contents(case: Case) -> Iterator[tuple[str, str]]:
    """The files of a report and what each is."""
    count = len(case.exchanges)
    yield "report.md", "this page, to paste"
    yield (
        "report.html",
        "the same with the whole conversation: one file, without scripts or network",
    )
    yield "recording.db", f"{plural(count, 'exchange')}, to open with kimitap recording.db"
    yield "exchanges.jsonl", "the same exchanges, one line of JSON each"
    yield "replay.sh, bodies/", "the requests as curl commands"
    yield "redactions.md", f"what was masked where: {LEVELS[case.level]}"
    yield SUMS, f"shows that nothing was changed since: sha256sum -c {SUMS}"


def came_from(case: Case) -> str:
    """Which exchanges these are, and what they were called where they come from."""
    count = len(case.exchanges)
    kept = (
        f"All of the session, {plural(count, 'exchange')}, is"
        if count >= case.of
        else f"{count} of the session's {plural(case.of, 'exchange')} {_are(count)}"
    )
    why = "the fewest that show the finding" if case.finding and count < case.of else ""
    said = f"{kept} in recording.db{f', {why}' if why else ''}."
    if case.shrunk:
        said += " What the finding does not need of their messages, tools and texts is taken away."
    if case.answered:
        said += (
            f" The answer of exchange {case.exchange} is not the recorded one: a server gave it "
            "to this smaller request when the report was made."
        )
    return f"{said} {numbering(case)}".rstrip()


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def numbering(case: Case) -> str:
    """Which number became which; `""` where none changed."""
    if not case.renumbered:
        return ""
    pairs = [f"{new} was {old}" for new, old in sorted(case.numbers.items())]
    more = len(pairs) - _LISTED
    listed = ", ".join(pairs[:_LISTED]) + (f" and {more} more" if more > 0 else "")
    return f"Exchanges are numbered anew: {listed}."


def left_out(case: Case) -> Sequence[str]:
    """What a reader must know that the files do not show."""
    if not case.losses:
        return ()
    return (
        f"The recorder lost {plural(case.losses, 'exchange')}, or parts of them, in the recording "
        "that this was taken from: what seems to be missing may have been sent.",
    )
