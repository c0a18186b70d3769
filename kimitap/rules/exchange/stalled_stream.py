"""A stream that had begun to speak fell silent for long."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, TASK, assistant, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import fact

NOTED_S = 10.0
"""Seconds of silence worth a note: a local model of one token a second speaks ten times in them."""
SERIOUS_S = 60.0
"""From here on a warning: nginx gives up a silent upstream after 60 s (`proxy_read_timeout`)."""
_USUAL = 20
"""A silence so many times as long as a token takes is out of the stream's own rhythm."""
_HELD = 0.5
"""The share of a silence that must be filled with unseen tokens to be the parser's doing."""


def is_stalled(turn: Turn) -> bool:
    """True where the silence is long, and long for this stream."""
    speed = turn.tokens_per_second
    slow = speed is not None and turn.gap_s * speed < _USUAL
    return turn.gap_s >= NOTED_S and not slow and not turn.in_flight


def held_back(turn: Turn) -> int:
    """About how many tokens the server made in the silence and did not send; 0 where none.

    A token is an event; where many more were generated than events came, something kept them.
    """
    made, speed = turn.reply.timings.predicted_n, turn.tokens_per_second
    if made is None or speed is None:
        return 0
    unseen = made - turn.reply.events
    return unseen if unseen >= _HELD * turn.gap_s * speed else 0


LONG = "I read the notes first, and then the data, row by row, before I write anything at all."
FAST = {"timings": {"predicted_n": 20, "predicted_ms": 1000.0}}
SLOW = {"timings": {"predicted_n": 6, "predicted_ms": 60_000.0}}
BUSY = {"timings": {"predicted_n": 900, "predicted_ms": 30_000.0}}
SPOKEN = step(TASK, assistant(LONG, READ))


class StalledStream(Rule):
    """The thresholds are for people: what follows from a silence depends on who waits."""

    name = "stalled-stream"
    severity = Severity.WARNING
    side = Side.SERVER
    summary = "a stream that had begun fell silent for long"
    meaning = (
        "After the first words nothing came for ten seconds or more (a note; from a minute on a "
        "warning, since proxies and agents then give up): the server was busy with another "
        "request's prompt, its parser held a call back until it was whole, the machine swapped, or "
        "the network hung. Pings and comments in between do not end a silence. Reading the prompt "
        "is no silence, nor is a model that needs seconds for every token; and nothing is known of "
        "imported captures, which have no times."
    )
    remedy = (
        "If tokens were held back: a newer build, which streams calls as they come. Else see what "
        "ran beside it (another slot's prompt, a second model, swapping), give long prompts a "
        "smaller batch (-ub), or raise the time-outs of agent and proxy."
    )
    source = "nginx: proxy_read_timeout, 60 s by default; llama.cpp's slots share one batch"
    examples: ClassVar = (
        Example("reading the prompt takes a minute", (replace(SPOKEN, pauses={0: 60.0}),)),
        Example(
            "a model of one token in ten seconds",
            (replace(SPOKEN, extra=SLOW, pauses=dict.fromkeys(range(2, 8), 10.0)),),
        ),
        Example("five seconds are nothing", (replace(SPOKEN, extra=FAST, pauses={6: 5.0}),)),
        Example(
            "silent for twelve seconds in mid-sentence",
            (replace(SPOKEN, extra=FAST, pauses={6: 12.0}), step((*TASK, ASKED, NOTES), DONE)),
            (Place(1),),
        ),
        Example(
            "a call of 900 tokens comes all at once, after a minute and a half",
            (replace(SPOKEN, extra=BUSY, pauses={16: 90.0}),),
            (Place(1),),
        ),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            if is_stalled(turn):
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        side, why = _blame(turn)
        return Finding(
            self.name,
            Severity.WARNING if turn.gap_s >= SERIOUS_S else Severity.INFO,
            side,
            f"The stream of exchange {turn.exchange} fell silent for {turn.gap_s:.1f} s, "
            f"{turn.gap_at_s:.1f} s after the request: {why}.",
            Place(turn.exchange),
            evidence=(fact(turn, _pace(turn)),),
        )


def _blame(turn: Turn) -> tuple[Side, str]:
    """Who was silent, as far as the counts tell."""
    held = held_back(turn)
    if held:
        return Side.SERVER, f"its parser held back about {held} tokens that the model had made"
    told = turn.reply.timings.predicted_ms
    if told is not None and told < turn.gap_s * 500:
        return Side.NETWORK, "the server was done sooner than that, so something between kept it"
    return Side.SERVER, "it made no token in that time, or could not send it"


def _pace(turn: Turn) -> str:
    """The stream in numbers."""
    duration = turn.duration_s or 0.0
    speed = turn.tokens_per_second
    often = "" if speed is None else f", {speed:.1f} tokens/s"
    return f"{turn.reply.events} events in {duration:.1f} s{often}; silent for {turn.gap_s:.1f} s"
