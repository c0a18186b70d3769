"""Processes that write a recording, and say after each step what has been promised."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

from kimitap.exchange import Outcome
from kimitap.store import RecordingWriter
from tests.support.requests_made import asked, conversation, reply

FLUSH = 6
"""Parts of a reply in one append."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def start(
    act: Callable[..., None], *arguments: object
) -> tuple[multiprocessing.Process, Connection]:
    """A process in which `act` runs; what it sends comes out of the connection."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=act, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours  # type: ignore[return-value]


def write_session(where: str, seed: int, turns: int, done: Connection) -> None:
    """Write a session; send ("begun", turn, number), ("appended", turn, parts), ("finished", turn).

    Every third exchange stays open while the next ones go on.
    """
    bodies = conversation(turns, seed, words=60)
    writer = RecordingWriter(where)
    done.send(("opened", 0, 0))
    for turn, body in enumerate(bodies):
        number = writer.begin(asked(body, turn))
        done.send(("begun", turn, number))
        parts = reply(1000 * seed + turn, events=30)
        for start in range(0, len(parts), FLUSH):
            writer.append(number, parts[start : start + FLUSH])
            done.send(("appended", turn, min(start + FLUSH, len(parts))))
        if turn % 3:
            writer.finish(number, Outcome.COMPLETE)
            done.send(("finished", turn, 0))
    writer.close()


def hold_one_open(where: str, done: Connection) -> None:
    """Begin an exchange, send its number, and wait for ever."""
    writer = RecordingWriter(where)
    number = writer.begin(asked(b'{"held":true}'))
    writer.append(number, [(0.5, b"half")])
    done.send(number)
    multiprocessing.Event().wait()
