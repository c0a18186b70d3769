"""The ways in which a session is broken at random: each of rules.md's defects that a wire can show.

`FAULTS` is all of them by name; `dialects.CANNOT` says which of them an API cannot show.
"""

from tests.scoring import exchange_faults, replay_faults, reply_faults
from tests.scoring.fault import FAULTS, Broken

__all__ = ["FAULTS", "Broken", "exchange_faults", "replay_faults", "reply_faults"]
