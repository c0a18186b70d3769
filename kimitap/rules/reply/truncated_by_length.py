"""The reply was cut because it was too long, and the server says so."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import markers
from kimitap.rules.arguments import breaks_off
from kimitap.rules.asked import is_filling_in, tool_names
from kimitap.rules.endings import ended, was_called, was_cut
from kimitap.rules.examples import DONE, NOTES, READ, TASK, assistant, call, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.limits import filled_its_limit, generated, is_probe, limit_reached
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_call, quoted_ending, quoted_reasoning

HALF = '{"path": "summary.md", "content": "# Summ'


def cut_call(turn: Turn) -> tuple[int, ToolCall] | None:
    """The call in which the reply breaks off: its last one, and its part's index."""
    calls = [(n, p) for n, p in enumerate(turn.reply.message.parts) if isinstance(p, ToolCall)]
    if not calls:
        return None
    part, last = calls[-1]
    open_ended = breaks_off(last) or (last.arguments == "" and was_cut(turn))
    return (part, last) if open_ended and not last.free else None


def is_truncated(turn: Turn) -> bool:
    """True for a reply that is cut by its finish reason; or that breaks off within a call, with a
    finish reason that does not speak for the call."""
    if is_probe(turn):
        return False
    if was_cut(turn):
        return not is_filling_in(turn)
    if filled_its_limit(turn) or was_called(turn):
        return False
    return cut_call(turn) is not None


class TruncatedByLength(Rule):
    """A cut call is worse than a cut sentence: agents repair its arguments and run it."""

    name = "truncated-by-length"
    severity = Severity.ERROR
    side = Side.SERVER
    by_choice = True
    by_turn = True
    summary = "the reply was cut at a length limit; an error where that hit a call"
    meaning = (
        "The finish reason is length: the limit of the request (max_tokens), of the server (-n) or "
        "of the context ended the reply before the model did. A call that was cut has half its "
        "arguments; agents replace them by {}, or repair them and write half a file. The same is "
        "told of arguments that end in mid-JSON where the finish reason does not speak of calls; "
        "where it says tool_calls, the tokens tell: at a limit it is unreported-truncation, below "
        "or unknown malformed-tool-arguments, since models break off their JSON too. "
        "A request for one token is a probe, an editor's for what to fill in takes what fits; a "
        "limit that the server keeps quiet about is unreported-truncation."
    )
    remedy = (
        "Raise max_tokens in the agent, or the server's context (-c) where prompt and reply fill "
        "it together; give reasoning a budget if it used the tokens up; ask for smaller writes. "
        "Rewind to before this reply, so that no half call stays in the history."
    )
    source = (
        "OpenAI's API reference: finish_reason `length`; "
        "https://github.com/ahwurm/localharness/issues/77 (cut calls that were run)"
    )
    examples: ClassVar = (
        Example("a reply that fits", (step(TASK, DONE, max_tokens=64),)),
        Example("a probe for one token", (step(TASK, assistant("I"), "length", max_tokens=1),)),
        Example(
            "the stream was cut inside the arguments",
            (step(TASK, assistant(None, call("c1", "write_file", HALF)), None),),
            also=("stream-aborted",),
        ),
        Example(
            "the server refused the prompt for its length",
            (
                step(TASK, assistant(None, READ)),
                step((*TASK, assistant(None, READ), NOTES), DONE),
            ),
        ),
        Example(
            "a sentence cut, and gone on with",
            (
                step(TASK, assistant("The owner of the notes is"), "length"),
                step(
                    (*TASK, assistant("The owner of the notes is"), user("Go on.")),
                    assistant("Ada."),
                ),
            ),
            (Place(1),),
        ),
        Example(
            "the second of two calls cut: one defect, though its arguments are broken",
            (step(TASK, assistant(None, READ, call("c2", "write_file", HALF)), "length"),),
            (Place(1, None, 1),),
        ),
        Example(
            "cut in its thoughts, before it said anything",
            (step(TASK, assistant("", reasoning="The notes are long, so"), "length"),),
            (Place(1),),
        ),
        Example(
            "arguments that end in mid-JSON, with finish reason stop",
            (step(TASK, assistant(None, call("c2", "write_file", HALF)), "stop"),),
            (Place(1, None, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            if is_truncated(turn):
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        side, why = _blame(turn)
        where, part, evidence = broken_off(turn)
        calls = bool(turn.reply.message.tool_calls) or where == "inside a call's markup"
        return Finding(
            self.name,
            Severity.ERROR if calls else Severity.WARNING,
            side,
            f"The reply of exchange {turn.exchange} was cut {where}: {why}.",
            Place(turn.exchange, None, part),
            evidence=(evidence,),
        )


def broken_off(turn: Turn) -> tuple[str, int | None, Evidence]:
    """Where a reply ends too early, in words; the part of the call; the bytes that show it."""
    message = turn.reply.message
    broken = cut_call(turn)
    if broken is not None:
        part, last = broken
        said = f"inside the call of {last.name or '(no name)'}"
        return said, part, _end_of(turn, last) if last.arguments else quoted_call(turn, last)
    if message.tool_calls:
        return "after its calls", None, quoted_call(turn, message.tool_calls[-1])
    if markers.call_breaks_off(message.text, tool_names(turn)):
        return "inside a call's markup", None, _tail(turn, message.text)
    if message.text.strip():
        return "in mid-sentence", None, _tail(turn, message.text)
    if message.reasoning.strip():
        return "in its thoughts, before it said anything", None, quoted_reasoning(turn)
    return "before it said anything", None, quoted_ending(turn, turn.reply.finish_reason)


def _end_of(turn: Turn, call: ToolCall) -> Evidence:
    text = call.arguments
    return quoted_call(turn, call) if len(text) < 150 else _tail(turn, text)


def _tail(turn: Turn, text: str) -> Evidence:
    """The end of a text: there it broke off."""
    return Evidence(turn.exchange, text if len(text) <= 200 else f"…{text[-199:]}")


def _blame(turn: Turn) -> tuple[Side, str]:
    """Whose limit it was, and what tells."""
    made, prompt = generated(turn), turn.reply.usage.prompt_tokens
    reason = turn.reply.finish_reason
    said = "it has no finish reason" if reason is None else f"its finish reason is “{reason}”"
    if not was_cut(turn):
        return Side.SERVER, f"the arguments end in mid-JSON, though {said}"
    limit = limit_reached(turn)
    if limit is not None:
        return Side.MODEL, f"the model had not ended at the {limit} tokens that the request allows"
    if made is not None and prompt is not None:
        both = f"at {prompt} prompt + {made} reply tokens"
        return Side.SERVER, f"the server ended it {both}, below any limit of the request"
    return Side.SERVER, f"the server ended it, {said}"
