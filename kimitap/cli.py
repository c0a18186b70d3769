"""The `kimitap` command: the only place that prints.

Exit status: 0 all is well, 1 `check` found something at or above `--fail-on`, 2 it could not run.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

import kimitap
from kimitap import recipes
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
INTERRUPTED = 130


class _Group(click.Group):
    """Lets a database stand where a command is expected: `kimitap FILE` is `kimitap tui FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and _names_database(args[0]):
            args = ["tui", *args]
        return super().resolve_command(ctx, args)


def main() -> None:
    """Run the command line; every failure is one line on stderr and exit status 2."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command line and give its exit status."""
    try:
        status = app(list(words), prog_name="kimitap", standalone_mode=False)
    except KimitapError as error:
        return _refuse(str(error))
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        return _refuse(f"{error.format_message()}{hint}")
    except click.ClickException as error:
        return _refuse(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; Python would complain while flushing at exit.
        sys.stdout = None
        return 0
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    click.echo(f"kimitap: {one_line(message, 1000)}", err=True)
    return COULD_NOT_RUN


def _names_database(word: str) -> bool:
    return "://" in word or word.endswith(".db") or Path(word).is_file()


def _split(words: Sequence[str], db: str | None) -> tuple[str, list[str]]:
    """The database, and the words that are left: the first word may name the database."""
    rest = list(words)
    if rest and _names_database(rest[0]):
        if db is not None:
            raise UsageError(f"two databases named: {rest[0]} and --db {db}; say one")
        db = rest.pop(0)
    return location(db), rest


def _one_place(words: Sequence[str]) -> PlaceWord | None:
    if len(words) > 1:
        raise UsageError(f"one place at most, but got {' '.join(words)}")
    return parse_place(words[0]) if words else None


def _with_database[F: Callable[..., Any]](command: F) -> F:
    """The `--db` option, the same for all commands."""
    return click.option(
        "--db",
        metavar="PATH|URL",
        help="The database; else KIMITAP_DB, else sessions/kimitap.db.",
    )(command)


@click.group(cls=_Group, invoke_without_command=True)
@click.version_option(kimitap.__version__, message="kimitap %(version)s")
@_with_database
@click.pass_context
def app(context: click.Context, db: str | None) -> None:
    """Record what an LLM agent and its llama-server say, and see where the conversation broke.

    Without a command, opens the screens. A database may stand as the first word of tui, check,
    show and diff, and as the only word. Places are words: 41 an exchange, t7 a thread, s3 a
    session.
    """
    if context.invoked_subcommand is None:
        _open_tui(location(db), None)
    elif db is not None:
        raise UsageError(f"say --db after the command: kimitap {context.invoked_subcommand} --db …")


@app.command()
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@_with_database
def tui(words: Sequence[str], db: str | None) -> None:
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
@click.argument("words", nargs=-1, metavar="[DB]")
@_with_database
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
@click.option("--select", multiple=True, help="Only these rules: names, by comma or repeated.")
@click.option("--ignore", multiple=True, help="Not these rules: names, by comma or repeated.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="Exit with 1 from this severity on.",
)
def check(
    words: Sequence[str],
    db: str | None,
    as_json: bool,
    select: Sequence[str],
    ignore: Sequence[str],
    fail_on: str,
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


def _status(findings: Iterable[Finding], fail_on: str) -> int:
    if fail_on == "never":
        return 0
    least = Severity(fail_on).rank
    return int(any(f.severity.rank >= least for f in findings))


def _wanted(select: Sequence[str], ignore: Sequence[str]) -> set[str]:
    """The names of the rules to report; raises `UsageError` for a name that no rule has."""
    names = {rule.name for rule in RULES}
    return (_names(select, names) or names) - _names(ignore, names)


def _names(given: Sequence[str], known: set[str]) -> set[str]:
    asked = {name.strip() for word in given for name in word.split(",")} - {""}
    unknown = sorted(asked - known)
    if unknown:
        raise UsageError(f"no rule is named {unknown[0]}; `kimitap rules` lists them")
    return asked


@app.command()
@click.argument("name", required=False)
def rules(name: str | None) -> None:
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
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@_with_database
def show(words: Sequence[str], db: str | None) -> None:
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
@click.argument("words", nargs=-1, required=True, metavar="[DB] PLACE [PLACE]")
@_with_database
def diff(words: Sequence[str], db: str | None) -> None:
    """Compare request N and its reply with request N+1: Markdown for a bug report.

    One PLACE is compared with the request that follows it (a thread or session: where it broke
    first); two exchanges are compared with each other. Secrets are masked.
    """
    where, rest = _split(words, db)
    if not 1 <= len(rest) <= 2:
        raise UsageError(
            "say one place or two: kimitap diff 41, kimitap diff 41 42, kimitap diff t7"
        )
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
    click.echo(report_on(analysis, [parse_place(word) for word in rest]), nl=False)


@app.command()
@click.option("--upstream", required=True, metavar="URL", help="The server: http://127.0.0.1:8080")
@click.option(
    "--listen",
    default="127.0.0.1:9090",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the agent will connect.",
)
@_with_database
def record(upstream: str, listen: str, db: str | None) -> None:
    """Stand between an agent and its server, and record what passes. Ctrl-C ends it."""
    from kimitap.recorder import run_proxy

    where = location(db)

    def ready(url: str) -> None:
        click.echo(f"recording {upstream} into {where}")
        click.echo(f"ready: give your agent the base URL {url}/v1")
        click.echo(recipes.shown(url))

    run_proxy(upstream, listen, where, on_ready=ready, say=click.echo)


@app.command("import")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@_with_database
def import_(captures: Sequence[str], db: str | None) -> None:
    """Add mitmproxy captures (.flow, .flow.xz) to a recording; what is there already is skipped."""
    from kimitap.recorder import import_capture

    where = location(db)
    for path in captures:
        done = import_capture(Path(path), where)
        click.echo(f"{path}: {done.added} added to {where}, {done.skipped} already there")


@app.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@_with_database
def migrate(words: Sequence[str], db: str | None) -> None:
    """Bring a recording of an older Kimitap to this one's schema."""
    from kimitap.store import migrate as bring_up

    where, _ = _split(words, db)
    bring_up(where)
    click.echo(f"{where}: the schema is up to date")


if __name__ == "__main__":
    main()
