"""What the finish reason says is not what the reply is."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import soundness
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, TASK, WROTE, assistant, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named

NAMED = {"type": "function", "function": {"name": "read_file"}}


_UNNAMED = ("auto", "any", "none", "allowed_tools")
"""Choices that are objects (Anthropic's, one of OpenAI's) and name no tool."""


def is_forced(turn: Turn) -> bool:
    """True where the request names the tool to call: OpenAI itself then says `stop`."""
    asked = (turn.parameters.get(name) for name in ("tool_choice", "function_call"))
    return any(isinstance(a, dict) and a.get("type") not in _UNNAMED for a in asked)


def mismatch(turn: Turn) -> str:
    """What does not agree, in words; `""` where all does."""
    calls, reason = turn.reply.message.tool_calls, turn.reply.finish_reason
    if calls and reason in soundness.SAID and not is_forced(turn):
        return f"it holds the {named(calls)}, but its finish reason is “{reason}”"
    if not calls and reason in soundness.CALLED and not turn.reply.message.tool_results:
        return f"its finish reason is “{reason}”, but it holds no call"
    return ""


class FinishReasonMismatch(Rule):
    """Agents that look at the reason first lose the call."""

    name = "finish-reason-mismatch"
    severity = Severity.WARNING
    side = Side.SERVER
    by_choice = True
    by_turn = True
    summary = "calls, but finish reason stop; or finish reason tool_calls, but no call"
    meaning = (
        "The reply has calls and says that it just stopped, or says that it called and has no "
        "call. Most agents go by the calls; those that go by the reason end the run with the call "
        "unanswered, or wait for one. With a tool_choice that names the tool, stop is OpenAI's "
        "own way. Reasons that tell neither (length, content_filter) agree with anything."
    )
    remedy = (
        "Update the server, or put up with it: if the agent stops after such replies, report it "
        "to the agent too, since calls count and not the reason."
    )
    source = (
        "https://github.com/vllm-project/vllm/pull/25054 (a table of what OpenAI and vLLM say), "
        "https://github.com/Blaizzy/mlx-vlm/pull/990"
    )
    examples: ClassVar = (
        Example(
            "tool_choice names the tool, and the reason is stop",
            (step(TASK, ASKED, "stop", tool_choice=NAMED),),
        ),
        Example(
            "an empty list of calls, and stop",
            (step(TASK, {**DONE, "tool_calls": []}, "stop"),),
        ),
        Example(
            "cut by the length limit after a call",
            (step(TASK, assistant(None, READ), "length"),),
            also=("truncated-by-length",),
        ),
        Example(
            "a call, and stop, in the second turn",
            (step(TASK, ASKED), step((*TASK, ASKED, NOTES), WROTE, "stop")),
            (Place(2),),
        ),
        Example(
            "tool_calls, and none there",
            (step(TASK, assistant("I read the notes now."), "tool_calls"),),
            (Place(1),),
        ),
        Example(
            "tool_choice required, and stop",
            (step(TASK, ASKED, "stop", tool_choice="required"),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in soundness.ended(thread):
            what = mismatch(turn)
            if what:
                yield self._finding(turn, what)

    def _finding(self, turn: Turn, what: str) -> Finding:
        built = f" The server is build {turn.reply.fingerprint}." if turn.reply.fingerprint else ""
        calls = ", ".join(f"{c.name}({c.arguments})" for c in turn.reply.message.tool_calls)
        reason = f'"finish_reason": "{turn.reply.finish_reason}"'
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The reply of exchange {turn.exchange} does not agree with itself: {what}.{built}",
            Place(turn.exchange),
            evidence=(Evidence(turn.exchange, cut(f"{reason}, {calls}" if calls else reason)),),
        )
