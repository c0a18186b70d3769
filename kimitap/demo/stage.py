"""The play: a server, a recorder in the middle, and two agents that differ in one function."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kimitap.demo import history
from kimitap.demo.agent import Agent, AgentFailed, Played, play
from kimitap.demo.history import Memory
from kimitap.demo.model import next_speech
from kimitap.demo.proxy import DemoFailed, recorder
from kimitap.demo.speech import JSON, Call, spelled
from kimitap.demo.upstream import Upstream

HEALTHY = Agent(
    "demo-agent/1.0 (native history)",
    history.healthy,
    "An agent is asked for a poem in Test.md. It sends its whole history with every request:",
)
LOSSY = Agent(
    "demo-agent/1.0 (R1 history)",
    history.r1,
    "The same agent, task and model, but it writes its history as Roo Code 3.34.2 does with "
    "“R1 model parameters” on:",
    most_turns=4,
)

TOKENS_PER_S = 120.0
Say = Callable[[str], None]


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
        with server(llama, tokens_per_s, say) as upstream, middle(upstream, where, say) as url:
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
def middle(upstream: str, where: str, say: Say) -> Iterator[str]:
    """The base URL that the agents are given: the recorder's."""
    with recorder(upstream, where) as url:
        say(f"mitmdump -s addons/kimitap.py records on {url}.")
        yield url


def perform(agent: Agent, url: str, say: Say, *, real: bool = False) -> Played:
    """Let one agent do its task in a temporary folder, and say what it does."""
    say(f"\n{agent.about or agent.name}")
    with tempfile.TemporaryDirectory(prefix="kimitap-demo-") as folder:
        extras = words_for_a_real_model if real else lambda _: {}
        played = play(agent, url, Path(folder), lambda memory: tell(memory, say), extras)
    if played.answer is None:
        say(f"  The agent gives up after {played.turns} requests: the tool ran every time.")
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
