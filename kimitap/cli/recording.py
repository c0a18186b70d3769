"""The commands that make or change a recording: record, import, demo, migrate."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from kimitap import amounts, recipes
from kimitap.cli.reading import read
from kimitap.cli.results import result_of
from kimitap.cli.screens import open_tui
from kimitap.cli.words import only_database, with_database
from kimitap.errors import CaptureError, ProxyError, UsageError
from kimitap.export.formats import FORMATS
from kimitap.interchange.incoming.detect import FORMATS as CAPTURES
from kimitap.store import file_of, location, shown
from kimitap.visible import one_line, visible

_BODILESS = "which the capture does not hold"
_LEFT_OUT = f"{_BODILESS} (mitmproxy's stream_large_bodies leaves them out)"


def _checked(
    read: Callable[[str], object],
) -> Callable[[click.Context, click.Parameter, str | None], str]:
    """What `read` takes for an amount, as it was typed; empty where nothing was."""

    def check(context: click.Context, param: click.Parameter, value: str | None) -> str:
        if value is not None:
            read(value)
        return value or ""

    return check


@click.command()
@click.option("--upstream", required=True, metavar="URL", help="The server: http://127.0.0.1:8080")
@click.option(
    "--listen",
    default="127.0.0.1:9090",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the agent will connect.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Listen where other machines can connect: all of them can use your server then.",
)
@click.option(
    "--keep",
    callback=_checked(amounts.age),
    metavar="AGE",
    help="Delete for good what is older, all the time: 30d, 12h, 2w.",
)
@click.option(
    "--max-size",
    callback=_checked(amounts.size),
    metavar="SIZE",
    help="Delete the oldest where more is in use: 5GB.",
)
@with_database
def record(
    upstream: str, listen: str, allow_remote: bool, keep: str, max_size: str, db: str | None
) -> None:
    """Stand between an agent and its server, and record what passes. Ctrl-C ends it.

    Everything is kept, unless --keep or --max-size says otherwise: then a process beside the
    recorder deletes what `kimitap prune` would, a little at a time.
    """
    from kimitap.recorder import demand_loopback, run_proxy

    if not allow_remote:
        demand_loopback(listen)
    where = location(db)
    if max_size and file_of(where) is None:
        raise UsageError(
            f"{shown(where)} is on a server, which has its own limits of size: say --keep"
        )

    def ready(url: str) -> None:
        click.echo(f"recording {upstream} into {shown(where)}")
        click.echo(f"ready: give your agent the base URL {url}/v1")
        click.echo(recipes.shown(url))

    run_proxy(
        upstream,
        listen,
        where,
        on_ready=ready,
        say=lambda line: click.echo(visible(line)),  # it may quote what a client or server sent
        keep=keep,
        max_size=max_size,
    )


@click.command("import")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@with_database
@click.option("--format", "kind", type=click.Choice(CAPTURES), help="Else told by the content.")
def import_(captures: Sequence[str], db: str | None, kind: str | None) -> int:
    """Add what other tools captured to a recording; what is there already is skipped.

    \b
    flow           mitmproxy's captures (also .flow.xz, .gz, .bz2)
    har            HAR 1.2, of browsers and proxies
    jsonl          what `kimitap export --format jsonl` wrote
    claude-tap     its traces: JSON lines, or a compact bundle
    kvprof         its traces: a file, or their folder
    llama-prompts  the folder of llama-server's --log-prompts-dir

    What a client believes (Roo Code's api_conversation_history.json) is no traffic: see `kimitap
    belief`. Exit status: 1 something could not be read, and was left out; 2 a capture is none.
    """
    where = location(db)
    return max(_imported(Path(path), where, kind) for path in captures)


def _imported(path: Path, where: str, kind: str | None) -> int:
    """The exit status of one capture: one that cannot be read does not keep the others out."""
    try:
        return _import(path, where, kind)
    except CaptureError as error:
        click.echo(f"kimitap: {one_line(str(error), 1000)}", err=True)
        return 1 if error.kept else 2


def _import(path: Path, where: str, kind: str | None) -> int:
    """Add one capture, and say what came of it; 1 where something of it was left out."""
    from kimitap.interchange.incoming import adding, detect

    found = kind or detect.kind_of(path)
    if found == detect.FLOW:
        from kimitap.recorder import import_capture

        flows = import_capture(path, where)
        _say_added(path, where, flows.added, flows.skipped)
        if flows.bodiless:
            click.echo(f"{path}: {flows.bodiless} of them without their bodies, {_LEFT_OUT}")
        return 0
    from kimitap.recorder.secret import digest_key

    done = adding.add(path, where, digest_key(), found)
    _say_added(path, where, done.added, done.skipped)
    if done.bodiless:
        click.echo(f"{path}: {done.bodiless} of them without a body, {_BODILESS}")
    for one in done.told:
        click.echo(f"{path}: {one.where} left out: {one_line(one.why, 300)}", err=True)
    if done.left_out > len(done.told):
        click.echo(f"{path}: {done.left_out - len(done.told)} more left out", err=True)
    return 1 if done.left_out else 0


def _say_added(path: Path, where: str, added: int, skipped: int) -> None:
    click.echo(f"{path}: {added} added to {shown(where)}, {skipped} already there")


@click.command()
@click.option("--llama", metavar="URL", help="A real llama-server instead of the scripted one.")
@click.option(
    "--db",
    metavar="PATH|URL",
    help="The database; else sessions/demo.db, in the place of the demo before.",
)
def demo(llama: str | None, db: str | None) -> None:
    """Watch an agent lose a tool turn, recorded and explained; no model and no key needed."""
    from kimitap.demo import DemoFailed
    from kimitap.demo import run as play

    where = db or _fresh(Path("sessions/demo.db"))
    try:
        play(where, click.echo, llama=llama)
    except DemoFailed as error:
        raise ProxyError(str(error)) from error
    click.echo(f"\nWhat `{_myself()} check {shown(where)}` says of it:\n")
    click.echo(FORMATS["text"](result_of(where, read(where))), nl=False)
    if sys.stdin.isatty() and sys.stdout.isatty():
        open_tui(where, None)
    else:
        click.echo(f"\nSee it in the screens: {_myself()} {shown(where)}")


def _myself() -> str:
    """The command that runs now, as one types it here: `kimitap`, or its path off PATH."""
    typed = Path(sys.argv[0])
    found = shutil.which("kimitap")
    if typed.name != "kimitap" or (found and Path(found).resolve() == typed.resolve()):
        return "kimitap"
    return str(typed)


def _fresh(path: Path) -> str:
    for old in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        old.unlink(missing_ok=True)
    return str(path)


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@with_database
def migrate(words: Sequence[str], db: str | None) -> None:
    """Bring a recording of an older Kimitap to this one's schema."""
    from kimitap.store import migrate as bring_up

    where = only_database(words, db, "migrate")
    done = bring_up(where)
    click.echo(f"{shown(where)}: {'migrated' if done else 'the schema was up to date already'}")
