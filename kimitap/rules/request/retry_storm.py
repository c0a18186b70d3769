"""The agent knocks at a closed door."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.exchange import Outcome
from kimitap.lineage import Relation, Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, assistant, failed, step
from kimitap.rules.exchange.unreadable_answer import is_gateways
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, fact, times

ENOUGH = 3
"""Attempts in a row with one request that fail, which make a storm."""
SDK = 2
"""`x-stainless-retry-count` from which an SDK has failed as often."""
WAIT = (429, 503, 529)
"""Statuses by which a server asks to come again later: it has too much to do, or loads."""
LISTED = 20
"""Attempts that a finding names; the rest is a number."""
BUSY = "decode failed"


def has_failed(turn: Turn) -> bool:
    """True where the request got no whole answer, and not because the client hung up."""
    if turn.succeeded or turn.outcome in (Outcome.IN_FLIGHT, Outcome.INTERRUPTED):
        return False
    return turn.outcome is not Outcome.CLIENT_HUNG_UP or bool(turn.reply.error)


def storms(thread: Thread) -> Iterator[list[Turn]]:
    """The attempts of each request that was sent again and again, the last one included."""
    run: list[Turn] = []
    for turn, link in zip(thread.turns, thread.links, strict=True):
        again = link is not None and link.relation is Relation.RETRY
        if not (again and run and has_failed(run[-1])):
            if is_storm(run):
                yield run
            run = []
        run.append(turn)
    if is_storm(run):
        yield run


def is_storm(attempts: Sequence[Turn]) -> bool:
    """True where enough attempts failed, or an SDK says that they did."""
    failures = sum(has_failed(turn) for turn in attempts)
    told = max((turn.retry_count for turn in attempts), default=0)
    return failures >= ENOUGH or told >= SDK


class RetryStorm(Rule):
    """The errors themselves are other findings, or none."""

    name = "retry-storm"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "the same request fails again and again, and is sent again and again"
    meaning = (
        "The same messages were sent at least three times and failed each time, or the SDK says "
        "that it tries for the third time. Each attempt costs the server the whole prompt, and "
        "none can end differently if the request itself is at fault. It is reported once for each "
        "request, at its first attempt. It is no defect to ask once more after an error, nor "
        "where the user stopped the reply. Where the server refuses what the request says, see "
        "poisoned-history."
    )
    remedy = (
        "Read the server's error (quoted here): a request that it refuses stays refused. If the "
        "server was down or busy, restart it, or give the agent fewer parallel requests and a "
        "longer pause between attempts."
    )
    source = "agents with a server that answers 500 for ever: 3 to 30 attempts within 40 seconds"
    examples: ClassVar = (
        Example(
            "one error, and one more attempt",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, BUSY),
                failed((*TASK, ASKED, NOTES), 503, "Loading model"),
                step((*TASK, ASKED, NOTES), DONE),
            ),
        ),
        Example(
            "errors in three different requests",
            (
                failed(TASK, 500, BUSY),
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, BUSY),
                step((*TASK, ASKED, NOTES), DONE),
                failed((*TASK, ASKED, NOTES, DONE, TASK[1]), 500, BUSY),
            ),
        ),
        Example(
            "the user stops the reply, three times",
            (
                step(TASK, assistant("I re"), None, cancelled=True),
                step(TASK, assistant("I read"), None, cancelled=True),
                step(TASK, assistant("I"), None, cancelled=True),
                step(TASK, ASKED),
            ),
            also=("client-cancelled",),
        ),
        Example(
            "four attempts, then it works",
            (
                step(TASK, ASKED),
                *[failed((*TASK, ASKED, NOTES), 500, BUSY)] * 4,
                step((*TASK, ASKED, NOTES), DONE),
            ),
            (Place(2),),
        ),
        Example(
            "three cut streams",
            (step(TASK, ASKED, None), step(TASK, ASKED, None), step(TASK, ASKED, None)),
            (Place(1),),
            also=("stream-aborted",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for attempts in storms(thread):
            yield self._finding(attempts)

    def _finding(self, attempts: Sequence[Turn]) -> Finding:
        failures = [turn for turn in attempts if has_failed(turn)]
        first, last = attempts[0], attempts[-1]
        side, why = _blame(failures)
        ended = "" if has_failed(last) else f"; exchange {last.exchange} then succeeded"
        span = (last.started_at - first.started_at).total_seconds()
        sdk = max(turn.retry_count for turn in attempts)
        told = f" (x-stainless-retry-count {sdk})" if sdk else ""
        return Finding(
            self.name,
            self.severity,
            side,
            f"Request {first.exchange} was sent {times(len(attempts), 'time')} within {span:.1f} "
            f"s{told}, and {times(len(failures), 'time')} it failed: {why}{ended}.",
            Place(first.exchange),
            related=tuple(Place(turn.exchange) for turn in attempts[1:LISTED]),
            evidence=tuple(_quotes(first, failures)),
        )


def _blame(failures: Sequence[Turn]) -> tuple[Side, str]:
    """Whose side it is, and what tells."""
    if not failures:
        return Side.AGENT, "the attempts that failed are not in the recording"
    if all(turn.status is None for turn in failures):
        return Side.NETWORK, "no attempt reached a server that answered"
    if all(turn.outcome is Outcome.SERVER_CUT for turn in failures):
        return Side.NETWORK, "the connection was cut each time"
    if all(map(is_gateways, failures)):
        return Side.NETWORK, f"a gateway answered {_codes(failures)} in the server's place"
    if all(turn.status in WAIT for turn in failures):
        return Side.SERVER, f"the server said {_codes(failures)}: it was not ready, or had too much"
    codes = _codes([turn for turn in failures if (turn.status or 0) >= 400])
    said = f"the server said {codes}" if codes else "no attempt got a whole answer"
    return Side.AGENT, f"{said}, and the agent asked the same again"


def _codes(failures: Sequence[Turn]) -> str:
    return " and ".join(sorted({str(turn.status) for turn in failures}))


def _quotes(first: Turn, failures: Sequence[Turn]) -> Iterator[Evidence]:
    """What was said of the first attempt, and of the last that failed."""
    for turn in (first, *failures[-1:]):
        if turn.succeeded:
            yield fact(turn, f"x-stainless-retry-count: {turn.retry_count}")
        elif turn.reply.error:
            yield Evidence(turn.exchange, cut(turn.reply.error))
        else:
            yield fact(turn, turn.detail or f"status {turn.status}, no whole answer")
