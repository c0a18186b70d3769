import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kimitap.errors import (
    DamagedRecording,
    KimitapError,
    NewerRecording,
    NoRecording,
    NotARecording,
    OlderRecording,
    RecordingUnavailable,
    UsageError,
)
from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter, location, migrate, seal
from kimitap.store import opening as opening_module
from tests.support.requests_made import asked, conversation, reply

NOBODY = 65534


@pytest.fixture
def where(tmp_path: Path) -> str:
    """A recording of three exchanges."""
    where = str(tmp_path / "k.db")
    with RecordingWriter(where) as writer:
        for turn, body in enumerate(conversation(3)):
            number = writer.begin(asked(body))
            writer.append(number, reply(turn))
            writer.finish(number, Outcome.COMPLETE)
    return where


def one_line(error: pytest.ExceptionInfo[KimitapError], *words: str) -> bool:
    said = str(error.value)
    return "\n" not in said and all(word in said for word in words)


def test_the_option_wins_then_the_variable_then_the_default(monkeypatch):
    monkeypatch.delenv("KIMITAP_DB", raising=False)
    assert location(None) == "sessions/kimitap.db"
    monkeypatch.setenv("KIMITAP_DB", "from/variable.db")
    assert location(None) == "from/variable.db"
    assert location("postgresql://team/db") == "postgresql://team/db"


@pytest.mark.parametrize("opened", [Recording.open, seal, migrate])
def test_a_missing_file_is_said_and_not_made(tmp_path: Path, opened):
    missing = tmp_path / "none.db"
    with pytest.raises(NoRecording) as error:
        opened(str(missing))
    assert one_line(error, "none.db")
    assert not missing.exists()


@pytest.mark.parametrize("opened", [Recording.open, RecordingWriter])
def test_a_folder_is_no_recording(tmp_path: Path, opened):
    with pytest.raises(NotARecording) as error:
        opened(str(tmp_path))
    assert one_line(error, "is a folder", "name the database inside it")


@pytest.mark.parametrize("opened", [Recording.open, RecordingWriter])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, opened):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like one" * 100)
    before = path.read_bytes()
    with pytest.raises(NotARecording) as error:
        opened(str(path))
    assert one_line(error, "notes.txt", "no SQLite database")
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("opened", [Recording.open, RecordingWriter])
def test_another_programs_database_is_left_alone(tmp_path: Path, opened):
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE exchange (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NotARecording) as error:
        opened(str(path))
    assert one_line(error, "places.sqlite", "no Kimitap recording")
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path]


def test_an_empty_file_becomes_a_recording_but_is_none_yet(tmp_path: Path):
    path = tmp_path / "k.db"
    path.touch()
    with pytest.raises(NotARecording):
        Recording.open(str(path))
    with RecordingWriter(str(path)) as writer:
        assert writer.begin(asked(b"{}")) == 1


def set_schema(where: str, version: str) -> None:
    with sqlite3.connect(where) as connection:
        connection.execute("UPDATE kimitap_version SET version_num = ?", (version,))
    connection.close()


def test_an_older_schema_says_which_command_mends_it(where: str):
    set_schema(where, "000")
    with pytest.raises(OlderRecording) as error:
        Recording.open(where)
    assert one_line(error, f"kimitap migrate {where}")


@pytest.mark.parametrize("opened", [Recording.open, RecordingWriter, migrate, seal])
def test_a_newer_schema_is_refused_and_left_alone(where: str, opened):
    set_schema(where, "9999")
    before = Path(where).read_bytes()
    with pytest.raises(NewerRecording) as error:
        opened(where)
    assert one_line(error, "update Kimitap", "9999")
    assert Path(where).read_bytes() == before


@pytest.mark.parametrize("opened", [RecordingWriter, migrate])
def test_a_schema_that_no_kimitap_made_is_said(where: str, opened):
    set_schema(where, "000")
    with pytest.raises(NotARecording) as error:
        opened(where)
    assert one_line(error, "schema 000,", "restore it from a copy")


def test_migrating_what_is_up_to_date_does_nothing(where: str):
    seal(where)
    before = Path(where).read_bytes()
    assert migrate(where) is False
    assert Path(where).read_bytes() == before


def test_a_lock_is_waited_for_and_then_said(where: str, monkeypatch):
    monkeypatch.setattr(opening_module, "WRITER_PATIENCE_S", 0.2)
    with RecordingWriter(where) as writer, sqlite3.connect(where) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordingUnavailable) as error:
            writer.begin(asked(b"{}"))
        assert one_line(error, "locked by another program")
        with Recording.open(where) as recording:
            assert len(recording.numbers()) == 3
        other.rollback()
        assert writer.begin(asked(b"{}")) == 4


def test_a_full_disk_is_said_and_costs_nothing_that_was_written(where: str):
    bodies = conversation(6)
    with RecordingWriter(where) as writer:
        driver = writer._connection.connection.dbapi_connection
        pages = driver.execute("PRAGMA page_count").fetchone()[0]
        driver.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(RecordingUnavailable) as error:
            for body in conversation(50, seed=5):
                writer.begin(asked(body))
        assert one_line(error, "the disk is full")
        driver.execute("PRAGMA max_page_count=1000000")
        number = writer.begin(asked(bodies[5]))
    with Recording.open(where) as recording:
        assert recording.exchange(number).request.content == bodies[5]
        assert [read.request.content for read in recording.exchanges()][:3] == bodies[:3]


def test_a_damaged_piece_is_said(where: str):
    with sqlite3.connect(where) as connection:
        connection.execute("UPDATE piece SET start = start + 1 WHERE id = 2")
    connection.close()
    with Recording.open(where) as recording, pytest.raises(DamagedRecording) as error:
        list(recording.exchanges())
    assert one_line(error, "k.db is damaged", "piece 2")


@pytest.mark.parametrize("table", ["piece", "pack", "body"])
def test_a_missing_row_is_said(where: str, table: str):
    with sqlite3.connect(where) as connection:
        connection.execute(f"DELETE FROM {table} WHERE id = 1")
    connection.close()
    with Recording.open(where) as recording, pytest.raises(DamagedRecording) as error:
        list(recording.exchanges())
    assert one_line(error, f"{table} 1 is missing")


def test_damaged_pages_are_said(where: str):
    data = bytearray(Path(where).read_bytes())
    for page in range(2, len(data) // 1024):
        data[page * 1024 : page * 1024 + 64] = b"\xee" * 64
    Path(where).write_bytes(data)
    with pytest.raises(DamagedRecording) as error, Recording.open(where) as recording:
        list(recording.exchanges())
    assert one_line(error, "is damaged")


@pytest.mark.parametrize(
    "url", ["nonsense://", "sqlite://", "sqlite:///:memory:", "postgresql://:::", "a://b:c:d/e"]
)
def test_an_url_that_leads_nowhere_is_said(url: str):
    with pytest.raises(KimitapError) as error:
        Recording.open(url)
    assert one_line(error)


def test_an_url_of_a_file_is_that_file(where: str):
    with Recording.open(f"sqlite:///{where}") as recording:
        assert recording.numbers() == [1, 2, 3]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@127.0.0.1:1/db",
        "nonsense://me:secret@127.0.0.1:1/db",
        "postgresql://me:secret@127.0.0.1:port/db",
    ],
)
def test_a_password_is_never_in_a_message(url: str):
    with pytest.raises(KimitapError) as error:
        Recording.open(url)
    assert "secret" not in str(error.value)


def test_a_name_that_is_no_utf_8_is_a_name(tmp_path: Path):
    where = os.fsdecode(os.fsencode(tmp_path) + b"/k\xff.db")
    with RecordingWriter(where) as writer:
        writer.begin(asked(b"{}"))
    with Recording.open(where) as recording:
        assert recording.numbers() == [1]


def test_reading_leaves_nothing_beside_the_file(where: str):
    with Recording.open(where) as recording:
        assert len(list(recording.exchanges())) == 3
    assert list(Path(where).parent.iterdir()) == [Path(where)]


def test_a_sealed_recording_is_one_file_that_reading_never_changes(where: str):
    seal(where)
    before = Path(where).read_bytes(), Path(where).stat().st_mtime_ns
    with Recording.open(where) as recording:
        assert len(list(recording.exchanges())) == 3
        assert list(Path(where).parent.iterdir()) == [Path(where)]
    assert (Path(where).read_bytes(), Path(where).stat().st_mtime_ns) == before
    with RecordingWriter(where) as writer:
        assert writer.begin(asked(b"{}")) == 4


def as_nobody(act: str, path: str, warm: str) -> str:
    """What `act` prints about `path` in a process that is not root, whatever this one is.

    It opens the recording `warm` first, while it still may import what that needs.
    """
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, act, path, warm, str(NOBODY)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


UNPRIVILEGED = """
import os, sys
from kimitap.errors import KimitapError
from kimitap.store import Recording, RecordingWriter

def read(where):
    with Recording.open(where) as recording:
        return recording.version() >= 0, len(list(recording.exchanges()))

def write(where):
    RecordingWriter(where).close()
    return "written"

act, where, warm, nobody = sys.argv[1:]
write(warm)
read(warm)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(int(nobody))
    os.setuid(int(nobody))
try:
    print({"read": read, "write": write}[act](where))
except KimitapError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def public(where: str):
    """The recording in a folder that others may read and not write.

    Not under pytest's own folder, which each run of pytest closes to others.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in Path(where).parent.glob("k.db*"):
            shutil.copy(path, folder)
        copy = folder / "k.db"
        copy.chmod(0o444)
        folder.chmod(0o555)
        yield str(copy)
        folder.chmod(0o755)


def test_a_recording_in_a_read_only_folder_is_read(public: str, where: str):
    assert as_nobody("read", public, where) == "(True, 3)"


def test_a_sealed_recording_in_a_read_only_folder_is_read(where: str, request):
    seal(where)
    public = request.getfixturevalue("public")
    assert as_nobody("read", public, where) == "(True, 3)"


def test_a_live_recording_of_another_user_is_read(public: str, where: str):
    folder = Path(public).parent
    folder.chmod(0o755)
    Path(public).chmod(0o644)
    with RecordingWriter(public) as writer:
        number = writer.begin(asked(b"{}"))
        writer.append(number, [(0.1, b"x")])
        folder.chmod(0o555)
        assert as_nobody("read", public, where) == "(True, 4)"
        folder.chmod(0o755)


def test_a_log_left_behind_in_a_read_only_folder_is_read(public: str, where: str):
    folder = Path(public).parent
    folder.chmod(0o755)
    Path(public).chmod(0o644)
    with RecordingWriter(public) as writer:
        writer.begin(asked(b"{}"))
        taken = {path: path.read_bytes() for path in folder.glob("k.db*")}
    for path, data in taken.items():
        if not path.name.endswith("-shm"):
            path.write_bytes(data)
            path.chmod(0o444)
    folder.chmod(0o555)
    assert as_nobody("read", public, where) == "(True, 4)"


def test_no_permission_to_read_is_said(where: str, public: str):
    Path(public).chmod(0o000)
    said = as_nobody("read", public, where)
    assert said.startswith("RecordingUnavailable")
    assert "Permission denied" in said


@pytest.mark.parametrize("name", ["k.db", "new.db", "sub/new.db"])
def test_no_permission_to_write_is_said(public: str, where: str, name: str):
    said = as_nobody("write", str(Path(public).parent / name), where)
    assert said.startswith("RecordingUnavailable")
    assert "Permission denied" in said


def test_the_store_loads_neither_the_proxy_nor_a_screen():
    code = (
        "import kimitap.store, sys;"
        "print({'mitmproxy', 'textual', 'deepdiff', 'alembic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_nothing_is_left_readable_by_others(where: str):
    assert stat.S_IMODE(Path(where).stat().st_mode) == 0o600
    seal(where)
    assert stat.S_IMODE(Path(where).stat().st_mode) == 0o600


def test_a_sealed_recording_does_not_say_which_machine_made_it(where: str):
    seal(where)
    with sqlite3.connect(where) as connection:
        query = "SELECT DISTINCT host, pid, process_started FROM recorder"
        assert connection.execute(query).fetchall() == [("", 0, "")]


def test_a_server_has_no_file_to_seal():
    with pytest.raises(UsageError):
        seal("postgresql://127.0.0.1/db")
