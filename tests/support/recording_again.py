"""A recorder's process that writes a session, waits until it is told, and writes it again."""

from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from kimitap.exchange import Outcome
from kimitap.store import RecordingWriter
from tests.support.requests_made import asked, conversation, reply

SEED = 3
TURNS = 10


def write_twice(where: str, go_on: Event, done: Connection) -> None:
    """Send the numbers of the first writing, and after `go_on` those of the second."""
    with RecordingWriter(where) as writer:
        for last in (False, True):
            numbers = []
            for turn, body in enumerate(conversation(TURNS, SEED)):
                number = writer.begin(asked(body, turn))
                writer.append(number, reply(turn))
                writer.finish(number, Outcome.COMPLETE)
                numbers.append(number)
            done.send(numbers)
            if not last:
                go_on.wait()
