"""Deleting exchanges, with all that only they needed; what stays is as it was, byte for byte.

A recorder may write meanwhile: every transaction is short, and takes what the recorder added into
account. Whoever remembers ids forgets them, since each transaction begins another generation.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Integer, bindparam, select

from kimitap.errors import NoRecording, RecordingUnavailable, UsageError
from kimitap.store import manifest, opening, recovery, tables
from kimitap.store.census import Census, in_batches
from kimitap.store.driver import Driver
from kimitap.store.generation import begin_another, generation, moves
from kimitap.store.location import file_of, shown
from kimitap.store.repacking import Act, Repacker
from kimitap.store.times import to_us
from kimitap.store.trouble import translated
from kimitap.store.writing import RecordingWriter

LONGEST_S = 0.005
"""A transaction begins nothing more after so long: a recorder waits for it."""
READY_S = 0.05
"""How long is prepared what a transaction then does."""
HUSHED_S = 3.0
"""A recorder merges nothing for longer than this after a transaction that deletes."""
PAUSE_S = 0.03
"""How long a recorder that lives has the database to itself between two transactions: longer than
the naps in which SQLite waits for a lock."""

Step = Callable[[Connection], Act]
"""Prepares something with a connection that reads."""

_some = bindparam("ids", type_=Integer, expanding=True)
_exchange, _body = tables.exchange.c, tables.body.c
_still_open = (
    select(_exchange.id).where(_exchange.id.in_(_some), _exchange.ended_us.is_(None))
).order_by(_exchange.id)
_drop_exchanges = tables.exchange.delete().where(_exchange.id.in_(_some))
_drop_arrivals = tables.arrivals.delete().where(tables.arrivals.c.exchange_id.in_(_some))
_drop_bodies = tables.body.delete().where(_body.id.in_(_some))
_rewrite = (
    tables.body.update()
    .where(_body.id == bindparam("child"))
    .values(parent_id=bindparam("parent"), depth=bindparam("height"), manifest=bindparam("against"))
)
_depth = select(_body.depth).where(_body.id == bindparam("child"))
_EXCHANGES_AT_ONCE = 50
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many exchanges are gone; `compacted`: the file has shrunk, since nobody wrote to it."""

    exchanges: int
    compacted: bool


def delete(where: str, numbers: Iterable[int], pause_s: float = PAUSE_S) -> Deleted:
    """Delete these exchanges from the recording at `where`; those that are not there count not.

    Where a recorder lives, it has `pause_s` for itself after each transaction.
    Their numbers are never given again. Raises UsageError, and deletes nothing, where one of them
    is still in flight; NoRecording, NotARecording, OlderRecording, RecordingUnavailable.
    """
    wanted = sorted(set(numbers))
    with _deletion(where, pause_s) as deletion:
        deletion.demand_ended(wanted)
        deletion.demand_sound()
        count = deletion.exchanges(wanted)
        deletion.sweep()
        return Deleted(count, deletion.compact())


def sweep(where: str, pause_s: float = PAUSE_S) -> None:
    """Delete what a deletion that was ended too soon left behind. Raises as `delete` does."""
    with _deletion(where, pause_s) as deletion:
        deletion.sweep()


@contextmanager
def _deletion(where: str, pause_s: float) -> Iterator["_Deletion"]:
    path = file_of(where)
    if path is not None and not path.exists():
        raise NoRecording(f"there is no recording at {where}: name another")
    with translated(where), closing(opening.writer(where)) as connection:
        opening.demand_schema(where, connection)
        yield _Deletion(where, connection, pause_s)


class _Deletion:
    """The steps of one deletion."""

    def __init__(self, where: str, connection: Connection, pause_s: float) -> None:
        self._where = where
        self._pause_s = pause_s
        self._connection = connection
        self._driver = Driver(connection)
        self._generation = self._moves = -1
        self._census = Census()
        self._repacker = Repacker(self._census)
        if connection.dialect.name == "sqlite":
            for pragma in ("foreign_keys=OFF", "secure_delete=ON"):
                opening.pragma(connection, pragma)
        with connection.begin():
            self._shared = bool(self._writers())

    def demand_ended(self, numbers: Sequence[int]) -> None:
        """Refuse exchanges in flight; those whose recorder died are ended first."""
        if self._open(numbers):
            RecordingWriter(self._where).close()
        still = self._open(numbers)
        if still:
            named = ", ".join(f"#{number}" for number in still[:5])
            raise UsageError(
                f"{shown(self._where)}: {named} is still being recorded: wait for its end, or end "
                "the recorder"
            )

    def demand_sound(self) -> None:
        """Raise DamagedRecording before anything is gone: what is needed could not be told."""
        with closing(opening.reader(self._where)) as reader, reader.begin():
            Census().look(reader)

    def exchanges(self, numbers: Sequence[int]) -> int:
        """Delete the rows; how many there were."""
        gone = 0
        for at in range(0, len(numbers), _EXCHANGES_AT_ONCE):
            some = {"ids": numbers[at : at + _EXCHANGES_AT_ONCE]}
            with self._transaction():
                self._connection.execute(_drop_arrivals, some)
                gone += self._connection.execute(_drop_exchanges, some).rowcount
        return gone

    def sweep(self) -> None:
        """Delete what nothing needs now, until there is no such thing.

        What a recorder adds meanwhile may need another round; what is left at last, if anything, is
        left to the next deletion.
        """
        hush = False
        with closing(opening.reader(self._where)) as reader:
            while True:
                try:
                    self._sweep(reader, hush)
                except _Overtaken as by:
                    hush = by.merging
                else:
                    return

    def _sweep(self, reader: Connection, hush: bool) -> None:
        self._census = Census()
        self._repacker = Repacker(self._census)
        with reader.begin():
            self._generation = generation(Driver(reader))
            self._moves = moves(Driver(reader))
        self._take_census(reader, hush)
        for _ in range(_MOST_ROUNDS):
            steps = deque(self._steps())
            if not steps:
                return
            ready: deque[Act] = deque()
            while steps or ready:
                if not ready:
                    with reader.begin():
                        self._demand_alone(Driver(reader))
                        ready.extend(_some_of(steps, READY_S, lambda step: step(reader)))
                with self._transaction(alone=True):
                    self._census.look(self._connection)
                    for _done in _some_of(ready, LONGEST_S, lambda act: act(self._connection)):
                        pass
                    self._census.settle(self._connection)

    def _take_census(self, reader: Connection, hush: bool) -> None:
        """Look at all that is there. `hush`: have recorders merge nothing meanwhile, which they
        refrain from for a while after each transaction that deletes; another who deletes would have
        to begin again for it."""
        complete = False
        while not complete:
            if hush:
                with self._transaction(alone=True):
                    pass
            with reader.begin():
                self._demand_alone(Driver(reader))
                complete = self._census.look_ahead(reader, time.monotonic() + HUSHED_S)

    def compact(self) -> bool:
        """Give the space back where nobody else writes; True if that was possible.

        Beside a recorder what was deleted is overwritten, as soon as no reader needs it.
        """
        if self._connection.dialect.name != "sqlite":
            return False
        with suppress(RecordingUnavailable), translated(self._where):
            with self._connection.begin():
                shared = bool(self._writers())
            if not shared:
                opening.pragma(self._connection, "busy_timeout=1000")
                opening.shrink(self._connection)
                return True
            opening.empty_log(self._connection)
        return False

    def _steps(self) -> Iterator[Step]:
        """What is to be done, as the census stands; each step looks again whether it still is."""
        census, repacker = self._census, self._repacker
        for body in sorted(census.bodies):
            parent = census.parents[body]
            if parent is not None and parent not in census.bodies:
                yield _at_once(partial(self._adopt, body=body))
        unneeded = sorted(census.parents.keys() - census.bodies, reverse=True)
        for some in in_batches(unneeded):
            yield _at_once(partial(self._drop_bodies, bodies=some))
        spoilt = list(census.spoilt())
        for pack in spoilt:
            if census.live(pack):
                yield partial(repacker.rescue, pack=pack)
        known = set(spoilt)
        for pack in spoilt:
            for leaning in sorted(census.leaning[pack] - known):
                yield partial(repacker.release, pack=leaning)
        for pack in reversed(spoilt):  # those that lean first
            yield _at_once(partial(repacker.drop, pack=pack))

    def _adopt(self, connection: Connection, body: int) -> None:
        """Write a body against an ancestor that stays, or whole."""
        census = self._census
        parent = census.ancestor(body)
        if parent == census.parents[body]:
            return
        fresh = census.against(body, parent)
        depth = 0
        if parent is not None:
            depth = connection.execute(_depth, {"child": parent}).scalar_one() + 1
        values = {
            "child": body,
            "parent": parent,
            "height": depth,
            "against": manifest.pack(fresh),
        }
        connection.execute(_rewrite, values)
        census.rewrite(body, parent, fresh)

    def _drop_bodies(self, connection: Connection, bodies: Sequence[int]) -> None:
        census = self._census
        gone = []
        for body in bodies:  # the youngest first: children before parents
            if body in census.parents and body not in census.bodies and not census.children[body]:
                census.drop_body(body)
                gone.append(body)
        connection.execute(_drop_bodies, {"ids": gone})

    def _open(self, numbers: Sequence[int]) -> list[int]:
        with self._connection.begin():
            return [
                number
                for some in in_batches(numbers)
                for number in self._connection.execute(_still_open, {"ids": some}).scalars()
            ]

    def _writers(self) -> Sequence[object]:
        """The recorders that live. Refuses those of another Kimitap, which may not heed what is
        deleted; in a transaction."""
        living = recovery.living(self._connection, to_us(datetime.now(UTC)))
        for row in living:
            if row.version != recovery.version():
                raise RecordingUnavailable(
                    f"another version of Kimitap ({row.version}) records into "
                    f"{shown(self._where)}: end it first"
                )
        return living

    def _demand_alone(self, driver: Driver) -> None:
        """Raise _Overtaken where the census counts no more; in a transaction."""
        if generation(driver) != self._generation:
            raise _Overtaken(merging=False)
        if moves(driver) != self._moves:
            raise _Overtaken(merging=True)

    @contextmanager
    def _transaction(self, alone: bool = False) -> Iterator[None]:
        """A transaction that deletes; afterwards a recorder has its turn.

        `alone`: raises _Overtaken where somebody else has deleted, or moved pieces to other packs,
        since the one before.
        """
        with self._connection.begin():
            if alone:
                self._demand_alone(self._driver)
            yield
            self._generation = begin_another(self._connection)
        time.sleep(self._pause_s if self._shared else 0)


class _Overtaken(Exception):
    """Somebody else deletes from the recording, or moves pieces: the census counts no more."""

    def __init__(self, merging: bool) -> None:
        self.merging = merging
        """Whether pieces were moved, and nothing was deleted."""


def _at_once(act: Act) -> Step:
    """A step that needs no preparation."""
    return lambda _: act


def _some_of[T, R](waiting: deque[T], within_s: float, do: Callable[[T], R]) -> Iterator[R]:
    """Do what waits for a short while, one thing at least; what was done waits no more."""
    deadline = time.monotonic() + within_s
    while waiting:
        yield do(waiting.popleft())
        if time.monotonic() > deadline:
            return
