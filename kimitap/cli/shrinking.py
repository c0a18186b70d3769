"""`kimitap shrink`: the smallest recording that shows a finding."""

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kimitap.amounts import counted, in_words
from kimitap.cli.live import demand_possible, live_test, with_often
from kimitap.cli.words import split, with_database
from kimitap.errors import UsageError
from kimitap.visible import one_line

if TYPE_CHECKING:
    from kimitap.analysis import Analysis
    from kimitap.exchange import Exchange
    from kimitap.rules.finding import Finding
    from kimitap.shrink import Live, Shrunk, Size
    from kimitap.store import Recording

SECONDS = 60.0
MOST_MEASURED = 5_000_000
"""Messages, repeated ones included, up to which it is told how much content they were."""


@click.command()
@click.argument("words", nargs=-1, metavar="[DB] [PLACE] [RULE]")
@with_database
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The small recording.",
)
@click.option(
    "--seconds",
    default=SECONDS,
    show_default=True,
    type=click.FloatRange(min=0),
    help="The patience; what is smallest by then is written, and so it is at Ctrl-C.",
)
@click.option(
    "--server",
    metavar="URL",
    help="For a finding in a reply: send the smaller request to this server each time, and go on "
    "only while the answer shows the finding again.",
)
@with_often
@click.option("--yes", is_flag=True, help="Do not ask before requests leave this machine.")
@click.option("--force", is_flag=True, help="Replace FILE.")
def shrink(
    words: Sequence[str],
    db: str | None,
    output: Path,
    seconds: float,
    server: str | None,
    runs: int,
    least: int,
    yes: bool,
    force: bool,
) -> None:
    """Write the smallest recording that shows a finding: kimitap shrink run.db 41 -o small.db.

    It is the worst finding of the recording; of a PLACE (exchange, thread, session), of a RULE, if
    they are named. Exchanges, messages, tools, parameters and text are taken away as long as the
    same finding stands at its place and no other defect comes; what stays is as it was recorded,
    byte for byte. Nothing is masked: kimitap report does that. Exit status: 0 written, 2 not.
    """
    from kimitap.analysis import Analysis
    from kimitap.store import Recording

    where, rest = split(words, db)
    demand_free(output, where, force)
    demand_possible((runs, least), server)
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        finding = finding_of(analysis, rest)
        exchanges = _concerned(recording, analysis, finding)
        before = _before(recording, analysis, finding)
    click.echo(f"{finding.severity}: {finding.rule} at exchange {finding.place.exchange}", err=True)
    live = live_test(server, (runs, least), yes, finding, exchanges) if server else None
    done = replace(shrunk(exchanges, finding, seconds, live), before=before)
    write_recording(output, done.exchanges)
    for line in _told(done, output):
        click.echo(line)


def shrunk(
    exchanges: "Sequence[Exchange]",
    finding: "Finding",
    seconds: float = SECONDS,
    live: "Live | None" = None,
) -> "Shrunk":
    """The least of the exchanges that shows the finding; how it goes is told on stderr."""
    from kimitap.shrink import shrink as narrow
    from kimitap.shrink import with_live_answer

    say = partial(click.echo, err=True)
    done = narrow(exchanges, finding, patience_s=seconds, say=say, also=live)
    return with_live_answer(done, live) if live else done


def write_recording(output: Path, exchanges: "Iterable[Exchange]") -> None:
    """Write a new recording at `output`, for its owner only: all of it or nothing."""
    from kimitap.store import RecordingWriter, seal

    target = output.resolve()
    draft = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    try:
        with RecordingWriter(str(draft)) as writer:
            for exchange in exchanges:
                writer.add(exchange)
        seal(str(draft))
        draft.replace(target)
    finally:
        for ending in ("", "-wal", "-shm"):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)


def demand_free(output: Path, where: str, force: bool) -> None:
    """Raise `UsageError` where `output` cannot be written: it is the recording, or in use."""
    from kimitap.cli.results import spare

    name = one_line(str(output), 300)
    spare(where, output)
    if output.is_dir():
        raise UsageError(f"--output {name} is a folder: name a file in it")
    if not output.resolve().parent.is_dir():
        raise UsageError(f"--output {name}: there is no such folder")
    if not os.access(output.resolve().parent, os.W_OK):
        raise UsageError(f"--output {name}: you may not write into its folder")
    if output.exists() and not force:
        raise UsageError(f"{name} is there already: name another file, or say --force")
    if output.with_name(f"{output.name}-wal").exists():
        raise UsageError(f"{name} is open in another program: name another file")


def finding_of(analysis: "Analysis", words: Sequence[str]) -> "Finding":
    """The worst finding that the words of a command line name, of several the first.

    At an exchange where nothing stands it is what the next request lost of its reply.

    Raises `UsageError` where there is none, and for a word that is no place and no rule.
    """
    from kimitap.evidence.subject import at_pair
    from kimitap.places import is_place, parse_place
    from kimitap.settings import rule_names

    places = [parse_place(word) for word in words if is_place(word)]
    rules = rule_names(word for word in words if not is_place(word))
    if len(places) > 1 or len(rules) > 1:
        raise UsageError(f"one place and one rule at most, but got {' '.join(words)}")
    found = list(analysis.findings)
    if places and places[0].kind:
        names = {thread.name for thread in analysis.threads_at(places[0])}
        found = [f for f in found if f.thread in names]
    elif places:
        number = analysis.turn_at(places[0]).exchange
        here = [f for f in found if f.place.exchange == number]
        found = here or list(at_pair(analysis, number))
    found = [f for f in found if not rules or f.rule in rules]
    if not found:
        named = f" of {' '.join(words)}" if words else ""
        raise UsageError(f"{analysis.recording.where}: no finding{named} that could be shown")
    return min(found, key=lambda f: -f.severity.rank)


def _concerned(
    recording: "Recording", analysis: "Analysis", finding: "Finding"
) -> "list[Exchange]":
    """Exchanges that show the finding: few if few do, for a long session is not held in memory."""
    from kimitap.shrink import guesses, shows

    for numbers in guesses(finding, analysis.sessions):
        exchanges = [recording.exchange(number) for number in sorted(numbers)]
        if shows(exchanges, finding):
            return exchanges
    return [recording.exchange(number) for number in sorted(analysis.turns)]


def _before(recording: "Recording", analysis: "Analysis", finding: "Finding") -> "Size":
    """How large the finding's session is."""
    from kimitap.shrink import Size, size_of

    threads = [t for s in analysis.sessions if s.name == finding.session for t in s.threads]
    turns = [turn for thread in threads for turn in thread.turns]
    messages = sum(len(turn.messages) for turn in turns)
    if messages > MOST_MEASURED:
        return Size(len(turns), messages, 0)
    return size_of(recording.exchange(turn.exchange) for turn in turns)


def _told(done: "Shrunk", output: Path) -> Iterable[str]:
    """What came of it, in lines for a person."""
    if not done.finished:
        yield "ended early: it may get smaller with more --seconds"
    yield f"{one_line(str(output), 300)}: {_size(done.after)}, of {_size(done.before)}"
    finding = done.finding
    yield f"{finding.severity}: {finding.rule}  (exchange {finding.place.exchange})"
    yield f"  {finding.sentence}"
    for exchange, number, why in zip(done.exchanges, done.numbers, done.kept_because, strict=True):
        yield f"  exchange {exchange.number}, which was {number}: {why}"


def _size(size: "Size") -> str:
    facts = [counted(size.exchanges, "exchange"), counted(size.messages, "message")]
    return ", ".join([*facts, in_words(size.content)] if size.content else facts)
