#!/usr/bin/env python3
"""make_samples.py [FOLDER]: record the two sample recordings anew (default: sessions/).

The same play as `kimitap demo`, each agent into a recording of its own: a real mitmdump with the
addon, so a sample is what a user's own recording would be. Afterwards each is sealed: one
file, which can also be read where nothing may be written.
"""

import sys
import tempfile
from pathlib import Path

from kimitap.demo.stage import HEALTHY, LOSSY, run
from kimitap.store import seal

SAMPLES = {"lost-tool-turn.db": LOSSY, "healthy-tool-turn.db": HEALTHY}


def make(folder: Path) -> None:
    """Record every sample into `folder`, replacing what is there."""
    with tempfile.TemporaryDirectory(prefix="kimitap-samples-") as scratch:
        for name, agent in SAMPLES.items():
            recorded = Path(scratch, name)
            run(str(recorded), print, agents=[agent])
            seal(str(recorded))
            target = folder / name
            target.write_bytes(recorded.read_bytes())
            print(f"\n{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "sessions")
