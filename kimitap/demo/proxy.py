"""A real mitmdump with Kimitap's addon, as a process of its own."""

import re
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from kimitap.demo.agent import AgentFailed

READY_S = 60.0
"""The longest that it may take to listen: on a busy machine imports alone take seconds."""
END_S = 30.0

MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"
LISTENING = re.compile(r"listening at \S*?:(\d+)")

CHECKOUT_ADDON = Path(__file__).parents[2] / "addons" / "kimitap.py"
ADDON = "from kimitap.recorder import Recorder\n\naddons = [Recorder()]\n"
"""What the addon comes to where Kimitap was installed without its checkout."""


class DemoFailed(Exception):
    """The play could not be played; the text says why, in one line."""


@dataclass
class Output:
    """What the process prints, read by a thread so that it never waits for a full pipe."""

    process: subprocess.Popen[str]
    port: int | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    known: threading.Event = field(default_factory=threading.Event)
    """Set when the port is known, or nothing more can come."""

    def read(self) -> None:
        """Read to the end."""
        with self.process.stdout or nullcontext(()) as lines:
            for line in lines:
                if self.port is None and (match := LISTENING.search(line)):
                    self.port = int(match[1])
                    self.known.set()
                elif line.strip():
                    self.last.append(line.strip())
        self.known.set()

    @property
    def last_words(self) -> str:
        return " / ".join(self.last) or "nothing"


@contextmanager
def recorder(upstream: str, where: str) -> Iterator[str]:
    """Record what passes to `upstream` into `where`; yields the base URL to give to agents.

    mitmdump's settings are its own, in a temporary folder, so that neither the user's configuration
    nor the user's certificates are read or made. When the context ends, everything is on disk.
    Raises `DemoFailed` where it does not start; an agent's failure is raised again with its words.
    """
    with tempfile.TemporaryDirectory(prefix="kimitap-demo-") as scratch:
        process = subprocess.Popen(
            command(upstream, where, Path(scratch)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        output = Output(process)
        reader = threading.Thread(target=output.read, name="demo-recorder-output", daemon=True)
        reader.start()
        try:
            output.known.wait(READY_S)
            if output.port is None:
                raise DemoFailed(f"the recorder did not start; it said: {output.last_words}")
            yield f"http://127.0.0.1:{output.port}"
        except AgentFailed as failure:
            raise AgentFailed(f"{failure}; the recorder said: {output.last_words}") from failure
        finally:
            end(process)
            reader.join(END_S)


def command(upstream: str, where: str, scratch: Path) -> list[str]:
    """The command line, as a user would type it but for its private settings."""
    addon = CHECKOUT_ADDON
    if not addon.is_file():
        addon = scratch / "kimitap_demo_addon.py"
        addon.write_text(ADDON)
    options = ["--mode", f"reverse:{upstream}", "--listen-host", "127.0.0.1", "-p", "0"]
    settings = ["--set", f"confdir={scratch}", "--set", f"kimitap_db={where}"]
    return [sys.executable, "-c", MITMDUMP, "-s", str(addon), *options, *settings]


def end(process: subprocess.Popen[str]) -> None:
    """Ask the process to end, and see to it that it does."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
