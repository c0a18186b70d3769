"""Bring a recording to the schema of this Kimitap."""

from sqlalchemy import Connection

from kimitap.errors import NoRecording
from kimitap.store import opening
from kimitap.store.location import file_of
from kimitap.store.tables import SCHEMA
from kimitap.store.trouble import translated


def migrate(where: str) -> bool:
    """Bring the recording at `where` to this schema; False if it had it already.

    Raises NoRecording, NotARecording, NewerRecording or RecordingUnavailable.
    """
    path = file_of(where)
    if path is not None and not path.exists():
        raise NoRecording(f"there is no recording at {where}")
    with translated(where), opening.writer(where) as connection:
        return ensure_schema(where, connection)


def ensure_schema(where: str, connection: Connection) -> bool:
    """Make or migrate the tables; True if there was something to do.

    The whole of it is one transaction: of two recorders that start at once, one does it.
    """
    with connection.begin():
        if opening.schema_of(where, connection) == SCHEMA:
            return False
        _upgrade(connection)
        return True


def _upgrade(connection: Connection) -> None:
    """Run the revisions. Alembic costs 0.1 s to import, so only who needs it pays."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "kimitap.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)
