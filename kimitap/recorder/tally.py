"""What became of what passed."""

from dataclasses import dataclass


@dataclass
class Tally:
    """What became of the exchanges that came to one line."""

    recorded: int = 0
    """Exchanges that passed, whose request at least is on disk."""
    added: int = 0
    skipped: int = 0
    lost: int = 0
    """Exchanges that are missing from the recording, wholly or in part."""
