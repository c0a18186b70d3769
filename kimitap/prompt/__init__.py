"""The prompt that a server rendered from a request: what of the request stands in it, and where.

`seen` ticks each part of a request as present or absent in the text that the model read. Templates
write values anew (JSON in another spelling, TypeScript, XML), escape, trim and leave out, so a part
is looked for by fragments that no template touches; it is absent only where none of them is there.
"""

from kimitap.prompt.layout import marked
from kimitap.prompt.ticks import Seen, Subject, Tick, seen

__all__ = ["Seen", "Subject", "Tick", "marked", "seen"]
