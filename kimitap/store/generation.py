"""How often something was deleted from the recording: each time, what is remembered of it is void.

Ids of pieces, bodies and packs come back after a deletion, for other bytes. So who remembers any
reads the generation first, in the same transaction, and forgets all where it has changed. It is
kept where no table is needed: SQLite has a number for its user in the file's head, and PostgreSQL a
comment on a table; both are part of transactions.

Packs may also be merged (`merging.py`), which moves pieces to other packs and voids nothing else.
Only who remembers what stands in which pack has to know: a deletion. SQLite has another number for
that; on a server nobody merges.
"""

from sqlalchemy import Connection, Integer, Select, cast, func, literal_column, select, text

from kimitap.store.driver import Driver

_READ: dict[str, Select[int]] = {
    "sqlite": select(literal_column("user_version", Integer)).select_from(
        text("pragma_user_version")
    ),
    "postgresql": select(
        cast(
            func.coalesce(
                func.obj_description(literal_column("'exchange'::regclass"), "pg_class"), "0"
            ),
            Integer,
        )
    ),
}
_READ_MOVES = select(literal_column("application_id", Integer)).select_from(
    text("pragma_application_id")
)
_MOST_MOVES = 1 << 31
_WRITE = {
    "sqlite": "PRAGMA user_version = {}",
    "postgresql": "COMMENT ON TABLE exchange IS '{}'",
}


def generation(driver: Driver) -> int:
    """The recording's generation, in a transaction. Costs microseconds."""
    ((number,),) = driver.rows(_READ[driver.dialect], {})
    return number


def moves(driver: Driver) -> int:
    """How often pieces were moved to other packs, in a transaction. Costs microseconds."""
    if driver.dialect != "sqlite":
        return 0
    ((number,),) = driver.rows(_READ_MOVES, {})
    return number


def count_move(connection: Connection) -> None:
    """Say that pieces were moved, in the transaction that moves them."""
    number = (moves(Driver(connection)) + 1) % _MOST_MOVES
    connection.exec_driver_sql(f"PRAGMA application_id = {number}")


def begin_another(connection: Connection) -> int:
    """Void all ids that anybody remembers, in the transaction that deletes; the new number."""
    number = generation(Driver(connection)) + 1
    connection.exec_driver_sql(_WRITE[connection.dialect.name].format(number))
    return number
