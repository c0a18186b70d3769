#!/usr/bin/env python3
"""make_samples.py [FOLDER]: record the two sample recordings anew (default: sessions/).

The same play as `kimitap demo`, each agent into a recording of its own: a real mitmdump with the
addon, so a sample is what a user's own recording would be. Afterwards each is packed into a single
file that can be read from a folder without write permission.
"""

import sqlite3
import sys
import tempfile
from pathlib import Path

from kimitap.demo.stage import HEALTHY, LOSSY, run

SAMPLES = {"lost-tool-turn.db": LOSSY, "healthy-tool-turn.db": HEALTHY}


def pack(database: Path) -> None:
    """Make the recording one file: no write-ahead log beside it, no free pages in it."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    connection.close()


def make(folder: Path) -> None:
    """Record every sample into `folder`, replacing what is there."""
    with tempfile.TemporaryDirectory(prefix="kimitap-samples-") as scratch:
        for name, agent in SAMPLES.items():
            recorded = Path(scratch, name)
            run(recorded, print, agents=[agent])
            pack(recorded)
            target = folder / name
            target.write_bytes(recorded.read_bytes())
            print(f"\n{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "sessions")
