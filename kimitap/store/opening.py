"""Connections to a recording, for its writer and for its readers, and what may be wrong with it.

A SQLite recording is in WAL mode while it is written: a reader never waits for the writer. The
reader then needs the files `-wal` and `-shm` beside the database, which a read-only folder may not
offer; `reader` tries one way after another.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, column, create_engine, event, inspect, select, table
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import DBAPIError

from kimitap.errors import (
    NewerRecording,
    NoRecording,
    NotARecording,
    OlderRecording,
    RecordingUnavailable,
)
from kimitap.store.location import MAGIC, file_of, make_folder, shown
from kimitap.store.tables import SCHEMA, VERSION_TABLE
from kimitap.store.trouble import translated

_LOG_TRIES = 20
_LOG_NAP_S = 0.05
WRITER_PATIENCE_S = 30.0
"""How long a writer waits for another program's lock."""
READER_PATIENCE_S = 5.0

FIRST, _LIKE_FIRST = "0000", "0001"
"""The first schema, and what its recordings say that they have."""
_WAL = 2
_OUR_LOCK = int.from_bytes(b"kimitap")
PAGE_SIZE = 1024
_CAN_SHRINK = "PRAGMA auto_vacuum=INCREMENTAL"
"""For a new file, or one that is compacted next: it can give back pages later."""
_TRIM_PAGES = 1000
"""Pages given back in one transaction."""


def writer(where: str) -> Connection:
    """A connection that may write; its transactions are short, and take the lock at once.

    Makes the folder and the file if they are missing, for their owner only. Leaves a database that
    is not ours as it is. Raises NotARecording, NewerRecording or RecordingUnavailable.
    """
    path = file_of(where)
    if path is None:
        return _server(where, "READ COMMITTED", f"SELECT pg_advisory_xact_lock({_OUR_LOCK})")
    make(where, path)
    with translated(where):
        connection = _connection(lambda: _writable(path), "BEGIN IMMEDIATE")
        try:
            with connection.begin():
                if schema_of(where, connection) is None and inspect(connection).get_table_names():
                    raise not_ours(where)
            _persist(lambda: driver_of(connection).execute("PRAGMA journal_mode=WAL"))
        except BaseException:
            connection.close()
            raise
        return connection


def make(where: str, path: Path) -> None:
    """Make the file, and its folder, for their owner only; `where` names it in what is raised."""
    if path.is_dir():
        raise NotARecording(f"{where} is a folder: name the database inside it")
    try:
        make_folder(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        mend = "change the permissions of the file and of its folder, or name another with --db"
        if not isinstance(error, PermissionError):
            mend = "name another with --db"
        raise RecordingUnavailable(
            f"{where} cannot be written ({error.strerror}): {mend}"
        ) from error


def _writable(path: Path) -> sqlite3.Connection:
    connection = _sqlite(path, "mode=rw", WRITER_PATIENCE_S)
    connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        connection.execute(_CAN_SHRINK)  # of a file that is there it would write the head
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def pragma(connection: Connection, setting: str) -> None:
    """Set something of a SQLite connection that may not be set in a transaction: `name=value`."""
    driver_of(connection).execute(f"PRAGMA {setting}")


def setting(connection: Connection, name: str) -> int:
    """What a pragma of a SQLite connection says."""
    return int(driver_of(connection).execute(f"PRAGMA {name}").fetchone()[0])


def trim(connection: Connection, deadline: float) -> None:
    """Give back to the disk the pages that nothing is in, until `deadline` (`time.monotonic`).

    In short transactions: others may write. A file that an older Kimitap made keeps its free pages,
    for what is written next.
    """
    while (free := setting(connection, "freelist_count")) and time.monotonic() < deadline:
        driver_of(connection).execute(f"PRAGMA incremental_vacuum({_TRIM_PAGES})").fetchall()
        if setting(connection, "freelist_count") == free:
            return


def shrink(connection: Connection) -> None:
    """Compact a SQLite recording. Others may have it open, but nobody can write meanwhile."""
    driver_of(connection).execute(_CAN_SHRINK)
    driver_of(connection).execute("VACUUM")
    driver_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)")


def empty_log(connection: Connection) -> bool:
    """Move what the log of a SQLite recording holds into the file, beside others who write.

    Nobody waits longer than that takes. False where readers hindered it.
    """
    pragma(connection, "busy_timeout=0")
    for mode in ("PASSIVE", *["TRUNCATE"] * _LOG_TRIES):
        done = driver_of(connection).execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        if mode == "TRUNCATE" and not done[0]:
            return True
        time.sleep(_LOG_NAP_S)
    return False


def fold(connection: Connection) -> None:
    """Compact a SQLite recording into the one file, without a log beside it."""
    driver_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    driver_of(connection).execute("VACUUM")
    driver_of(connection).execute("PRAGMA journal_mode=DELETE")


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection to a SQLite recording."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _persist(act: Callable[[], object]) -> None:
    """Do what SQLite may refuse at once, without waiting, while another opens the same file."""
    deadline = time.monotonic() + WRITER_PATIENCE_S
    while True:
        try:
            act()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def reader(where: str) -> Connection:
    """A connection that only reads, to a recording of this schema.

    Raises NoRecording, NotARecording, OlderRecording, NewerRecording, RecordingUnavailable or
    DamagedRecording.
    """
    path = file_of(where)
    if path is None:
        return _checked(where, lambda: _server(where, "REPEATABLE READ"))
    mode = _journal_mode(where, path)
    ways = [lambda: _sqlite(path, "mode=ro", READER_PATIENCE_S)]
    if mode == _WAL:
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            ways.insert(0, lambda: _tidy(path))
        ways.append(lambda: _frozen(path))
    for way in ways[:-1]:
        try:
            return _checked(where, partial(_connection, way, "BEGIN"))
        except RecordingUnavailable:
            continue
    return _checked(where, partial(_connection, ways[-1], "BEGIN"))


def _journal_mode(where: str, path: Path) -> int:
    """The journal mode in the file's head: 1 or 2 (WAL)."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError as error:
        raise NoRecording(
            f"there is no recording at {where}: make one with `kimitap record`, or name another"
        ) from error
    except IsADirectoryError as error:
        raise NotARecording(f"{where} is a folder: name the database inside it") from error
    except OSError as error:
        raise RecordingUnavailable(
            f"{where} cannot be read ({error.strerror}): change its permissions, or name another"
        ) from error
    if not head:
        raise NotARecording(f"{where} is empty: it is no Kimitap recording; name another")
    if not head.startswith(MAGIC):
        raise NotARecording(
            f"{where} is no Kimitap recording: it is no SQLite database; name another"
        )
    return head[18]


def _tidy(path: Path) -> sqlite3.Connection:
    """May write by permission, does not by its own rule: so the last to close tidies up."""
    connection = _sqlite(path, "mode=rw", READER_PATIENCE_S)
    connection.execute("PRAGMA query_only=ON")
    return connection


def _frozen(path: Path) -> sqlite3.Connection:
    """For a folder where SQLite can make no files: the file alone, or a copy with its log."""
    log = path.with_name(path.name + "-wal")
    if not log.exists() or not log.stat().st_size:
        return _sqlite(path, "mode=ro&immutable=1", READER_PATIENCE_S)
    with tempfile.TemporaryDirectory(prefix="kimitap-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(log, copy.with_name(log.name))
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with sqlite3.connect(copy) as source:
            source.backup(memory)
        source.close()
    return memory


def _sqlite(path: Path, how: str, patience_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?{how}",
        uri=True,
        timeout=patience_s,
        isolation_level=None,
        check_same_thread=False,
    )


def _connection(connect: Callable[[], sqlite3.Connection], begin: str) -> Connection:
    """One SQLAlchemy connection whose transactions start with the statement `begin`.

    The driver is told directly: by SQLAlchemy it would take as long as all of a small transaction.
    """
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", partial(_begin, how=begin))
    return engine.connect()


def _begin(connection: Connection, how: str) -> None:
    try:
        driver_of(connection).execute(how)
    except sqlite3.Error as error:
        raise DBAPIError(how, None, error) from error


def _server(where: str, isolation: IsolationLevel, begin: str = "") -> Connection:
    """A connection to PostgreSQL. Writers take turns, as they do on SQLite: so exchanges become
    visible in the order of their numbers, and no two writers wait for one another.
    """
    with translated(where):
        try:
            engine = create_engine(where, poolclass=NullPool, isolation_level=isolation)
            if begin:
                event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
            return engine.connect()
        except ModuleNotFoundError as error:
            raise RecordingUnavailable(
                f"{shown(where)} needs a driver: install the package {error.name}"
            ) from error


def _checked(where: str, connect: Callable[[], Connection]) -> Connection:
    with translated(where):
        connection = connect()
        try:
            demand_schema(where, connection)
        except BaseException:
            connection.close()
            raise
        return connection


def demand_schema(where: str, connection: Connection) -> None:
    """Raise OlderRecording, NewerRecording or NotARecording unless the schema is `SCHEMA`."""
    with connection.begin():
        found = schema_of(where, connection)
    if found is None:
        raise not_ours(where)
    if found < SCHEMA:
        raise OlderRecording(
            f"{shown(where)} was written by an older Kimitap: run `kimitap migrate {shown(where)}`"
        )


def schema_of(where: str, connection: Connection) -> str | None:
    """The schema's revision, None where there is none; in a transaction. Raises NewerRecording."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    if found is not None and str(found) > SCHEMA:
        raise NewerRecording(
            f"{shown(where)} was written by a newer Kimitap (schema {found}, this one knows "
            f"{SCHEMA}): update Kimitap"
        )
    return FIRST if str(found) == _LIKE_FIRST and _is_first(connection) else found and str(found)


def _is_first(connection: Connection) -> bool:
    """Whether a response points at a body: so it did for an hour before there were two schemas."""
    if connection.dialect.name != "sqlite":
        return False
    points = connection.exec_driver_sql(
        "SELECT \"table\" FROM pragma_foreign_key_list('exchange') WHERE \"from\" = 'response_id'"
    )
    return points.scalar() == "body"


def not_ours(where: str) -> NotARecording:
    """What to raise for a database that holds something else."""
    return NotARecording(f"{shown(where)} is a database, but no Kimitap recording: name another")
