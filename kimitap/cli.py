"""The `kimitap` command: the only place that prints.

Exit status: 0 all is well, 1 `check` found something at or above `--fail-on`, 2 it could not run.
"""

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click
import typer
from typer.core import TyperGroup

import kimitap
from kimitap.analysis import Analysis
from kimitap.errors import KimitapError, UsageError
from kimitap.export import checked
from kimitap.places import PlaceWord, parse_place
from kimitap.report import remedies, report_on
from kimitap.rules import RULES
from kimitap.rules.finding import Finding, Severity
from kimitap.store import Recording, location
from kimitap.visible import one_line

COULD_NOT_RUN = 2


class _Group(TyperGroup):
    """Lets a database stand where a command is expected: `kimitap FILE` is `kimitap tui FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and _names_database(args[0]):
            args = ["tui", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Record what an LLM agent and its llama-server say, and see where the conversation broke.",
    epilog="A database may stand as the first word of tui, check, show and bare kimitap. "
    "Places: 41 an exchange, t7 a thread, s3 a session.",
)

Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        help="Path or SQLAlchemy URL; else KIMITAP_DB, else sessions/kimitap.db.",
        show_default=False,
    ),
]
Words = Annotated[list[str] | None, typer.Argument(metavar="[DB] [PLACE]", show_default=False)]


class FailOn(StrEnum):
    """The severity from which `check` exits with 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


def main() -> None:
    """Run the command line; every failure is one line on stderr and exit status 2."""
    try:
        status = app(standalone_mode=False)
    except KimitapError as error:
        _fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        _fail(error.format_message())
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        _fail(f"{error.format_message()}{hint}")
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> None:
    click.echo(f"kimitap: {one_line(message, 1000)}", err=True)
    sys.exit(COULD_NOT_RUN)


def _names_database(word: str) -> bool:
    return "://" in word or word.endswith(".db") or Path(word).is_file()


def _split(words: Sequence[str] | None, db: str | None) -> tuple[str, list[str]]:
    """The database, and the words that are left: the first word may name the database."""
    rest = list(words or [])
    if rest and _names_database(rest[0]):
        if db is not None:
            raise UsageError(f"two databases named: {rest[0]} and --db {db}; say one")
        db = rest.pop(0)
    return location(db), rest


def _one_place(words: Sequence[str]) -> PlaceWord | None:
    if len(words) > 1:
        raise UsageError(f"one place at most, but got {' '.join(words)}")
    return parse_place(words[0]) if words else None


def _version(wanted: bool) -> None:
    if wanted:
        click.echo(f"kimitap {kimitap.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _bare(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version.", callback=_version, is_eager=True),
    ] = False,
    db: Database = None,
) -> None:
    if context.invoked_subcommand is None:
        _open_tui(location(db), None)


@app.command()
def tui(words: Words = None, db: Database = None) -> None:
    """Open the screens: sessions and threads, the conversation, and where it broke."""
    where, rest = _split(words, db)
    _open_tui(where, _one_place(rest))


def _open_tui(where: str, place: PlaceWord | None) -> None:
    with Recording.open(where):
        pass
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the screens need a terminal; for a pipe there is: kimitap show")
    from kimitap.tui.app import run

    run(where, place)


@app.command()
def check(
    words: Annotated[list[str] | None, typer.Argument(metavar="[DB]", show_default=False)] = None,
    db: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    select: Annotated[
        list[str] | None, typer.Option(help="Only these rules: names, by comma or repeated.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Not these rules: names, by comma or repeated.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="Exit 1 from this severity on.")] = FailOn.ERROR,
) -> int:
    """Say what broke: every finding with its place, its evidence and what to do.

    Exit status 0: nothing at or above --fail-on; 1: something; 2: could not run.
    """
    wanted = _wanted(select, ignore)
    where, rest = _split(words, db)
    if rest:
        raise UsageError(f"check takes one database, not {' '.join(rest)}")
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
    findings = [f for f in analysis.findings if f.rule in wanted]
    counts = {
        "sessions": len(analysis.sessions),
        "threads": len(analysis.threads),
        "turns": len(analysis.turns),
    }
    if as_json:
        click.echo(checked.as_document(where, counts, findings))
    else:
        for line in checked.as_text(findings, remedies()):
            click.echo(line)
        click.echo(checked.summary(where, counts, findings))
    return _status(findings, fail_on)


def _status(findings: Iterable[Finding], fail_on: FailOn) -> int:
    if fail_on is FailOn.NEVER:
        return 0
    least = Severity(fail_on.value).rank
    return int(any(f.severity.rank >= least for f in findings))


def _wanted(select: Sequence[str] | None, ignore: Sequence[str] | None) -> set[str]:
    """The names of the rules to report; raises `UsageError` for a name that no rule has."""
    names = {rule.name for rule in RULES}
    return (_names(select, names) or names) - _names(ignore, names)


def _names(given: Sequence[str] | None, known: set[str]) -> set[str]:
    asked = {name.strip() for word in given or () for name in word.split(",")} - {""}
    unknown = sorted(asked - known)
    if unknown:
        raise UsageError(f"no rule is named {unknown[0]}; `kimitap rules` lists them")
    return asked


@app.command()
def rules(
    name: Annotated[str | None, typer.Argument(show_default=False)] = None,
) -> None:
    """List the rules, or explain one."""
    from kimitap.rules.table import explain

    if name is None:
        width = max(len(rule.name) for rule in RULES)
        for rule in RULES:
            click.echo(f"{rule.name:{width}}  {rule.severity:7}  {rule.summary}")
        return
    _names([name], {rule.name for rule in RULES})
    click.echo(explain(next(rule for rule in RULES if rule.name == name)))


@app.command()
def show(words: Words = None, db: Database = None) -> None:
    """Print the conversation for a pipe: all of it, or a session, a thread, an exchange."""
    from kimitap.transcript import plain, rows

    where, rest = _split(words, db)
    place = _one_place(rest)
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        if place and not place.kind and place.number not in analysis.turns:
            _print_exchange(recording, place.number)
            return
    threads = analysis.threads_at(place) if place else analysis.threads
    only = place.number if place and not place.kind else None
    for thread in threads:
        found = [f for f in analysis.findings if f.thread == thread.name]
        wanted = [r for r in rows(thread, found) if only is None or r.exchange == only]
        for line in plain(wanted):
            click.echo(line)
    if not place:
        _print_others(analysis)
    if not analysis.turns and not analysis.others:
        click.echo(f"{where}: the recording is empty")


def _print_exchange(recording: Recording, number: int) -> None:
    """An exchange that no dialect speaks: its two heads and bodies."""
    from kimitap.export.raw import as_text

    for line in as_text(recording.exchange(number)):
        click.echo(line)


def _print_others(analysis: Analysis) -> None:
    if not analysis.others:
        return
    click.echo("── other exchanges ──")
    for other in analysis.others.values():
        said = other.status if other.status is not None else other.outcome
        click.echo(f"#{other.number} {one_line(f'{other.method} {other.path}', 90)} → {said}")


@app.command()
def diff(
    places: Annotated[list[str], typer.Argument(metavar="[DB] PLACE [PLACE]")],
    db: Database = None,
) -> None:
    """Compare request N and its reply with request N+1: Markdown for a bug report.

    One PLACE is compared with the request that follows it (a thread or session: where it broke
    first); two exchanges are compared with each other. Secrets are masked.
    """
    where, rest = _split(places, db)
    if not 1 <= len(rest) <= 2:
        raise UsageError(
            "say one place or two: kimitap diff 41, kimitap diff 41 42, kimitap diff t7"
        )
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
    click.echo(report_on(analysis, [parse_place(word) for word in rest]), nl=False)


@app.command()
def record(
    upstream: Annotated[str, typer.Option(help="The server's URL, http://127.0.0.1:8080.")],
    listen: Annotated[str, typer.Option(help="HOST:PORT to listen on.")] = "127.0.0.1:9090",
    db: Database = None,
) -> None:
    """Stand between an agent and its server, and record what passes. Ctrl-C ends it."""
    from kimitap.recorder import run_proxy

    run_proxy(upstream, listen, location(db), say=click.echo)


@app.command("import")
def import_(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE…")],
    db: Database = None,
) -> None:
    """Add mitmproxy captures (.flow, .flow.xz) to a recording; what is there already is skipped."""
    from kimitap.recorder import import_capture

    where = location(db)
    for path in captures:
        done = import_capture(path, where)
        click.echo(f"{path}: {done.added} added to {where}, {done.skipped} already there")


@app.command()
def migrate(
    words: Annotated[list[str] | None, typer.Argument(metavar="[DB]", show_default=False)] = None,
    db: Database = None,
) -> None:
    """Bring a recording of an older Kimitap to this one's schema."""
    from kimitap.store import migrate as bring_up

    where, _ = _split(words, db)
    bring_up(where)
    click.echo(f"{where}: the schema is up to date")


if __name__ == "__main__":
    main()
