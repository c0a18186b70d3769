"""Bring a recording to the schema of this Kimitap."""

from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table
from sqlmodel import SQLModel

from kimitap.errors import NotARecording, OlderRecording
from kimitap.store import opening
from kimitap.store.location import shown
from kimitap.store.tables import SCHEMA, VERSION_TABLE
from kimitap.store.trouble import translated

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(where: str) -> bool:
    """Bring the recording at `where` to this schema; False if it had it already.

    Raises NoRecording, NotARecording, NewerRecording or RecordingUnavailable.
    """
    try:
        opening.reader(where).close()
    except OlderRecording:
        pass
    else:
        return False
    with translated(where), opening.writer(where) as connection:
        return ensure_schema(where, connection)


def ensure_schema(where: str, connection: Connection) -> bool:
    """Make or migrate the tables; True if there was something to do.

    The whole of it is one transaction: of two recorders that start at once, one does it.
    """
    with connection.begin():
        found = opening.schema_of(where, connection)
        if found == SCHEMA:
            return False
        if found is None:
            create(connection)
        else:
            _demand_revision(where, found)
            if found == opening.FIRST:
                connection.execute(_version().update(), {"version_num": found})
            upgrade(connection)
        return True


def create(connection: Connection) -> None:
    """Make the newest tables at once; a test holds them equal to what the revisions make."""
    SQLModel.metadata.create_all(connection)
    version = _version()
    version.create(connection)
    connection.execute(version.insert(), {"version_num": SCHEMA})


def _version() -> Table:
    """Alembic's own table, as it would make it."""
    return Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))


def _demand_revision(where: str, found: str) -> None:
    """Raise NotARecording for a revision that no Kimitap ever had."""
    from alembic.script import ScriptDirectory

    if found not in {
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    }:
        raise NotARecording(
            f"{shown(where)} has the schema {found}, which no Kimitap made: restore it from a copy"
        )


def upgrade(connection: Connection) -> None:
    """Run the revisions. Alembic costs 0.1 s to import, so only who needs it pays."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "kimitap.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
