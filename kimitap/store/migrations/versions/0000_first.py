"""The first schema: exchanges, and their bodies as unique pieces.

Its recordings call themselves 0001: `opening.schema_of` knows them by where a response points.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0000"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make all tables."""
    _bodies()
    _exchanges()
    _arrivals()


def _bodies() -> None:
    op.create_table(
        "pack",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dictionary_id", sa.Integer, sa.ForeignKey("pack.id")),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "piece",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("pack_id", sa.Integer, sa.ForeignKey("pack.id"), nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "body",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("body.id")),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("manifest", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("digest"),
    )


def _exchanges() -> None:
    op.create_table(
        "recorder",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process_started", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("opened_us", sa.BigInteger, nullable=False),
        sa.Column("closed_us", sa.BigInteger),
    )
    op.create_table(
        "exchange",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recorder_id", sa.Integer, sa.ForeignKey("recorder.id"), nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("headers_us", sa.BigInteger),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("scheme", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("http_version", sa.String, nullable=False),
        sa.Column("client", sa.String, nullable=False),
        sa.Column("origin", sa.String),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("lost_bytes", sa.BigInteger, nullable=False),
        sa.Column("request_headers_id", sa.Integer, sa.ForeignKey("piece.id"), nullable=False),
        sa.Column("request_values", sa.String, nullable=False),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("body.id")),
        sa.Column("response_headers_id", sa.Integer, sa.ForeignKey("piece.id")),
        sa.Column("response_values", sa.String, nullable=False),
        sa.Column("response_id", sa.Integer, sa.ForeignKey("body.id")),
        sa.UniqueConstraint("origin"),
        sqlite_autoincrement=True,
    )
    open_only = sa.text("ended_us IS NULL")
    op.create_index(
        "exchange_in_flight",
        "exchange",
        ["id"],
        sqlite_where=open_only,
        postgresql_where=open_only,
    )
    op.create_table(
        "loss",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recorder_id", sa.Integer, sa.ForeignKey("recorder.id"), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )


def _arrivals() -> None:
    exchange = "exchange.id"
    op.create_table(
        "arrivals",
        sa.Column("exchange_id", sa.Integer, sa.ForeignKey(exchange), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "segment",
        sa.Column("exchange_id", sa.Integer, sa.ForeignKey(exchange), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
