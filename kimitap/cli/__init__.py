"""The `kimitap` command: the only room that prints.

Exit status: 0 all is well, 1 `check` found something at or above `--fail-on`, 2 it could not run.
"""

import io
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

import click

import kimitap
from kimitap.cli.words import names_database, with_database, with_server
from kimitap.errors import KimitapError, UsageError
from kimitap.store import location
from kimitap.visible import one_line

COULD_NOT_RUN = 2
INTERRUPTED = 130


class Named(NamedTuple):
    """A command that is not loaded yet: where it is defined, and its line in the help."""

    home: str
    function: str
    summary: str


COMMANDS: Mapping[str, Named] = {
    "backup": Named("keeping", "backup", "Copy a recording to a new file, while it is written."),
    "belief": Named("believing", "belief", "Compare a client's own history with the wire."),
    "check": Named("checking", "check", "Say what broke: every finding, its place and what to do."),
    "delete": Named("deleting", "delete", "Take sessions out of a recording for good."),
    "demo": Named("recording", "demo", "Watch an agent lose a tool turn: no model, no key."),
    "diff": Named("diffing", "diff", "Compare two requests, sessions or sets of runs."),
    "doctor": Named("doctoring", "doctor", "Say what keeps you from recording, and what to do."),
    "export": Named("exporting", "export", "Write a recording for other tools: HAR, OTLP, …"),
    "import": Named("recording", "import_", "Add what other tools captured to a recording."),
    "migrate": Named("recording", "migrate", "Bring an older Kimitap's recording to this schema."),
    "prune": Named("keeping", "prune", "Delete the oldest, by age or down to a size."),
    "record": Named("recording", "record", "Stand between an agent and its server, and record."),
    "replay": Named("replaying", "replay", "Send a recorded request again; compare the answers."),
    "report": Named("reporting", "report", "Make a report on a finding that anyone can run."),
    "rules": Named("checking", "rules", "List the rules, or explain one."),
    "run": Named("running", "run", "Run a command behind a recorder, and say what broke."),
    "serve-recording": Named("serving", "serve_recording", "Answer as the recorded server did."),
    "show": Named("reading", "show", "Print the conversation for a pipe."),
    "shrink": Named("shrinking", "shrink", "Write the smallest recording that shows a finding."),
    "status": Named("keeping", "status", "Say who records now, what is open, what was lost."),
    "tui": Named("screens", "tui", "Open the screens: the conversation, and where it broke."),
    "verify": Named("keeping", "verify", "Look whether all of a recording is there, and right."),
    "web": Named("web", "web", "Serve the screens to a browser on this machine."),
}
"""Every command by its name. A line here is all that a new one needs: a command is loaded when it
is run, since what most of them need takes a second or two to load."""


class _Group(click.Group):
    """Loads the command that is run, and no other.

    Lets a database stand where a command is expected: `kimitap FILE` is `kimitap tui FILE`.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        named = COMMANDS.get(cmd_name)
        if named is None:
            return None
        found = getattr(import_module(f"kimitap.cli.{named.home}"), named.function)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in sorted(COMMANDS)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and names_database(args[0]):
            args = ["tui", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, invoke_without_command=True)
@click.version_option(kimitap.__version__, message="kimitap %(version)s")
@with_database
@with_server
@click.pass_context
def app(context: click.Context, db: str | None, server: str | None) -> None:
    """Record what an LLM agent and its llama-server say, and see where the conversation broke.

    Without a command, opens the screens. A database may stand as the only word, and as the first
    word of every command that reads one. Places are words: 41 an exchange, t7 a thread, s3 a
    session.
    """
    if context.invoked_subcommand is None:
        from kimitap.cli.screens import open_tui
        from kimitap.settings import settings_here

        open_tui(location(db), None, settings_here().choice, server)
    for name, value in (("--db", db), ("--ask-server", server)):
        if context.invoked_subcommand is not None and value is not None:
            said = f"kimitap {context.invoked_subcommand} {name} …"
            raise UsageError(f"say {name} after the command: {said}")


def main() -> None:
    """Run the command line; every failure is one line on stderr and exit status 2.

    What the terminal's encoding lacks is written as an escape, and never fails.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command line and give its exit status."""
    try:
        with app.make_context("kimitap", list(words)) as context:
            status = app.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
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
        sys.stdout = None  # else Python complains while it flushes at exit
        return 0
    except OSError as error:  # a full disk under stdout, a folder that was taken away
        sys.stdout = None
        named = error.filename or "the output"
        return _refuse(f"{named} cannot be read or written: {error.strerror or error}")
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    click.echo(f"kimitap: {one_line(message, 1000)}", err=True)
    return COULD_NOT_RUN
