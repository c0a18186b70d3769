"""Runs of made-up agents, at random from a seed, with what is true of them: who follows whom.

A run is one agent's: a main thread that calls tools, is retried, goes back, is compacted, asks side
questions, and starts sub-agents. Messages are shared objects, as a decoder's memo gives them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from kimitap.conversation import (
    Message,
    Part,
    Reasoning,
    Reply,
    Scope,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.exchange import Outcome
from tests.support.chat import BEGIN

TOOLS = tuple(Tool(name, "{}") for name in ("read_file", "write_file", "run", "agent"))
WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "glade", "heron", "inlet", "jetty"]
WORDS += ["knoll", "lagoon", "maple", "nectar", "otter", "pebble", "quartz", "raven", "sable"]


@dataclass
class Line:
    """One thread as its agent sees it: its history, and the exchanges that it made."""

    name: str
    history: list[Message]
    tools: tuple[Tool, ...] = TOOLS
    agent_id: str = ""


@dataclass
class Run:
    """An agent's run; `turns` in the order of their requests, numbered from 1, `line_of` of each.

    `task` and `system` may be another run's too; `named` is what it calls its session, if anything.
    """

    seed: int
    name: str = "a"
    named: str = ""
    system: str = "You are an agent that works with the tools it is given."
    task: str = "Please bring the garden in order, plot by plot, and tell me when you are done."
    turns: list[Turn] = field(default_factory=list)
    line_of: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = Random(f"{self.seed}-{self.name}")
        self.at_s = self.dice.random()
        self.count = 0
        self.main = Line("main", [_said("system", self.system), _said("user", self.task)])

    # -- the agent's doings

    def play(self, steps: int) -> "Run":
        """Begin, and do that many things at random."""
        doings: list[tuple[int, Callable[[], None]]] = [
            (8, self.work),
            (2, self.ask),
            (1, self.fail_and_retry),
            (1, self.cut_and_retry_without_stream),
            (1, self.go_back),
            (1, self.title),
            (1, self.look_aside),
            (1, self.delegate),
            (1, self.compact),
            (1, self.edit_early),
        ]
        self.work()
        for _ in range(steps):
            (doing,) = self.dice.choices([d for _, d in doings], [w for w, _ in doings])
            doing()
        self.work()
        return self

    def work(self) -> None:
        """The model calls a tool or two; the agent answers and, as agents do, rewrites a little."""
        calls = [self._call() for _ in range(self.dice.choice((1, 1, 2)))]
        self._turn(self.main, self._reply(*calls))

    def ask(self) -> None:
        """The model answers; the user says something else."""
        self._turn(self.main, self._reply())
        self.main.history.append(_said("user", self._words(9)))

    def fail_and_retry(self) -> None:
        """The server fails once or twice."""
        for _ in range(self.dice.choice((1, 2))):
            self._turn(self.main, Message("assistant"), status=500)
        self.work()

    def cut_and_retry_without_stream(self) -> None:
        """A stream breaks in the middle; the agent asks again for one JSON body."""
        self._turn(self.main, self._reply(), outcome=Outcome.SERVER_CUT, complete=False)
        self._turn(self.main, self._reply(self._call()), stream=False)

    def go_back(self) -> None:
        """The user goes back to what he said before, and says something else: a fork."""
        spoken = [i for i, m in enumerate(self.main.history) if m.role == "user"][1:]
        before = self.main.history[: spoken[-1]] if spoken else []
        if not spoken or spoken[-1] == len(self.main.history) - 1 or _unasked(before):
            return
        self.at_s += 20
        self._again([*before, _said("user", self._words(12))])

    def title(self) -> None:
        """A side request that quotes the task."""
        asked = _said("user", f"Generate a title for this:\n{self.task}")
        titler = _said("system", "You generate titles.")
        self._turn(self._other("title", [titler, asked]), self._reply(short=True))

    def look_aside(self) -> None:
        """A question about the history that is asked beside it, without the tools."""
        asked = _said("user", f"Which of the words {self._words(3)} fits best?")
        self._turn(self._other("aside", [*self.main.history, asked]), self._reply(short=True))
        self.work()

    def delegate(self) -> None:
        """The model hands a task to a sub-agent, whose answer becomes the result."""
        task = self._words(14)
        call = ToolCall("agent", f'{{"prompt": "{task}"}}', self._id())
        self._turn(self.main, self._reply(call), answered=False)
        begun = [_said("system", "You are a helper."), _said("user", task)]
        helper = Line(f"sub-{self.count}", begun, TOOLS[:3], f"h{self.count}" if self.named else "")
        for _ in range(self.dice.choice((1, 2))):
            self._turn(helper, self._reply(self._call()))
        report = self._reply()
        self._turn(helper, report)
        self.main.history.append(Message("tool", (ToolResult(report.text, call.id),)))

    def compact(self) -> None:
        """The agent asks for a summary, and goes on with that in the place of the history."""
        if len(self.main.history) < 8 or self.main.history[-1].role != "user":
            return
        asked = _said("user", "Write a summary of the conversation so far.")
        summariser = _said("system", "You are the component that sums up chats.")
        summary = _said("assistant", self._words(30))
        other = self._other("summary", [summariser, *self.main.history[1:], asked])
        self._turn(other, summary)
        text = f"## Conversation Summary\n{summary.text}"
        last = self.main.history[-1]
        self.main.history[1:] = [_said("user", text), last]
        self.work()

    def edit_early(self) -> None:
        """The agent writes a detail of its first message anew."""
        first = self.main.history[1]
        if first.role == "user" and len(self.main.history) > 5:
            self.main.history[1] = _said("user", f"{first.text} ({self.dice.choice(WORDS)})")
            self.work()

    # -- turns

    def _again(self, history: list[Message]) -> None:
        self.main = Line(f"fork-{self.count}", history)
        self.work()

    def _other(self, what: str, history: list[Message]) -> Line:
        return Line(f"{what}-{self.count}", history, ())

    def _turn(
        self,
        line: Line,
        reply: Message,
        *,
        status: int = 200,
        outcome: Outcome = Outcome.COMPLETE,
        complete: bool = True,
        stream: bool = True,
        answered: bool = True,
    ) -> None:
        self.count += 1
        self.at_s += self.dice.uniform(1.5, 6)
        began = BEGIN + timedelta(seconds=self.at_s)
        self.at_s += self.dice.uniform(0.1, 1.2)
        well = status == 200 and complete
        self.turns.append(
            Turn(
                self.count,
                "openai-chat",
                "/v1/chat/completions",
                began,
                BEGIN + timedelta(seconds=self.at_s),
                outcome if status == 200 else Outcome.HTTP_ERROR,
                tuple(line.history),
                Reply(reply, "stop" if well else None, well, "" if status == 200 else "failed"),
                status,
                agent="made-up/1.0",
                client=f"127.0.0.1:{self.name}",
                tools=line.tools,
                scope=Scope(self.named, line.agent_id),
                stream=stream,
            )
        )
        self.line_of[self.count] = line.name
        if well:
            line.history = [*line.history, *self._given_back(reply, answered)]

    def _given_back(self, reply: Message, answered: bool) -> list[Message]:
        """The reply as agents give it back, and the results of its calls."""
        parts: list[Part] = list(reply.parts)
        if self.dice.random() < 0.3:
            parts = [part for part in parts if not isinstance(part, Reasoning)]
        if self.dice.random() < 0.3:
            parts = [_respelled(part) for part in parts]
        results = [
            Message("tool", (ToolResult(self._words(12), call.id),)) for call in reply.tool_calls
        ]
        back = replace(reply, parts=tuple(parts))
        return [back, *(results if answered else ())]

    # -- words

    def _words(self, count: int) -> str:
        picked = " ".join(self.dice.choice(WORDS) for _ in range(count))
        return f"{picked} {self.dice.getrandbits(40):x} {self.dice.getrandbits(40):x}."

    def _id(self) -> str:
        return f"call_{self.dice.getrandbits(48):x}"

    def _call(self) -> ToolCall:
        name = self.dice.choice(("read_file", "write_file", "run"))
        return ToolCall(name, f'{{"path": "{self._words(3)}", "n": 1.0}}', self._id())

    def _reply(self, *calls: ToolCall, short: bool = False) -> Message:
        thought = [Reasoning(self._words(10))] if self.dice.random() < 0.5 else []
        said = Text(self._words(2 if short else 10))
        return Message("assistant", (*thought, said, *calls))

    @property
    def threads(self) -> set[tuple[int, ...]]:
        """The true threads: their exchanges."""
        names = dict.fromkeys(self.line_of.values())
        return {tuple(n for n, line in self.line_of.items() if line == name) for name in names}


def merged(runs: Sequence[Run]) -> tuple[list[Turn], set[tuple[int, ...]], list[set[int]]]:
    """The runs as one recording: turns by time and numbered anew, threads, each run's numbers."""
    each = [(turn, i) for i, run in enumerate(runs) for turn in run.turns]
    each.sort(key=lambda one: (one[0].started_at, one[1]))
    new = {(i, turn.exchange): n for n, (turn, i) in enumerate(each, 1)}
    turns = [replace(turn, exchange=new[i, turn.exchange]) for turn, i in each]
    threads = {
        tuple(new[i, n] for n in thread) for i, run in enumerate(runs) for thread in run.threads
    }
    owned = [{new[i, turn.exchange] for turn in run.turns} for i, run in enumerate(runs)]
    return turns, threads, owned


def _said(role: str, text: str) -> Message:
    return Message(role, (Text(text),))


def _respelled(part: Part) -> Part:
    """A call with its arguments parsed and written again."""
    if not isinstance(part, ToolCall):
        return part
    return replace(part, arguments=part.canonical_arguments)


def _unasked(history: Sequence[Message]) -> bool:
    """True where a call at the end of a history has no result."""
    return not history or history[-1].role != "assistant" or bool(history[-1].tool_calls)
