"""The recording: one database, written by recorders and read by everything else."""

from kimitap.store.deleting import Deleted, delete
from kimitap.store.exchanges import Ending, Head
from kimitap.store.glimpses import Glimpse
from kimitap.store.location import file_of, location, shown
from kimitap.store.losses import Loss
from kimitap.store.migrating import migrate
from kimitap.store.reading import Recording
from kimitap.store.sealing import seal
from kimitap.store.writing import RecordingWriter

__all__ = [
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
    "migrate",
    "seal",
    "shown",
]
