"""The play: a server, a recorder in the middle, and two agents that differ in one function."""

import re
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kimitap.demo import history
from kimitap.demo.agent import Agent, AgentFailed, Played, play
from kimitap.demo.history import Memory
from kimitap.demo.model import next_speech
from kimitap.demo.speech import JSON, Call, spelled
from kimitap.demo.upstream import Upstream

HEALTHY = Agent("demo-agent/1.0 (native history)", history.healthy)
LOSSY = Agent("demo-agent/1.0 (R1 history)", history.r1, most_turns=4)

TOKENS_PER_S = 120.0
READY_S = 60.0
"""The longest that a recorder may take to listen: on a busy machine imports alone take seconds."""

Say = Callable[[str], None]

CHECKOUT_ADDON = Path(__file__).parents[2] / "addons" / "kimitap.py"
ADDON = "from kimitap.recorder import Recorder\n\naddons = [Recorder()]\n"
"""What the addon comes to where Kimitap was installed without its checkout."""


class DemoFailed(Exception):
    """The play could not be played; the text says why, in one line."""


def run(
    where: str,
    say: Say,
    *,
    llama: str | None = None,
    agents: Sequence[Agent] = (HEALTHY, LOSSY),
    tokens_per_s: float = TOKENS_PER_S,
) -> tuple[Played, ...]:
    """Play all `agents` one after the other and record them into `where`, a path or a URL.

    `llama` is the base URL of a real llama-server with the model of `scripts/setup-llama.sh`; by
    default an embedded scripted server takes its place. Returns what each agent came to, when the
    recorder has ended and everything is on disk. Raises `DemoFailed`.
    """
    try:
        with server(llama, tokens_per_s, say) as upstream, recorder(upstream, where, say) as url:
            return tuple(perform(agent, url, say, real=llama is not None) for agent in agents)
    except AgentFailed as failure:
        raise DemoFailed(f"the server did not answer the demo's agent: {failure}") from failure


@contextmanager
def server(llama: str | None, tokens_per_s: float, say: Say) -> Iterator[str]:
    """The base URL of the server that the agents talk to, through the recorder."""
    if llama:
        say(f"A real llama-server answers on {llama}.")
        yield llama.rstrip("/").removesuffix("/v1")
        return
    with Upstream(tokens_per_s=tokens_per_s) as upstream:
        say(f"A scripted server that speaks as llama-server does answers on {upstream.url}.")
        yield upstream.url


@contextmanager
def recorder(upstream: str, where: str, say: Say) -> Iterator[str]:
    """A real mitmdump with the addon before `upstream`; yields the base URL to give to agents.

    Its settings are its own, in a temporary folder, so that neither the user's configuration nor
    the user's certificates are read or made.
    """
    with tempfile.TemporaryDirectory(prefix="kimitap-demo-") as scratch:
        addon = CHECKOUT_ADDON
        if not addon.is_file():
            addon = Path(scratch, "kimitap_demo_addon.py")
            addon.write_text(ADDON)
        options = ["--mode", f"reverse:{upstream}", "--listen-host", "127.0.0.1", "-p", "0"]
        settings = ["--set", f"confdir={scratch}", "--set", f"kimitap_db={where}"]
        process = subprocess.Popen(
            [sys.executable, "-c", MITMDUMP, "-s", str(addon), *options, *settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            port = listening_port(process)
            say(f"mitmdump -s addons/kimitap.py records on http://127.0.0.1:{port}.")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"
LISTENING = re.compile(r"listening at \S*?:(\d+)")


def listening_port(process: subprocess.Popen[str]) -> int:
    """The port that mitmdump says it listens on; `DemoFailed` with its last words otherwise.

    A thread goes on reading what it prints, so that it never waits for a full pipe.
    """
    said: deque[str] = deque(maxlen=20)
    found: list[int] = []
    ready = threading.Event()

    def listen() -> None:
        for line in process.stdout or ():
            said.append(line.strip())
            if not found and (match := LISTENING.search(line)):
                found.append(int(match[1]))
                ready.set()
        ready.set()

    threading.Thread(target=listen, name="demo-recorder-output", daemon=True).start()
    ready.wait(READY_S)
    if not found:
        raise DemoFailed(f"the recorder did not start: {' / '.join(said) or 'it said nothing'}")
    return found[0]


def perform(agent: Agent, url: str, say: Say, *, real: bool = False) -> Played:
    """Let one agent do its task in a temporary folder, and say what it does."""
    say(f"\n{agent.name} is asked for a poem in Test.md:")
    with tempfile.TemporaryDirectory(prefix="kimitap-demo-") as folder:
        extras = words_for_a_real_model if real else lambda _: {}
        played = play(agent, url, Path(folder), lambda memory: tell(memory, say), extras)
    if played.answer is None:
        say(f"  It gives up after {played.turns} requests without an end.")
    return played


def tell(memory: Memory, say: Say) -> None:
    """One turn in a line of plain words."""
    for result in memory.results:
        first = result.text.splitlines()[0] if result.text else ""
        say(f"  the model calls {named(result.call)}  →  the tool answers: {first}")
    if not memory.results:
        say(f"  the model answers: {memory.reply.text}")


def named(call: Call) -> str:
    """A call in short: the tool, and the file it is about."""
    path = re.search(r'"path": ?"([^"]*)"', call.arguments)
    return f"{call.name} {path[1]}" if path else call.name


def words_for_a_real_model(request: JSON) -> JSON:
    """What makes a tiny real model say what a large one would: its words, then only an end.

    The words are put into the assistant's mouth through the chat template, so they still pass
    through the real server's own parser. Token 2 is the model's end of message.
    """
    return {
        "chat_template_kwargs": {"suffix": spelled(next_speech(request))},
        "logit_bias": [[2, 100]],
        "temperature": 0,
        "max_tokens": 64,
    }
