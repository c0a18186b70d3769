"""Leave a recording as one file, for a repository or a bug report."""

from kimitap.errors import NoRecording, UsageError
from kimitap.store import opening, recovery
from kimitap.store.location import file_of, shown
from kimitap.store.trouble import translated


def seal(where: str) -> None:
    """Fold the log into the database and compact it: one file, that a read-only folder can hold.

    The names of the machines and processes that recorded it are forgotten: it may be published.
    The next writer unseals it. Raises NoRecording, NotARecording, and RecordingUnavailable where
    somebody has it open.
    """
    path = file_of(where)
    if path is None:
        raise UsageError(f"{shown(where)} is no file: only a file can be sealed")
    if not path.exists():
        raise NoRecording(f"there is no recording at {where}: name another")
    with translated(where), opening.writer(where) as connection:
        opening.demand_schema(where, connection)
        with connection.begin():
            recovery.forget_recorders(connection)
        opening.fold(connection)
