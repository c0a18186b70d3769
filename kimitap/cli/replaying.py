"""The command that sends a recorded request again: replay."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
import orjson

from kimitap.amounts import counted, in_words
from kimitap.analysis import Analysis
from kimitap.cli.consent import demand_sending
from kimitap.cli.progress import Line
from kimitap.cli.words import split, with_database
from kimitap.errors import UsageError
from kimitap.exchange import Exchange, Outcome
from kimitap.lineage import Session
from kimitap.places import parse_place
from kimitap.redact import mask_text
from kimitap.replay.comparing import (
    RECORDED,
    Group,
    Loop,
    comparison_lines,
    differs,
    loop_of,
    proves_nothing,
)
from kimitap.replay.comparing import as_json as groups_as_json
from kimitap.replay.editing import changed, pretty, written
from kimitap.replay.experiment import Variant, Wish, body_of, run, variants
from kimitap.replay.outgoing import parse_header
from kimitap.replay.repair import Gap, gaps, repaired
from kimitap.replay.sending import Progress
from kimitap.replay.shape import Shape, shape_of
from kimitap.replay.telling import off_machine, plan_lines, question
from kimitap.store import Recording, RecordingWriter, location, shown
from kimitap.tui.handing_out import write_new
from kimitap.visible import one_line

MOST_RUNS = 10_000
INTERRUPTED = 130


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[DB] TURN")
@with_database
@click.option("--server", metavar="URL", help="Send it there; else to the host that had it.")
@click.option("--against", metavar="URL", help="Send it to this server, too, and compare the two.")
@click.option("-n", "--runs", default=1, type=click.IntRange(1, MOST_RUNS), help="So many times.")
@click.option("--stream/--no-stream", default=None, help="Ask for a stream, or for none.")
@click.option("--both", is_flag=True, help="Ask for a stream and for none, and compare the two.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="A.B=VALUE",
    help="Change the body first: JSON, else a text. messages.0.content=… for a list's element.",
)
@click.option("--unset", "unsets", multiple=True, metavar="A.B", help="Take a field out first.")
@click.option("--edit", is_flag=True, help="Change the body in $EDITOR first.")
@click.option(
    "--repair", is_flag=True, help="Put back the replies and results that the request lost."
)
@click.option("--result", metavar="TEXT", help="With --repair: for results that nobody recorded.")
@click.option("--control", is_flag=True, help="Send it unchanged, too, and compare the two.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Send this header, a key for one: it is recorded masked. Without VALUE: leave it out.",
)
@click.option(
    "-o", "--output", metavar="DB", help="Record the answers there, and not in the same recording."
)
@click.option("--yes", is_flag=True, help="Do not ask before it leaves this machine.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def replay(
    words: Sequence[str],
    db: str | None,
    server: str | None,
    against: str | None,
    runs: int,
    stream: bool | None,
    both: bool,
    sets: Sequence[str],
    unsets: Sequence[str],
    edit: bool,
    repair: bool,
    result: str | None,
    control: bool,
    headers: Sequence[str],
    output: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Send a recorded request again and compare the answers: kimitap replay 41 -n 10.

    Byte for byte as it was recorded, unless something is changed. The answers are recorded, as
    replays beside the conversation (header X-Kimitap-Replay), and compared with the recorded one:
    tool calls, finish reason, ids, leaked markers, tokens, times. Keys were masked when the request
    was recorded: --header gives them, or OPENAI_API_KEY, ANTHROPIC_API_KEY for the host that had
    them. Exit status: 0 sent and compared, 2 it could not
    be, 130 broken off: what came by then is recorded.
    """
    if both and stream is not None:
        raise UsageError("say --both, or one of --stream and --no-stream")
    where, rest = split(words, db)
    if len(rest) != 1:
        raise UsageError("say which turn: kimitap replay 41")
    exchange, lacking, bodies = _wanted(where, rest[0], sets, unsets, edit, repair, result)
    if control and not bodies:
        raise UsageError("--control sends the unchanged request beside a changed one: change it")
    wish = Wish(
        bodies=bodies,
        plain=control,
        streams=(True, False) if both else () if stream is None else (stream,),
        servers=(server, against) if against is not None else (server,),
        given=tuple(parse_header(text) for text in headers),
        environment=os.environ,
        elsewhere=output is not None,
    )
    tried = variants(exchange, wish)
    _announce(tried, runs, lacking, yes=yes, quiet=as_json)
    into = where if output is None else location(output)
    return _carry_out(exchange, tried, runs, lacking, (where, into), as_json)


def _wanted(
    where: str,
    word: str,
    sets: Sequence[str],
    unsets: Sequence[str],
    edit: bool,
    repair: bool,
    result: str | None,
) -> tuple[Exchange, Sequence[Gap], dict[str, bytes]]:
    """The exchange, what is put back into it, and its body as changed, by what was done to it."""
    if result is not None and not repair:
        raise UsageError("--result belongs to --repair: it stands for a result that is put back")
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        turn = analysis.turn_at(parse_place(word))
        exchange = recording.exchange(turn.exchange)
    if not (sets or unsets or edit or repair):
        return exchange, (), {}
    lacking: Sequence[Gap] = ()
    before = body = body_of(exchange)
    if repair:
        lacking = gaps(_session(analysis, turn.exchange), turn.exchange, result)
        body = repaired(turn, body, lacking)
    put_back = body
    body = changed(body, sets, unsets)
    if edit:
        body = _edited(body, exchange.number)
    if body == before:
        click.echo("nothing differs from what was recorded: it is sent unchanged", err=True)
        return exchange, (), {}
    done = [word for word, so in (("repaired", repair), ("edited", body != put_back)) if so]
    return exchange, lacking, {" and ".join(done): body}


def _session(analysis: Analysis, exchange: int) -> Session:
    """The session that a turn belongs to."""
    thread = analysis.thread_of(exchange)
    return next(session for session in analysis.sessions if thread in session.threads)


def _edited(body: bytes, number: int) -> bytes:
    """The body as the user's editor left it. What is no JSON is kept in a file for him."""
    text = click.edit(pretty(body), extension=".json")
    if text is None:
        raise UsageError("nothing was changed, so nothing was sent")
    try:
        made = written(text, body)
    except UsageError as error:
        path = write_new(Path.cwd(), f"kimitap-edited-{number}", text, ".json")
        raise UsageError(f"{error}; your text is in {path.name}") from error
    if made is None:
        raise UsageError("nothing was changed, so nothing was sent")
    return made


def _announce(
    tried: Sequence[Variant], runs: int, lacking: Sequence[Gap], *, yes: bool, quiet: bool
) -> None:
    """Say what is sent; ask before it leaves this machine. Raises `UsageError` without a yes."""
    for line in plan_lines(tried, runs, lacking):
        click.echo(line, err=quiet)
    away = off_machine(tried)
    demand_sending(question(away), away, yes)


def _carry_out(
    exchange: Exchange,
    tried: Sequence[Variant],
    runs: int,
    lacking: Sequence[Gap],
    places: tuple[str, str],
    as_json: bool,
) -> int:
    """Send, record and compare; the exit status."""
    came: list[Exchange] = []
    total = runs * len(tried)

    progress = Line()

    def tell(name: str, answer: Exchange, shape: Shape) -> None:
        progress.clear()
        came.append(answer)
        named = f" {name}" if len(tried) > 1 else ""
        click.echo(f"run {len(came)} of {total}{named}: {_in_short(answer, shape)}", err=as_json)

    with RecordingWriter(places[1]) as writer:
        groups = run(tried, runs, writer, done=tell, heard=lambda far: progress.show(_so_far(far)))
    recorded = Group(RECORDED, "", (shape_of(exchange),))
    loops = [loop for group in (recorded, *groups) if (loop := loop_of(group, lacking))]
    if all(answer.outcome is Outcome.REFUSED for answer in came):
        raise UsageError(_unreachable(tried, came[-1]))
    if as_json:
        _print_json(exchange, places, (recorded, *groups), loops)
    else:
        _print_text(exchange, places, (recorded, *groups), loops)
    return INTERRUPTED if came[-1].outcome is Outcome.CLIENT_HUNG_UP else 0


def _so_far(far: Progress) -> str:
    """What came of an answer that is still under way."""
    if not far.size:
        return f"{far.after_s:.0f} s: nothing came yet; Ctrl-C hangs up"
    events = f"{counted(far.events, 'event')}, " if far.events else ""
    return f"{far.after_s:.0f} s: {events}{in_words(far.size)}; Ctrl-C hangs up"


def _unreachable(tried: Sequence[Variant], answer: Exchange) -> str:
    origins = " and ".join(dict.fromkeys(variant.request.origin for variant in tried))
    why = f"cannot be reached ({answer.detail}): is the server running?"
    return f"{origins} {why} Say another with --server"


def _in_short(answer: Exchange, shape: Shape) -> str:
    """One run in a few words."""
    if answer.status is None or answer.outcome is Outcome.CLIENT_HUNG_UP:
        said = f"{answer.outcome}: {one_line(answer.detail, 200)}"
    else:
        calls = ", ".join(one_line(call.name, 60) for call in shape.calls)
        reason = shape.finish_reason or shape.error or shape.ending
        said = " ".join(filter(None, (str(answer.status), one_line(reason, 200), calls)))
    return f"exchange {answer.number}: {mask_text(said)} in {shape.duration_s or 0:.2f} s"


def _print_text(
    exchange: Exchange,
    places: tuple[str, str],
    groups: Sequence[Group],
    loops: Sequence[Loop],
) -> None:
    click.echo(f"\nthe reply of exchange {exchange.number} and {_replays(groups)}:")
    for line in comparison_lines(groups):
        click.echo(line)
    for loop in loops:
        said = f"{loop.repeats} of {loop.replied} replies make again a call that was put back"
        click.echo(f"{loop.group}: {loop.verdict}{f': {said}' if loop.replied else ''}")
    if proves_nothing(loops):
        click.echo("the unchanged request ends the loop, too: here the repair proves nothing")
    made = [shape.exchange for group in groups[1:] for shape in group.runs]
    told = f"recorded into {shown(places[1])}: {_exchanges(made)}"
    if places[0] == places[1]:
        told += f"; kimitap diff {shown(places[0])} {exchange.number} {made[0]} shows both"
    click.echo(told)


def _replays(groups: Sequence[Group]) -> str:
    runs = sum(len(group.runs) for group in groups[1:])
    return "its replay" if runs == 1 else f"its {runs} replays"


def _exchanges(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"exchange {numbers[0]}"
    return f"exchanges {min(numbers)} to {max(numbers)}"


def _print_json(
    exchange: Exchange,
    places: tuple[str, str],
    groups: Sequence[Group],
    loops: Sequence[Loop],
) -> None:
    recorded, *sent = groups_as_json(groups)
    document = {
        "database": shown(places[0]),
        "replay_of": exchange.number,
        "recorded_into": shown(places[1]),
        "recorded": recorded,
        "replays": sent,
        "differs": differs(groups),
        "loop": [
            {
                "group": loop.group,
                "runs": loop.runs,
                "replied": loop.replied,
                "repeats": loop.repeats,
                "verdict": loop.verdict,
            }
            for loop in loops
        ],
        "proves_nothing": proves_nothing(loops),
    }
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
