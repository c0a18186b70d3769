"""What the finish reason says is not what the reply is."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.each import each
from kimitap.rules.endings import was_called, was_cut, was_said, was_withheld
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, TASK, WRITTEN, WROTE, assistant, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.reply_choices import each_choice
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut, named, quoted_ending, written

NAMED = {"type": "function", "function": {"name": "read_file"}}

ENDLESS = (
    b'data: {"choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant","tool_calls":'
    b'[{"index":0,"id":"c1","type":"function","function":{"name":"read_file",'
    b'"arguments":"{}"}}]}}]}\n\ndata: [DONE]\n\n'
)
_TELLING = re.compile(
    r"length|limit|max|filter|safety|sensitive|refus|abort|cancel|incomplete|pause|error|fail"
    r"|insufficient|repetition|malformed|overload",
    re.IGNORECASE,
)
"""What a reason says that tells of another end than the model's own: it agrees with anything."""
LISTED = 50
"""Replies that a finding names; the rest is a number."""
_UNNAMED = ("auto", "any", "none", "allowed_tools")
"""Choices that are objects (Anthropic's, one of OpenAI's) and name no tool."""


class Odd(NamedTuple):
    """A reply, or one choice of it, that does not agree with itself; and why."""

    place: Place
    turn: Turn
    what: str


def is_forced(turn: Turn) -> bool:
    """True where the request names the tool to call: OpenAI itself then says `stop`."""
    asked = (turn.parameters.get(name) for name in ("tool_choice", "function_call"))
    return any(isinstance(a, dict) and a.get("type") not in _UNNAMED for a in asked)


def mismatch(turn: Turn) -> str:
    """What does not agree, in words; `""` where all does."""
    calls, reason = turn.reply.message.tool_calls, turn.reply.finish_reason
    if calls and not _agrees(turn) and not (was_said(turn) and is_forced(turn)):
        said = "it has no finish reason" if reason is None else f"its finish reason is “{reason}”"
        return f"it holds the {named(calls)}, but {said}"
    if not calls and was_called(turn) and not turn.reply.message.tool_results:
        return f"its finish reason is “{reason}”, but it holds no call"
    return ""


def _agrees(turn: Turn) -> bool:
    """True where the reason allows for calls; the Responses API need not give any."""
    reason = turn.reply.finish_reason
    if reason is None:
        return turn.dialect == "openai-responses"
    if was_called(turn) or was_cut(turn) or was_withheld(turn):
        return True
    return bool(_TELLING.search(reason))


class FinishReasonMismatch(Rule):
    """Agents that look at the reason first lose the call. A server does so always: told once."""

    name = "finish-reason-mismatch"
    severity = Severity.WARNING
    side = Side.SERVER
    summary = "calls, but finish reason stop or none; or finish reason tool_calls, but no call"
    meaning = (
        "The reply has calls and says that it just stopped, or gives a reason of its own or none; "
        "or it says that it called and has no call. Most agents go by the calls; those that go by "
        "the reason end the run with the call unanswered, or wait for one. With a tool_choice that "
        "names the tool, stop is OpenAI's own way. Reasons of another end (length, a filter, an "
        "error, a pause) agree with anything. One reason that comes with calls is told once a "
        "thread."
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
        Example("a call before a filter struck", (step(TASK, ASKED, "content_filter"),)),
        Example(
            "a call, and stop, in the second turn",
            (step(TASK, ASKED), step((*TASK, ASKED, NOTES), WROTE, "stop")),
            (Place(2),),
        ),
        Example(
            "calls, and stop, in every turn: one finding",
            (
                step(TASK, ASKED, "stop"),
                step((*TASK, ASKED, NOTES), WROTE, "stop"),
                step((*TASK, ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(1),),
        ),
        Example(
            "tool_calls, and none there",
            (step(TASK, assistant("I read the notes now."), "tool_calls"),),
            (Place(1),),
        ),
        Example(
            "a call, [DONE], and no finish reason",
            (Sample(step(TASK, None).request, None, raw=ENDLESS),),
            (Place(1),),
        ),
        Example(
            "a call, and a server's own word",
            (step(TASK, ASKED, "eos_token"),),
            (Place(1),),
        ),
        Example(
            "tool_choice required, and stop",
            (step(TASK, ASKED, "stop", tool_choice="required"),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        groups: dict[str | Place | None, list[Odd]] = {}
        for odd in (odd for odds in each(thread, _odd_at) for odd in odds):
            reply = odd.turn.reply
            standing = reply.finish_reason if reply.message.tool_calls else odd.place
            groups.setdefault(standing, []).append(odd)
        yield from map(self._finding, groups.values())

    def _finding(self, found: Sequence[Odd]) -> Finding:
        place, turn, what = found[0]
        built = f" The server is build {turn.reply.fingerprint}." if turn.reply.fingerprint else ""
        often = f" So do {len(found) - 1} more of this thread." if len(found) > 1 else ""
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The reply of exchange {place.exchange} does not agree with itself: {what}."
            f"{often}{built}",
            place,
            related=tuple(odd.place for odd in found[1:LISTED]),
            evidence=tuple(proof for odd in found[:3] for proof in _quoted(odd)),
        )


def _odd_at(thread: Thread, position: int) -> list[Odd]:
    turn = thread.turns[position]
    choices = each_choice(turn) if turn.succeeded else ()
    told = ((place, choice, mismatch(choice)) for place, choice in choices)
    return [Odd(*odd) for odd in told if odd[2]]


def _quoted(odd: Odd) -> Iterator[Evidence]:
    yield quoted_ending(odd.turn, odd.turn.reply.finish_reason)
    calls = ", ".join(written(call) for call in odd.turn.reply.message.tool_calls)
    if calls:
        yield Evidence(odd.place.exchange, cut(calls))
