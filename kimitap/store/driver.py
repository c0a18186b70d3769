"""Core statements, compiled once and handed to the database's own driver.

SQLAlchemy takes ten times as long as SQLite to execute a small statement. Beginning an exchange
takes ten of them, and an answer's first byte waits for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ClauseElement, Connection, Insert, Select
from sqlalchemy.engine.interfaces import DBAPICursor, DBAPIModule
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Values = Mapping[str, object]
Parameters = Mapping[str, object] | Sequence[object]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as text; `order` of its parameters where the driver takes them by position."""

    text: str
    order: tuple[str, ...] | None
    constants: Values

    def parameters(self, values: Values) -> Parameters:
        """The values as the driver takes them."""
        whole = {**self.constants, **values} if self.constants else values
        return whole if self.order is None else [whole[name] for name in self.order]


class Driver:
    """Runs statements on `connection`, inside its caller's transaction.

    Raises SQLAlchemy's DBAPIError.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._error = self._dialect.loaded_dbapi.Error
        self._compiled: dict[tuple[ClauseElement, tuple[str, ...]], _Compiled] = {}

    @property
    def dialect(self) -> str:
        """The database's name, as SQLAlchemy says it."""
        return self._dialect.name

    def run(self, statement: ClauseElement, values: Values) -> None:
        """Execute a statement that has no rows to give."""
        self._execute(statement, values, lambda cursor: None)

    def run_for_each(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        """Execute a statement once for each of `rows`, which have the same names."""
        compiled = self._ready(statement, rows[0])
        some = cast(Sequence[Sequence[object]], [compiled.parameters(row) for row in rows])
        self._use(lambda cursor: cursor.executemany(compiled.text, some))

    def insert(self, statement: Insert, values: Values) -> int:
        """Insert a row, and give the id that it got."""
        return self._execute(statement, values, self._id)

    def rows[*Columns](self, query: Select[*Columns], values: Values) -> Sequence[tuple[*Columns]]:
        """All rows of the query's result."""
        found = self._execute(query, values, lambda cursor: cursor.fetchall())
        return cast("Sequence[tuple[*Columns]]", found)

    def _id(self, cursor: DBAPICursor) -> int:
        return int(cursor.lastrowid if self._dialect.name == "sqlite" else cursor.fetchall()[0][0])

    def _execute[T](
        self, statement: ClauseElement, values: Values, take: Callable[[DBAPICursor], T]
    ) -> T:
        compiled = self._ready(statement, values)

        def act(cursor: DBAPICursor) -> T:
            cursor.execute(compiled.text, compiled.parameters(values))
            return take(cursor)

        return self._use(act)

    def _use[T](self, act: Callable[[DBAPICursor], T]) -> T:
        """What `act` gives; drivers raise where they open a cursor and fetch from it, too."""
        try:
            return act(self._connection.connection.cursor())
        except self._error as error:
            raise self._failure(error) from error

    def _failure(self, error: DBAPIModule.Error) -> DBAPIError:
        """What to raise; a connection that broke is made anew for the next transaction."""
        if self._dialect.is_disconnect(error, self._connection.connection.dbapi_connection, None):
            self._connection.invalidate(error)
        return DBAPIError(None, None, error)

    def _ready(self, statement: ClauseElement, values: Values) -> _Compiled:
        key = statement, tuple(values)
        if key not in self._compiled:
            self._compiled[key] = self._compile(statement, list(values))
        return self._compiled[key]

    def _compile(self, statement: ClauseElement, names: list[str]) -> _Compiled:
        compiled = cast(SQLCompiler, statement.compile(dialect=self._dialect, column_keys=names))
        given = {name: value for name, value in compiled.params.items() if name not in names}
        for column in compiled.insert_prefetch:
            if isinstance(column.default, ScalarElementColumnDefault):
                given[column.key] = column.default.arg
        order = tuple(compiled.positiontup or ()) if compiled.positional else None
        return _Compiled(str(compiled), order, given)
