"""A recorder in the middle, between the official client and a server."""

from dataclasses import dataclass
from pathlib import Path

from openai import OpenAI

from kimitap.analysis import Analysis
from kimitap.store import Recording


@dataclass(frozen=True)
class Middle:
    """A recorder in the middle: its address, and where it records to."""

    url: str
    database: Path

    def client(self) -> OpenAI:
        """The official client, pointed at the recorder."""
        return OpenAI(base_url=f"{self.url}/v1", api_key="sk-test", max_retries=0, timeout=120)

    def analysis(self) -> Analysis:
        """What the recording says by now."""
        found = Analysis(Recording.open(str(self.database)))
        found.refresh()
        return found
