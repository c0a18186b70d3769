"""`diff`: two places of one recording or of two, or two sets of runs, against each other."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from kimitap.analysis import Analysis
from kimitap.cli.choosing import with_choice
from kimitap.cli.rendering import ask_for
from kimitap.cli.results import spare, speak_utf8, told_to
from kimitap.cli.words import names_database, with_database, with_server
from kimitap.comparison import AS_IT_IS, compare, compare_across, runs_of, what_follows
from kimitap.diff import Comparison, Respelling, Run, compare_runs
from kimitap.errors import NoRecording, NotARecording, UsageError
from kimitap.export.differences import DIFFERENCES, RUNS, runs_document
from kimitap.places import PlaceWord, is_place, parse_place
from kimitap.report import report_on, turns_of
from kimitap.rules.choice import Choice
from kimitap.settings import Settings
from kimitap.store import Recording, location, looks_recorded, shown

_HOW = (
    "say one place or two: kimitap diff 41, kimitap diff 41 42, kimitap diff t7 t9, "
    "kimitap diff old.db:s1 new.db:s3; or two recordings: kimitap diff old.db new.db"
)


@dataclass(frozen=True, slots=True)
class _Named:
    """A word of the command line: a recording or folder, a place, or both."""

    where: str | None
    place: PlaceWord | None


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[DB] PLACE [PLACE] | DB DB")
@with_database
@click.option("--other", metavar="PATH|URL", help="The database of the second place.")
@click.option(
    "--format",
    "form",
    type=click.Choice([*DIFFERENCES]),
    default="markdown",
    show_default=True,
    help="How to tell it: markdown for a bug report, text for a terminal, html for a browser, json "
    "for programs, patch for patch(1).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, for the owner only.",
)
@click.option(
    "--read-as",
    "read_as",
    multiple=True,
    metavar="OLD=NEW",
    help="Read OLD as NEW on the first side, of two recordings: a working directory that differs "
    "from run to run.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the two part.")
@with_server
@with_choice
def diff(
    words: Sequence[str],
    db: str | None,
    other: str | None,
    form: str,
    output: Path | None,
    read_as: Sequence[str],
    exit_code: bool,
    server: str | None,
    settings: Settings,
) -> int:
    """Compare request N and its reply with request N+1: Markdown for a bug report.

    One PLACE is compared with the request that follows it (a thread or session: where it broke
    first); two exchanges, two threads or two sessions are compared with each other: threads turn by
    turn, up to where they part, and what followed. A place of another recording is said as
    new.db:s3, or with --other new.db.

    Two recordings, or folders of them, are compared run by run: which sessions of one task part,
    where, and how often. Secrets are masked.

    Exit status: 0; with --exit-code 1 where the two part; 2: could not run.
    """
    named = _named(words, db, other)
    for one in named:
        if one.where is not None:
            spare(one.where, output)
    read = Respelling([_respelt(word) for word in read_as])
    if read_as and len({one.where for one in named}) == 1:
        raise UsageError("--read-as goes with two recordings: kimitap diff old.db:s1 new.db:s3")
    if all(one.place is None for one in named):
        text, parted = _runs(named, form, settings.choice, read)
    elif any(one.place is None for one in named):
        raise UsageError(_HOW)
    else:
        text, parted = _places(named, form, server, settings.choice, read)
    if form in {"json", "html"}:
        speak_utf8()
    with told_to(output) as say:
        if text:  # a patch of what is the same has no line
            say(text.removesuffix("\n"))
    return int(exit_code and parted)


# --- what the words name ------------------------------------------------------------------------


def _named(words: Sequence[str], db: str | None, other: str | None) -> list[_Named]:
    """One or two places with their recordings, or two recordings."""
    found = [_word(word) for word in words]
    if found[0].place is None and db is not None:
        raise UsageError(f"two databases named: {words[0]} and --db {db}; say one")
    first = found[0].where if found[0].place is None else db
    if len(found) > 1 and found[0].place is None and found[1].place is not None:
        found = found[1:]  # DB PLACE [PLACE]
        found = [_Named(one.where or location(first), one.place) for one in found]
    if other is not None:
        found = _with_other(found, other)
    if not 1 <= len(found) <= 2 or (len(found) == 1 and found[0].place is None):
        raise UsageError(_HOW)
    start = found[0].where or location(db)
    return [_Named(one.where or start, one.place) for one in found]


def _with_other(found: list[_Named], other: str) -> list[_Named]:
    if len(found) == 2 and found[1].where not in {None, found[0].where}:
        raise UsageError(f"two databases named for the second place: {found[1].where} and {other}")
    place = found[1].place if len(found) == 2 else found[0].place
    return [found[0], _Named(other, place), *found[2:]]


def _word(word: str) -> _Named:
    """What a word names. A file of the very name comes before `DB:PLACE`."""
    head, colon, tail = word.rpartition(":")
    if colon and head and is_place(tail) and not _is_there(word):
        return _Named(head, parse_place(tail))
    if names_database(word):
        return _Named(word, None)
    return _Named(None, parse_place(word))


def _is_there(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):
        return False


def _respelt(word: str) -> tuple[str, str]:
    old, equals, new = word.partition("=")
    if not old or not equals:
        raise UsageError(f"--read-as {word} says nothing: say OLD=NEW")
    return old, new


# --- two places ---------------------------------------------------------------------------------


def _places(
    named: Sequence[_Named], form: str, server: str | None, choice: Choice, read: Respelling
) -> tuple[str, bool]:
    """The text, and whether the two part."""
    where = [str(one.where) for one in named]
    places = [one.place for one in named if one.place is not None]
    with ExitStack() as stack:
        analyses = [_analysis(stack, one, choice) for one in dict.fromkeys(where)]
        if len(analyses) == 2:
            if server is not None:
                raise UsageError("--ask-server goes with places of one recording")
            old, new = analyses
            names = shown(where[0]), shown(where[1])
            comparison = compare_across(old, places[0], new, places[1], names, read)
            return DIFFERENCES[form](comparison), _parts(comparison)
        (analysis,) = analyses
        if server is not None:
            ask_for(analysis, server, turns_of(analysis, places))
        if form == "markdown":
            return report_on(analysis, places, database=shown(where[0])), _parted(analysis, places)
        comparison = _comparison(analysis, places)
        return DIFFERENCES[form](comparison), _parts(comparison)


def _analysis(stack: ExitStack, where: str, choice: Choice) -> Analysis:
    analysis = Analysis(stack.enter_context(Recording.open(where)), choice=choice)
    analysis.refresh()
    return analysis


def _comparison(analysis: Analysis, places: Sequence[PlaceWord]) -> Comparison:
    if len(places) == 1:
        return what_follows(analysis, places[0])
    return compare(analysis, *places)


def _parted(analysis: Analysis, places: Sequence[PlaceWord]) -> bool:
    """Whether the places part; a reply that no request follows has nothing to part from."""
    if len(places) == 1 and analysis.link_at(places[0]) is None:
        return False
    return _parts(_comparison(analysis, places))


def _parts(comparison: Comparison) -> bool:
    return any(thread.parts_at is not None for thread in comparison.threads)


# --- two sets of runs ---------------------------------------------------------------------------


def _runs(named: Sequence[_Named], form: str, choice: Choice, read: Respelling) -> tuple[str, bool]:
    if form not in RUNS:
        raise UsageError(f"runs against runs are told as {', '.join(RUNS)}, not as {form}")
    with ExitStack() as stack:
        old, new = (str(one.where) for one in named)
        pairs = compare_runs(
            list(_side(stack, old, choice, read)), list(_side(stack, new, choice, AS_IT_IS))
        )
        document = runs_document(shown(old), shown(new), pairs)
    return RUNS[form](document), not document.same


def _side(stack: ExitStack, where: str, choice: Choice, read: Respelling) -> Iterator[Run]:
    """The runs of a recording, or of all recordings of a folder and the folders in it."""
    folder = Path(where)
    if "://" in where or not folder.is_dir():
        yield from runs_of(_analysis(stack, where, choice), read=read)
        return
    files = sorted(path for path in folder.rglob("*") if looks_recorded(str(path)))
    known = 0
    for path in files:
        try:
            analysis = _analysis(stack, str(path), choice)
        except (NotARecording, NoRecording) as error:  # another program's database
            click.echo(f"kimitap: passed over: {error}", err=True)
            continue
        known += 1
        yield from runs_of(analysis, f"{path.relative_to(folder)}:", read)
    if not known:
        raise UsageError(f"{where} holds no recording")
