"""What a client believes was said, against what the wire says.

A client such as Roo Code keeps its own history of a task. It is no traffic, and never becomes a
part of a recording: it is compared with one. Where the client holds a turn that no request gave
back, it lost the turn on the way out, while it wrote the request; where it holds it not, it lost it
before.
"""

from kimitap.belief.comparison import Believed, Compared, Fate, best_thread, compare
from kimitap.belief.history import Entry, History, read_history

__all__ = [
    "Believed",
    "Compared",
    "Entry",
    "Fate",
    "History",
    "best_thread",
    "compare",
    "read_history",
]
