"""The `kimitap` command: the only room that prints.

Exit status: 0 all is well, 1 `check` found something at or above `--fail-on`, 2 it could not run.
"""

import io
import sys
from collections.abc import Sequence

import click

import kimitap
from kimitap.cli import checking, deleting, reading, recording, results, web
from kimitap.cli.rendering import with_server
from kimitap.cli.words import names_database, with_database
from kimitap.errors import KimitapError, UsageError
from kimitap.settings import settings_here
from kimitap.store import location
from kimitap.visible import one_line

COULD_NOT_RUN = 2
INTERRUPTED = 130


class _Group(click.Group):
    """Lets a database stand where a command is expected: `kimitap FILE` is `kimitap tui FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and names_database(args[0]):
            args = ["tui", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, invoke_without_command=True)
@click.version_option(kimitap.__version__, message="kimitap %(version)s")
@with_database
@with_server
@click.pass_context
def app(context: click.Context, db: str | None, server: str | None) -> None:
    """Record what an LLM agent and its llama-server say, and see where the conversation broke.

    Without a command, opens the screens. A database may stand as the first word of tui, web,
    check, show and diff, and as the only word. Places are words: 41 an exchange, t7 a thread, s3 a
    session.
    """
    if context.invoked_subcommand is None:
        reading.open_tui(location(db), None, settings_here().choice, server)
    for name, value in (("--db", db), ("--ask-server", server)):
        if context.invoked_subcommand is not None and value is not None:
            said = f"kimitap {context.invoked_subcommand} {name} …"
            raise UsageError(f"say {name} after the command: {said}")


for _command in (
    recording.record,
    recording.import_,
    checking.check,
    reading.show,
    reading.diff,
    reading.tui,
    web.web,
    checking.rules,
    recording.demo,
    recording.migrate,
    deleting.delete,
):
    app.add_command(_command)


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
        results.close_stdout()
        return 0
    except OSError as error:  # a full disk under stdout, a folder that was taken away
        results.close_stdout()
        named = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{named}{error.strerror or error}")
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    click.echo(f"kimitap: {one_line(message, 1000)}", err=True)
    return COULD_NOT_RUN
