"""The recording: one database, written by recorders and read by everything else.

What needs SQLAlchemy is loaded when it is first asked for (see `lazily`).
"""

from typing import TYPE_CHECKING

from kimitap.lazily import lazily
from kimitap.store.glimpse import Glimpse
from kimitap.store.location import file_of, location, looks_recorded, shown
from kimitap.store.losses import Loss

if TYPE_CHECKING:
    from kimitap.store.adopting import Adopted
    from kimitap.store.deleting import Deleted, delete, sweep
    from kimitap.store.exchanges import Ending, Head
    from kimitap.store.migrating import migrate
    from kimitap.store.reading import Recording
    from kimitap.store.sealing import seal
    from kimitap.store.writing import RecordingWriter

__all__ = [
    "Adopted",
    "Deleted",
    "Ending",
    "Glimpse",
    "Head",
    "Loss",
    "Recording",
    "RecordingWriter",
    "delete",
    "file_of",
    "location",
    "looks_recorded",
    "migrate",
    "seal",
    "shown",
    "sweep",
]

_HOMES = {
    "Adopted": "adopting",
    "Deleted": "deleting",
    "Ending": "exchanges",
    "Head": "exchanges",
    "Recording": "reading",
    "RecordingWriter": "writing",
    "delete": "deleting",
    "migrate": "migrating",
    "seal": "sealing",
    "sweep": "deleting",
}
_load = lazily(__name__, _HOMES)


def __getattr__(name: str) -> object:
    return _load(name)
