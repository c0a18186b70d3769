"""The command that writes a recording, or a place of it, for other tools: export."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kimitap.cli.choosing import with_choice
from kimitap.cli.consent import demand_sending
from kimitap.cli.files import written_to
from kimitap.cli.reading import read
from kimitap.cli.results import spare
from kimitap.cli.words import one_place, split, with_database
from kimitap.errors import UsageError
from kimitap.exchange import Exchange
from kimitap.lineage import Thread
from kimitap.places import PlaceWord
from kimitap.redact import Level
from kimitap.rules.choice import Choice
from kimitap.settings import Settings
from kimitap.store import Recording
from kimitap.visible import one_line

if TYPE_CHECKING:
    from kimitap.interchange.outgoing.otlp import Traces
    from kimitap.interchange.outgoing.told import Told

FORMATS = ("har", "flow", "jsonl", "openai-jsonl", "otlp", "curl")
_TOLD = ("openai-jsonl", "otlp")
"""Formats that tell what an agent did: what Kimitap itself sent again is no part of that."""
_NAMED = 12
_BY_SUFFIX = {".har": "har", ".flow": "flow", ".mitm": "flow", ".sh": "curl"}


@dataclass
class _Masked:
    """How much was masked, counted while exchanges pass."""

    level: Level
    exchanges: int = 0
    places: int = 0

    def each(self, exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
        """The exchanges, redacted: nothing else may be written of them."""
        from kimitap.redacting.exchanges import redacted

        for exchange, masked in redacted(exchanges, self.level):
            self.exchanges += 1
            self.places += sum(one.count for one in masked)
            yield exchange

    def told(self) -> str:
        """What was done, for people."""
        exchanges = "1 exchange" if self.exchanges == 1 else f"{self.exchanges:,} exchanges"
        if self.level is Level.NONE:
            return f"{exchanges}, bodies as they were recorded: read them before you pass them on"
        return f"{exchanges}, {self.places:,} masked (--redact {self.level})"


@dataclass(frozen=True)
class _Chosen:
    """The exchanges of these numbers, or all: read anew each time, since redaction reads twice."""

    recording: Recording
    numbers: Sequence[int] | None

    def __iter__(self) -> Iterator[Exchange]:
        if self.numbers is None:
            return self.recording.exchanges()
        return (self.recording.exchange(number) for number in self.numbers)


@dataclass(frozen=True)
class _Wish:
    """What is to be exported, and how it is to be told."""

    where: str
    place: PlaceWord | None
    choice: Choice
    masked: _Masked
    replays: bool = False
    """Whether what Kimitap sent again is told of, beside what the agent did."""
    left_out: list[Thread] = field(default_factory=list)
    """Threads that are not told of for that."""

    def exchanges(self, recording: Recording) -> Iterator[Exchange]:
        """The exchanges of the place, redacted."""
        if self.place is None:
            return self.masked.each(_Chosen(recording, None))
        if not self.place.kind:
            return self.masked.each(_Chosen(recording, [self.place.number]))
        threads = read(self.where, self.choice).threads_at(self.place)
        return self.masked.each(_Chosen(recording, _numbers(threads)))

    def conversed(self, recording: Recording) -> Iterator["Told"]:
        """The sessions of the place as the agent had them. Who names a replay, or its thread, gets
        it."""
        from kimitap.interchange.outgoing.told import conversed

        told = self.told(recording)
        named = self.place is not None and self.place.kind != "s"
        return told if self.replays or named else conversed(told, self.left_out.append)

    def told(self, recording: Recording) -> Iterator["Told"]:
        """The sessions of the place, woven and checked from redacted exchanges."""
        from kimitap.interchange.outgoing.told import tell

        if self.place is None:
            return tell(self.masked.each(_Chosen(recording, None)), self.choice)
        analysis = read(self.where, self.choice)
        wanted = {thread.number for thread in analysis.threads_at(self.place)}
        whole = [s for s in analysis.sessions if wanted & {t.number for t in s.threads}]
        numbers = _numbers([thread for session in whole for thread in session.threads])
        only = None if self.place.kind else self.place.number
        return tell(self.masked.each(_Chosen(recording, numbers)), self.choice, wanted, only)


def _numbers(threads: Iterable[Thread]) -> list[int]:
    return sorted(turn.exchange for thread in threads for turn in thread.turns)


@click.command("export")
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@with_database
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Else by --output's suffix.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file, for its owner only; else standard output.",
)
@click.option(
    "--redact",
    "level",
    type=click.Choice([level.value for level in Level]),
    default=Level.SECRETS.value,
    show_default=True,
    help="none: bodies as recorded; secrets: keys, tokens, users, hosts masked; text: no text.",
)
@click.option("--turns", is_flag=True, help="With jsonl: decoded turns instead of exchanges.")
@click.option("--content", is_flag=True, help="With otlp: also what was said.")
@click.option(
    "--replays",
    is_flag=True,
    help="With openai-jsonl and otlp: also what Kimitap itself sent again.",
)
@click.option("--endpoint", metavar="URL", help="With otlp: send to this collector.")
@click.option("--yes", is_flag=True, help="Send without asking to a collector that is not here.")
@with_choice
def export(
    words: Sequence[str],
    db: str | None,
    kind: str | None,
    output: Path | None,
    level: str,
    turns: bool,
    content: bool,
    replays: bool,
    endpoint: str | None,
    yes: bool,
    settings: Settings,
) -> None:
    """Write a recording for other tools: all of it, or a session, a thread, an exchange.

    \b
    har           HAR 1.2: browsers' developer tools, proxies
    flow          mitmproxy: mitmweb -n -r FILE
    jsonl         a line an exchange, nothing lost; --turns: a line a turn, decoded
    openai-jsonl  a line a thread, to train on; broken threads are left out
    otlp          a trace a session (OpenTelemetry, GenAI): a file, or --endpoint
    curl          a command a request

    har, flow and jsonl come back with `kimitap import`. Secrets are masked by default.
    """
    where, rest = split(words, db)
    chosen = _kind(kind, output)
    _demand_fit(chosen, turns, content, endpoint)
    if endpoint is not None and output is not None:
        raise UsageError("say --endpoint or --output, not both: a collector gets it, or a file")
    if replays and chosen not in _TOLD:
        raise UsageError(f"--replays goes with {' and '.join(_TOLD)}: {chosen} has them anyway")
    spare(where, output)
    wish = _Wish(where, one_place(rest), settings.choice, _Masked(Level(level)), replays)
    if endpoint is not None:
        _send(wish, content, endpoint, yes)
    elif chosen == "flow":
        _write_flows(wish, output)
    else:
        _write(wish, chosen, output, turns, content)


def _kind(kind: str | None, output: Path | None) -> str:
    found = kind or (_BY_SUFFIX.get(output.suffix) if output else None)
    if found is None:
        raise UsageError(f"say --format, one of {', '.join(FORMATS)}")
    return found


def _demand_fit(kind: str, turns: bool, content: bool, endpoint: str | None) -> None:
    for option, given, fit in (
        ("--turns", turns, "jsonl"),
        ("--content", content, "otlp"),
        ("--endpoint", endpoint is not None, "otlp"),
    ):
        if given and kind != fit:
            raise UsageError(f"{option} goes with --format {fit}, not with {kind}")


def _write(wish: _Wish, kind: str, output: Path | None, turns: bool, content: bool) -> None:
    with Recording.open(wish.where) as recording, written_to(output) as file:
        for part in _parts(wish, recording, kind, turns, content):
            file.write(part.encode("utf-8", "backslashreplace"))
    _say(wish, output)


def _parts(
    wish: _Wish, recording: Recording, kind: str, turns: bool, content: bool
) -> Iterator[str]:
    """What is written, part by part."""
    if kind == "har":
        from kimitap.interchange.outgoing.har import har

        return har(wish.exchanges(recording))
    if kind == "curl":
        return _curl(wish.exchanges(recording))
    if kind == "openai-jsonl":
        return _chats(wish, recording)
    if kind == "otlp":
        from kimitap.interchange.outgoing.otlp import json_lines

        return json_lines(_spans(wish, recording, content))
    if turns:
        from kimitap.interchange.outgoing.turns import turn_lines

        return turn_lines(wish.told(recording))
    from kimitap.interchange.outgoing.jsonl import lines

    return lines(wish.exchanges(recording))


def _curl(exchanges: Iterable[Exchange]) -> Iterator[str]:
    from kimitap.export.curl import curl

    for exchange in exchanges:
        yield f"# exchange {exchange.number}\n{curl(exchange)}\n"


def _chats(wish: _Wish, recording: Recording) -> Iterator[str]:
    from kimitap.interchange.outgoing.chats import chats

    written = 0
    for chat in chats(wish.conversed(recording)):
        if chat.left_out:
            why = one_line(chat.left_out, 300)
            click.echo(f"kimitap: {chat.thread} left out: {why}", err=True)
        else:
            written += 1
            yield chat.line
    click.echo(f"{written} thread{'' if written == 1 else 's'} written", err=True)


def _write_flows(wish: _Wish, output: Path | None) -> None:
    from kimitap.recorder.flow_file import write_flows

    if output is None and sys.stdout.isatty():
        raise UsageError("a flow file is no text for a terminal: say --output FILE")
    with Recording.open(wish.where) as recording, written_to(output) as file:
        write_flows(wish.exchanges(recording), file)
    _say(wish, output)


def _say(wish: _Wish, output: Path | None) -> None:
    _say_left_out(wish)
    into = "" if output is None or str(output) == "-" else f"{output}: "
    click.echo(f"{into}{wish.masked.told()}", err=True)


def _say_left_out(wish: _Wish) -> None:
    if wish.left_out:
        named = ", ".join(thread.name for thread in wish.left_out[:_NAMED])
        more = f" and {len(wish.left_out) - _NAMED:,} more" if len(wish.left_out) > _NAMED else ""
        what = "sent again by Kimitap, not by the agent (--replays takes them in)"
        click.echo(f"kimitap: {named}{more} left out: {what}", err=True)


def _spans(wish: _Wish, recording: Recording, content: bool) -> "Traces":
    from kimitap.interchange.outgoing.spans import spans

    return spans(wish.conversed(recording), content)


def _send(wish: _Wish, content: bool, endpoint: str, yes: bool) -> None:
    from kimitap.interchange.outgoing.otlp import is_loopback, send
    from kimitap.recorder.secret import digest_key
    from kimitap.redact import mask_url

    what = "What the agents said" if content else "What the recording tells of its turns"
    named = one_line(mask_url(endpoint, digest_key()), 200)
    away = () if is_loopback(endpoint) else (named,)
    demand_sending(f"{what} goes to {named}. Send it?", away, yes)
    with Recording.open(wish.where) as recording:
        count = send(_spans(wish, recording, content), endpoint)
    _say_left_out(wish)
    click.echo(f"{count} spans sent to {named}; {wish.masked.told()}", err=True)
