"""The same rules on what the client believes: a request is made of it, which nobody sent.

It stands for the request that a client would send that writes its history as it holds it. A
history may end with the assistant, which is no fault of one.
"""

from datetime import UTC, datetime

from kimitap.belief.history import History
from kimitap.conversation import Message, Reply, Turn
from kimitap.exchange import Outcome
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding
from kimitap.weave import weave

NOBODYS = 0
"""The number of the exchange that never was."""
_OF_A_REQUEST = frozenset({"trailing-assistant"})


def findings_of(history: History, choice: Choice = EVERYTHING) -> tuple[Finding, ...]:
    """What the rules find in the history by itself; a place's exchange is `NOBODYS`."""
    messages = tuple(entry.message for entry in history.entries if not entry.put_away)
    never = datetime.fromtimestamp(0, UTC)
    turn = Turn(
        exchange=NOBODYS,
        dialect="anthropic-messages",
        path="/v1/messages",
        started_at=never,
        ended_at=None,
        outcome=Outcome.IN_FLIGHT,
        messages=messages,
        reply=Reply(Message("assistant")),
        wire_indexes=tuple(e.index for e in history.entries if not e.put_away),
    )
    checker = Checker(RULES, choice)
    checker.update(weave([turn]))
    return tuple(f for f in checker.findings if f.rule not in _OF_A_REQUEST)
