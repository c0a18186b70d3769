import sqlite3
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlmodel import SQLModel

from kimitap.store import opening
from kimitap.store.migrating import create, upgrade
from kimitap.store.tables import SCHEMA, VERSION_TABLE


def schema(path: Path) -> set[tuple[str, str, str]]:
    """Every table and index, without white space."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {(kind, name, "".join((sql or "").split()).replace('"', "")) for kind, name, sql in rows}


def test_the_revisions_make_the_very_tables_of_a_new_recording(tmp_path: Path):
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    with opening.writer(str(made)) as connection, connection.begin():
        create(connection)
    with opening.writer(str(migrated)) as connection, connection.begin():
        upgrade(connection)
    names = {(kind, name) for kind, name, _ in schema(made)}
    assert names == {(kind, name) for kind, name, _ in schema(migrated)}
    assert ("table", VERSION_TABLE) in names
    with opening.writer(str(migrated)) as connection, connection.begin():
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, SQLModel.metadata) == []
        assert context.get_current_revision() == SCHEMA
    for table in ("exchange", "segment"):
        both = [
            {sql[-20:] for kind, name, sql in schema(path) if name == table}
            for path in (made, migrated)
        ]
        assert both[0] == both[1]


def test_the_newest_revision_is_the_schema_that_the_tables_describe():
    path = Path(opening.__file__).parent / "migrations"
    assert ScriptDirectory(str(path)).get_current_head() == SCHEMA


def test_every_table_can_be_made_on_postgresql():
    for table in SQLModel.metadata.sorted_tables:
        said = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "CREATE TABLE" in said
        assert "BLOB" not in said
