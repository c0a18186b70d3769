"""Without Python's search for cycles, for as long as values are made that hold none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within the block cycles are not searched for: decoding and weaving make none, and long
    recordings hold millions of references that would be followed again and again (a quarter of the
    time of 10,000 turns)."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
