"""The client hung up before the reply was whole."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.exchange import Outcome
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import ASKED, DONE, TASK, assistant, step
from kimitap.rules.exchange.stream_aborted import is_cut, quotes
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule


class ClientCancelled(Rule):
    """A rule of its own, so that whoever re-grades cut streams does not re-grade a user's stop."""

    name = "client-cancelled"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "the client hung up before the reply was whole"
    meaning = (
        "The client closed the connection while the server was still speaking: somebody pressed "
        "stop, or the agent ran into a time-out of its own. What had arrived is in the recording, "
        "and the agent may rightly leave the turn out. It is no hang-up where the end of the reply "
        "had been seen: many agents close at [DONE]."
    )
    remedy = (
        "Nothing, if you stopped it yourself. Else raise the agent's time-out for a slow server "
        "(the recording shows how long it waited)."
    )
    source = "llama-server stops generating when the client's connection closes"
    examples: ClassVar = (
        Example(
            "the client closes at the last event",
            (step(TASK, DONE, "stop", cancelled=True), step((*TASK, DONE, TASK[1]), ASKED)),
        ),
        Example(
            "the server cut it",
            (step(TASK, ASKED, None), step(TASK, ASKED)),
            also=("stream-aborted",),
        ),
        Example(
            "the client hung up in mid-sentence",
            (step(TASK, assistant("I read the"), None, cancelled=True),),
            (Place(1),),
        ),
        Example(
            "the client hung up before a word came",
            (step(TASK, None, cancelled=True), step(TASK, ASKED)),
            (Place(1),),
        ),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            if is_cut(turn) and turn.outcome is Outcome.CLIENT_HUNG_UP:
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        waited = "" if turn.duration_s is None else f" after {turn.duration_s:.1f} s"
        got = "; nothing had been said" if turn.reply.empty else ""
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The client hung up on exchange {turn.exchange}{waited}, before the reply was "
            f"whole{got}.",
            Place(turn.exchange),
            evidence=tuple(quotes(turn)),
        )
