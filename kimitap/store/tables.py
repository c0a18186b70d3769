"""The tables of a recording, declared with SQLModel; all of them plain enough for PostgreSQL.

Times are integers: microseconds since 1970, UTC. Statements are written with Core on the `Table`
objects at the end: a row by the ORM costs five times as much.

    recorder ──< exchange ──> body ──> body …      a request's list of pieces, against its parent's
                  │  │  │       └────> piece ──> pack  a piece is a slice of a compressed pack
                  │  │  └────────────> piece           the response, and headers
                  │  └──< segment                      while the response arrives
                  └─── arrivals                        afterwards: when each part of it came
"""

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, text
from sqlmodel import Field, SQLModel

SCHEMA = "0001"
"""The schema these tables describe: the newest revision in `migrations/versions`."""

VERSION_TABLE = "kimitap_version"
"""Where the database says which schema it has; no other program has a table of this name."""


class RecorderRow(SQLModel, table=True):
    """One process that wrote here. `process_started` tells it from a later one of the same pid."""

    __tablename__: ClassVar[str] = "recorder"
    id: int | None = Field(default=None, primary_key=True)
    host: str
    pid: int
    process_started: str
    version: str
    opened_us: int = Field(sa_type=BigInteger)
    closed_us: int | None = Field(default=None, sa_type=BigInteger)


class PackRow(SQLModel, table=True):
    """Pieces compressed together; `dictionary_id` is the pack that helped to compress them."""

    __tablename__: ClassVar[str] = "pack"
    id: int | None = Field(default=None, primary_key=True)
    dictionary_id: int | None = Field(default=None, foreign_key="pack.id")
    data: bytes = Field(sa_type=LargeBinary)


class PieceRow(SQLModel, table=True):
    """A unique run of bytes: `length` bytes from `start` in its pack."""

    __tablename__: ClassVar[str] = "piece"
    id: int | None = Field(default=None, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary, unique=True)
    pack_id: int = Field(foreign_key="pack.id")
    start: int
    length: int


class BodyRow(SQLModel, table=True):
    """A unique list of pieces, written as what differs from its parent's list (`manifest.py`).

    `digest` is over the keys of the pieces. `depth` counts the parents up to a whole list.
    """

    __tablename__: ClassVar[str] = "body"
    id: int | None = Field(default=None, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary, unique=True)
    parent_id: int | None = Field(default=None, foreign_key="body.id")
    depth: int
    manifest: bytes = Field(sa_type=LargeBinary)


class ExchangeRow(SQLModel, table=True):
    """One HTTP request and its response; `id` is its number, never used twice.

    Headers are a piece (their JSON) and the values that change from request to request. A response
    is one piece: no later one will share a part of it.
    """

    __tablename__: ClassVar[str] = "exchange"
    __table_args__ = (
        Index(
            "exchange_in_flight",
            "id",
            sqlite_where=text("ended_us IS NULL"),
            postgresql_where=text("ended_us IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    recorder_id: int = Field(foreign_key="recorder.id")
    started_us: int = Field(sa_type=BigInteger)
    headers_us: int | None = Field(default=None, sa_type=BigInteger)
    ended_us: int | None = Field(default=None, sa_type=BigInteger)
    outcome: str
    detail: str = ""
    method: str
    scheme: str
    host: str
    port: int
    path: str
    http_version: str
    client: str
    origin: str | None = Field(default=None, unique=True)
    status: int | None = None
    reason: str = ""
    lost_bytes: int = Field(default=0, sa_type=BigInteger)
    request_headers_id: int = Field(foreign_key="piece.id")
    request_values: str
    request_id: int | None = Field(default=None, foreign_key="body.id")
    response_headers_id: int | None = Field(default=None, foreign_key="piece.id")
    response_values: str = ""
    response_id: int | None = Field(default=None, foreign_key="piece.id")


class ArrivalsRow(SQLModel, table=True):
    """When each part of a finished response arrived, and its length (`arrivals.py`)."""

    __tablename__: ClassVar[str] = "arrivals"
    exchange_id: int = Field(primary_key=True, foreign_key="exchange.id")
    data: bytes = Field(sa_type=LargeBinary)


class SegmentRow(SQLModel, table=True):
    """Parts of a response that is still arriving, one row a flush (`arrivals.py`)."""

    __tablename__: ClassVar[str] = "segment"
    __table_args__ = ({"sqlite_with_rowid": False},)
    exchange_id: int = Field(primary_key=True, foreign_key="exchange.id")
    position: int = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)


class LossRow(SQLModel, table=True):
    """Exchanges, or parts of them, that passed but could not be recorded."""

    __tablename__: ClassVar[str] = "loss"
    id: int | None = Field(default=None, primary_key=True)
    recorder_id: int = Field(foreign_key="recorder.id")
    at_us: int = Field(sa_type=BigInteger)
    count: int
    reason: str


_tables = SQLModel.metadata.tables
recorder: Table = _tables["recorder"]
pack: Table = _tables["pack"]
piece: Table = _tables["piece"]
body: Table = _tables["body"]
exchange: Table = _tables["exchange"]
arrivals: Table = _tables["arrivals"]
segment: Table = _tables["segment"]
loss: Table = _tables["loss"]
