"""A recorder in the middle, between the official client and a server."""

import time
from dataclasses import dataclass
from pathlib import Path

from openai import OpenAI

from kimitap.analysis import Analysis
from kimitap.store import Recording

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Middle:
    """A recorder in the middle: its address, and where it records to."""

    url: str
    database: Path

    def client(self) -> OpenAI:
        """The official client, pointed at the recorder."""
        return OpenAI(base_url=f"{self.url}/v1", api_key="sk-test", max_retries=0, timeout=120)

    def analysis(self) -> Analysis:
        """What the recording says, as soon as every exchange in it has ended."""
        with Recording.open(str(self.database)) as recording:
            deadline = time.monotonic() + PATIENCE_S
            while recording.in_flight():
                assert time.monotonic() < deadline, "an exchange does not end in the recording"
                time.sleep(0.05)
            found = Analysis(recording)
            found.refresh()
        return found
