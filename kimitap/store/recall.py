"""What a new writer should know of the exchanges before it: the next request continues them."""

from sqlalchemy import Connection, select

from kimitap.store import tables
from kimitap.store.bodies import BodyWriter
from kimitap.store.content import ContentReader
from kimitap.store.exchanges import kind

_EXCHANGES = 16


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
