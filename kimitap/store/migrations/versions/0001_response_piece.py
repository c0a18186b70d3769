"""A response points at its one piece, no longer at a list of pieces that names just that one."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kimitap.errors import DamagedRecording
from kimitap.store import manifest

revision: str = "0001"
down_revision: str | None = "0000"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RESPONSES = sa.text(
    "SELECT exchange.id, body.manifest FROM exchange JOIN body ON body.id = response_id"
)
_POINT = sa.text("UPDATE exchange SET response_id = :piece WHERE id = :number")
_SWEEP = sa.text(
    "DELETE FROM body WHERE id IN (SELECT response_id FROM exchange)"
    " AND id NOT IN (SELECT request_id FROM exchange WHERE request_id IS NOT NULL)"
    " AND id NOT IN (SELECT parent_id FROM body WHERE parent_id IS NOT NULL)"
)


def upgrade() -> None:
    """Point at the pieces, and drop the lists that nothing else needs."""
    connection = op.get_bind()
    pieces = [
        {"number": number, "piece": _only_piece(number, packed)}
        for number, packed in connection.execute(_RESPONSES)
    ]
    if connection.dialect.name == "sqlite":
        _point_in_sqlite(connection)
    else:
        op.drop_constraint("exchange_response_id_fkey", "exchange")
    connection.execute(_SWEEP)
    if pieces:
        connection.execute(_POINT, pieces)
    if connection.dialect.name != "sqlite":
        op.create_foreign_key(None, "exchange", "piece", ["response_id"], ["id"])


def _only_piece(number: int, packed: bytes) -> int:
    try:
        (piece,) = manifest.unpack(bytes(packed)).ids()
    except (ValueError, IndexError) as error:
        raise DamagedRecording(
            f"the response of exchange {number} cannot be found: restore the recording from a copy"
        ) from error
    return piece


def _point_in_sqlite(connection: sa.Connection) -> None:
    """Write the reference in the table's own text: SQLite can change none, and whoever makes the
    table anew would delete what points at its rows. https://sqlite.org/lang_altertable.html#otheralter
    """
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql,"
        " 'FOREIGN KEY(response_id) REFERENCES body (id)',"
        " 'FOREIGN KEY(response_id) REFERENCES piece (id)') WHERE name = 'exchange'"
    )
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=RESET")
