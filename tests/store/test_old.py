"""Recordings of every schema there has been, written by the Kimitap of then (`old/make.py`)."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from kimitap.cli import run
from kimitap.errors import DamagedRecording, NewerRecording, OlderRecording
from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter, migrate, opening
from kimitap.store.tables import SCHEMA
from kimitap.store.verifying import verify
from tests.store.old.make import said
from tests.support.requests_made import asked

HERE = Path(__file__).parent / "old"
NAMES = sorted(path.name for path in HERE.glob("*.db"))
OLDER = [name for name in NAMES if not name.startswith(SCHEMA)]
EXPECTED = json.loads((HERE / "expected.json").read_text())
VERSIONS = Path(opening.__file__).parent / "migrations" / "versions"


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copyfile(HERE / name, folder / name))


def query(where: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(where)) as database:
        return database.execute(statement).fetchall()


def revisions() -> Sequence[str]:
    scripts = ScriptDirectory(str(VERSIONS.parent)).walk_revisions()
    return sorted(script.revision for script in scripts)


def test_each_schema_that_there_was_has_a_recording_here() -> None:
    assert sorted({name[:4] for name in NAMES}) == revisions()
    assert revisions()[-1] == SCHEMA
    assert all((HERE / name).stat().st_size < 100_000 for name in NAMES)


def test_no_recording_here_is_changed_by_the_tests() -> None:
    for name in NAMES:
        assert query(HERE / name, "SELECT DISTINCT host FROM recorder") == [("then",)]
        assert {path.name for path in HERE.glob(f"{name}-*")} == set()


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_after_migration_what_was_recorded(name: str, tmp_path: Path) -> None:
    where = copied(name, tmp_path)
    assert migrate(str(where)) is (name in OLDER)
    assert json.loads(json.dumps(said(str(where)))) == EXPECTED
    assert verify(str(where)).damages == ()
    assert query(where, "PRAGMA foreign_key_check") == []
    assert migrate(str(where)) is False


@pytest.mark.parametrize("name", NAMES)
def test_what_was_migrated_has_the_very_tables_of_a_new_recording(
    name: str, tmp_path: Path
) -> None:
    where, new = copied(name, tmp_path), tmp_path / "new.db"
    migrate(str(where))
    RecordingWriter(str(new)).close()
    tables = "SELECT name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    assert query(where, tables) == query(new, tables)
    for (table,) in query(new, tables):
        for about in ("table_xinfo", "foreign_key_list", "index_list"):
            asked_for = f"SELECT * FROM pragma_{about}('{table}')"
            assert set(map(repr, query(where, asked_for))) == set(map(repr, query(new, asked_for)))


@pytest.mark.parametrize("name", NAMES)
def test_a_recorder_migrates_it_and_goes_on_in_it(name: str, tmp_path: Path) -> None:
    where = copied(name, tmp_path)
    with RecordingWriter(str(where)) as writer:
        number = writer.begin(asked(b'{"messages": ["new"]}'))
        writer.append(number, [(0.5, b"data: new\n\n")])
        writer.finish(number, Outcome.COMPLETE)
    last = EXPECTED["exchanges"][-1]["number"]
    assert number == last + 1
    with Recording.open(str(where)) as recording:
        assert recording.exchange(number).response == b"data: new\n\n"
        assert recording.exchange(last).outcome is Outcome.INTERRUPTED
    kept = json.loads(json.dumps(said(str(where))))["exchanges"]
    assert kept[: last - 1] == EXPECTED["exchanges"][: last - 1]
    assert verify(str(where)).damages == ()


@pytest.mark.parametrize("name", OLDER)
def test_who_only_reads_an_older_one_is_told_what_to_do_and_writes_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = copied(name, tmp_path)
    where.chmod(0o600)
    before = where.read_bytes()
    with pytest.raises(OlderRecording, match=f"run `kimitap migrate {where}`"):
        Recording.open(str(where))
    for words in (["check"], ["verify"], ["status"], ["backup", "--db"], ["prune", "--yes"]):
        command, *options = words
        more = {"backup": [str(tmp_path / "copy.db")], "prune": ["--older-than", "1d"]}
        assert run([command, *options, str(where), *more.get(command, [])]) == 2
        assert "kimitap migrate" in capsys.readouterr().err
    assert where.read_bytes() == before
    assert run(["migrate", str(where)]) == 0
    assert capsys.readouterr().out == f"{where}: migrated\n"
    assert run(["verify", str(where)]) == 0
    assert stat.S_IMODE(where.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", NAMES)
def test_reading_leaves_no_file_and_changes_no_byte(name: str, tmp_path: Path) -> None:
    where = copied(name, tmp_path)
    migrate(str(where))
    before = where.read_bytes()
    assert json.loads(json.dumps(said(str(where)))) == EXPECTED
    assert where.read_bytes() == before
    assert list(tmp_path.iterdir()) == [where]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    where = copied("0000.db", tmp_path)
    with closing(sqlite3.connect(where)) as database, database:
        of_a_response = "(SELECT max(response_id) FROM exchange)"
        database.execute(f"UPDATE body SET manifest = X'00FF' WHERE id = {of_a_response}")
    before = query(where, "SELECT id, response_id FROM exchange")
    with pytest.raises(DamagedRecording, match="cannot be found"):
        migrate(str(where))
    assert query(where, "SELECT id, response_id FROM exchange") == before
    with pytest.raises(OlderRecording):
        Recording.open(str(where))


def test_a_newer_schema_is_refused_in_one_line_and_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = copied(NAMES[-1], tmp_path)
    with closing(sqlite3.connect(where)) as database, database:
        database.execute("UPDATE kimitap_version SET version_num = '9999'")
    before = where.read_bytes()
    for opened in (Recording.open, RecordingWriter, migrate):
        with pytest.raises(NewerRecording, match=r"schema 9999, this one knows \d+\): update"):
            opened(str(where))
    for words in (["check"], ["migrate"], ["verify"], ["prune", "--older-than", "1d", "--yes"]):
        assert run([words[0], str(where), *words[1:]]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and "update Kimitap" in err
    assert where.read_bytes() == before
