"""What a new writer should know of the exchanges before it: the next request continues them."""

from sqlalchemy import Connection, func, select

from kimitap.store import tables
from kimitap.store.bodies import BodyWriter
from kimitap.store.content import ContentReader
from kimitap.store.exchanges import kind

_EXCHANGES = 16
_RECENT = 256

_recent = (
    select(
        tables.exchange.c.started_us,
        tables.exchange.c.ended_us,
    )
    .order_by(tables.exchange.c.id.desc())
    .limit(_RECENT)
    .subquery()
)


def recall(connection: Connection, bodies: BodyWriter) -> None:
    """Tell `bodies` about the last exchanges of the recording."""
    columns = tables.exchange.c
    rows = connection.execute(
        select(columns.request_id, columns.response_id, columns.host, columns.port, columns.path)
        .order_by(columns.id.desc())
        .limit(_EXCHANGES)
    ).all()
    content = ContentReader(connection, memory=0)
    requests = content.lists(row.request_id for row in rows if row.request_id)
    for row in reversed(rows):
        if row.request_id:
            list_ = requests[row.request_id]
            bodies.remember_request(row.request_id, list_.ids, list_.depth)
        if row.response_id:
            bodies.remember_reply(kind(row.host, row.port, row.path), row.response_id)


def newest_us(connection: Connection) -> int:
    """The latest time of the last exchanges, in a transaction; 0 where there are none."""
    query = select(func.max(_recent.c.started_us), func.max(_recent.c.ended_us))
    return max(us or 0 for us in connection.execute(query).one())
