"""The answer ended before its end."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.exchange import Outcome
from kimitap.lineage import Session, Thread
from kimitap.rules.endings import is_unkept, was_aborted
from kimitap.rules.examples import ASKED, DONE, TASK, anthropic, assistant, failed, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import fact, quoted_reply

UNKNOWN = (Outcome.IN_FLIGHT, Outcome.INTERRUPTED, Outcome.REFUSED, Outcome.HTTP_ERROR)
"""Outcomes that say nothing about a stream: none came, or nobody watched its end."""


def is_cut(turn: Turn) -> bool:
    """True where an answer began, and ended without the protocol's end, by whomever.

    An error event is an end, though a bad one, and has a rule of its own. Where a part of the
    answer is not recorded nobody knows its end.
    """
    if was_aborted(turn):
        return True
    if turn.reply.complete or turn.outcome in UNKNOWN or (turn.status or 200) >= 400:
        return False
    if turn.reply.error_in_stream or is_unkept(turn):
        return False
    return turn.outcome is not Outcome.COMPLETE or turn.reply.streamed


class StreamAborted(Rule):
    """A client's own hang-up is another rule's: client-cancelled."""

    name = "stream-aborted"
    severity = Severity.ERROR
    side = Side.NETWORK
    summary = "a reply ended without a finish reason"
    meaning = (
        "The answer has no finish reason and no [DONE]: the server crashed in mid-stream, or a "
        "proxy or time-out cut the connection; or its finish reason is abort: the server gave the "
        "request up (SGLang, vLLM). What had arrived is in the recording. It is no "
        "defect where the end was seen and only the connection ended oddly, as with agents that "
        "close at [DONE] or message_stop; where the client hung up first, it is client-cancelled, "
        "and where the server told why, stream-error-event. An HTTP error is no cut stream. Where "
        "the recorder or the capture did not keep all of the answer, nobody knows its end."
    )
    remedy = (
        "Look at the server's log at that time: a crash (“Invalid diff: now finding less tool "
        "calls!”) needs a newer build; memory running out, a smaller context; else look for a "
        "time-out in a proxy between them."
    )
    source = (
        "OpenAI's API reference: a chat stream is terminated by `data: [DONE]`; Anthropic's: each "
        "stream ends with a `message_stop` event"
    )
    examples: ClassVar = (
        Example(
            "the server answers with an error",
            (failed(TASK, 500, "Invalid diff: now finding less tool calls!"), step(TASK, ASKED)),
        ),
        Example(
            "the client closes at the last event",
            (step(TASK, DONE, "stop", cancelled=True), step((*TASK, DONE, TASK[1]), ASKED)),
        ),
        Example(
            "cut inside a call, and asked again",
            (step(TASK, ASKED, None), step(TASK, ASKED)),
            (Place(1),),
        ),
        Example(
            "the server gave it up, and says so",
            (step(TASK, assistant("I read the"), "abort"), step(TASK, ASKED)),
            (Place(1),),
        ),
        Example("cut before it said anything", (step(TASK, None),), (Place(1),)),
        Example(
            "Anthropic's API: with its message_stop a reply is whole, though the client hung up",
            (anthropic.streamed(anthropic.TASK, "Done.", cancelled=True),),
        ),
        Example(
            "Anthropic's API: a stop_reason came, and no message_stop",
            (anthropic.streamed(anthropic.TASK, "Done.", last=False),),
            (Place(1),),
        ),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            if is_cut(turn) and turn.outcome is not Outcome.CLIENT_HUNG_UP:
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        side, why = _blame(turn)
        got = "" if turn.reply.empty else "; what it had said by then is recorded"
        return Finding(
            self.name,
            self.severity,
            side,
            f"The reply of exchange {turn.exchange} was cut before its end: {why}{got}.",
            Place(turn.exchange),
            evidence=tuple(quotes(turn)),
        )


def _blame(turn: Turn) -> tuple[Side, str]:
    """Who ended the answer, and what tells."""
    if was_aborted(turn):
        return Side.SERVER, f"its finish reason is “{turn.reply.finish_reason}”"
    lacks = "its last event" if turn.reply.finish_reason else "a finish reason"
    if turn.outcome is Outcome.SERVER_CUT:
        return Side.NETWORK, f"the server's connection ended without {lacks}"
    return Side.SERVER, f"the server closed the stream properly, but without {lacks}"


def quotes(turn: Turn) -> Iterator[Evidence]:
    """What the reply had said, and the proxy's words for the end."""
    yield quoted_reply(turn)
    if turn.detail:
        yield fact(turn, turn.detail)
