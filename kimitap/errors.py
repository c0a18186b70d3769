"""What can go wrong through wrong use or a broken file, as one small tree.

    KimitapError
    ├── UsageError             a word the user typed names nothing (a rule, a place, an address)
    ├── RecordingError         the database
    │   ├── NoRecording            no file there
    │   ├── NotARecording          a file, but not one of ours
    │   ├── OlderRecording         written by an older Kimitap: migrate it
    │   ├── NewerRecording         written by a newer Kimitap: update Kimitap
    │   ├── RecordingUnavailable   no permission, locked, disk full
    │   └── DamagedRecording       a piece that a body needs is missing or does not match its hash
    ├── CaptureError           a flow file that cannot be read
    └── ProxyError             the recorder's proxy could not start (port in use, bad upstream)

The message of each is one line that says what happened and what to do; only `cli.py` prints it.
Bad *traffic* is never an error: it becomes a `Fault` or a finding.
"""


class KimitapError(Exception):
    """Anything a user can mend; its text is shown to the user as it stands."""


class UsageError(KimitapError):
    """A word the user typed names nothing."""


class RecordingError(KimitapError):
    """The database cannot serve."""


class NoRecording(RecordingError):
    """There is no file at that path."""


class NotARecording(RecordingError):
    """The file is no Kimitap database."""


class OlderRecording(RecordingError):
    """The schema is older than this Kimitap's."""


class NewerRecording(RecordingError):
    """The schema is newer than this Kimitap's."""


class RecordingUnavailable(RecordingError):
    """The database exists but cannot be used now: no permission, locked, disk full."""


class DamagedRecording(RecordingError):
    """A body cannot be put together byte for byte."""


class CaptureError(KimitapError):
    """A capture file cannot be read. `kept` counts what was read of it before the fault."""

    def __init__(self, text: str, kept: int = 0) -> None:
        super().__init__(text)
        self.kept = kept


class ProxyError(KimitapError):
    """The recording proxy cannot start."""
