"""`kimitap record` that cannot start: one line, status 2. Real processes."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kimitap.store import RecordingWriter
from tests.support.proxy import environment, free_port

DEAD = "http://127.0.0.1:1"


def record(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`kimitap record` with these words, which must end by itself; its files lie under `home`."""
    return subprocess.run(
        [sys.executable, "-m", "kimitap.cli", "record", *words],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def folder(at: Path) -> Path:
    return at


def notes(at: Path) -> Path:
    (at / "notes.txt").write_text("my notes\n" * 50)
    return at / "notes.txt"


def other_database(at: Path) -> Path:
    with closing(sqlite3.connect(at / "other.db")) as database:
        database.execute("CREATE TABLE stamps (country TEXT)")
    return at / "other.db"


def newer(at: Path) -> Path:
    RecordingWriter(str(at / "newer.db")).close()
    with closing(sqlite3.connect(at / "newer.db", isolation_level=None)) as database:
        database.execute("UPDATE kimitap_version SET version_num = '9999'")
    return at / "newer.db"


def below_a_file(at: Path) -> Path:
    (at / "file").touch()
    return at / "file" / "kimitap.db"


def forbidden(at: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("nothing is forbidden to root")
    notes(at).chmod(0)
    return at / "notes.txt"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (folder, " is a folder: name the database inside it"),
        (notes, "notes.txt is no Kimitap recording: it is no SQLite database"),
        (other_database, "other.db is a database, but no Kimitap recording"),
        (newer, "newer.db was written by a newer Kimitap"),
        (below_a_file, "kimitap.db cannot be written"),
        (forbidden, "notes.txt cannot be written"),
    ],
)
def test_a_place_that_cannot_be_recorded_into_is_one_line(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    where = make(tmp_path)
    before = where.read_bytes() if where.is_file() and os.access(where, os.R_OK) else b""
    words = ("--upstream", DEAD, "--listen", f"127.0.0.1:{free_port()}", "--db", str(where))
    done = record(tmp_path / "home", *words)
    assert_one_line(done, said)
    assert (where.read_bytes() if before else b"") == before


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("foo://bar", "foo://bar is no database URL"),
        ("postgresql+psycopg://me:geheim@127.0.0.1:1/x", "postgresql+psycopg://me:***@127.0.0.1"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_database_url_that_leads_nowhere_is_one_line(
    tmp_path: Path, where: str, said: str
) -> None:
    words = ("--upstream", DEAD, "--listen", f"127.0.0.1:{free_port()}", "--db", where)
    done = record(tmp_path, *words)
    assert_one_line(done, said)
    assert "geheim" not in done.stderr


@pytest.mark.parametrize(
    ("upstream", "listen", "said"),
    [
        ("ftp://h", "127.0.0.1:0", "'ftp://h' is no upstream"),
        ("http://h/v1", "127.0.0.1:0", "has a path"),
        (DEAD, "nowhere", "'nowhere' is no address to listen on"),
        (DEAD, "0.0.0.0:9090", "0.0.0.0 can be reached by other machines"),
        (DEAD, "[::]:9090", "or say --allow-remote if that is meant"),
        (DEAD, "192.0.2.1:9090 --allow-remote", "192.0.2.1 is no address of this machine"),
        (DEAD, "no-such-host.invalid:9090", "no-such-host.invalid is no address of this machine"),
    ],
)
def test_an_address_that_is_none_is_one_line_and_makes_no_recording(
    tmp_path: Path, upstream: str, listen: str, said: str
) -> None:
    where = tmp_path / "kimitap.db"
    words = ("--upstream", upstream, "--listen", *listen.split(), "--db", str(where))
    assert_one_line(record(tmp_path, *words), said)
    assert not where.exists()


def test_a_port_in_use_is_one_line_and_makes_no_recording(tmp_path: Path) -> None:
    where = tmp_path / "kimitap.db"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ("--upstream", DEAD, "--listen", f"127.0.0.1:{port}", "--db", str(where))
        assert_one_line(record(tmp_path, *words), f"port {port} is in use on 127.0.0.1")
    assert not where.exists()


def assert_one_line(done: subprocess.CompletedProcess[str], said: str) -> None:
    """Status 2, nothing on stdout, and exactly one line on stderr."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("kimitap: ")
    assert said in done.stderr
