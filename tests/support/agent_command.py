"""The demo's agents as a command: `agent_command.py healthy|lossy [STATUS]`.

Finds its server by OPENAI_BASE_URL, as agents do, and writes its files into a temporary folder.
"""

import os
import sys
import tempfile
from pathlib import Path

from kimitap.demo.agent import play
from kimitap.demo.stage import HEALTHY, LOSSY


def main(kind: str, status: str = "0") -> int:
    """Play the agent to its end."""
    url = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
    with tempfile.TemporaryDirectory() as folder:
        played = play({"healthy": HEALTHY, "lossy": LOSSY}[kind], url, Path(folder))
    sys.stdout.write(f"the agent took {played.turns} turns\n")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
