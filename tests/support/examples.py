"""A rule's examples, played through the real decoder and weaver."""

from collections.abc import Sequence

from kimitap.exchange import Exchange, Outcome
from kimitap.lineage import Session
from kimitap.rules import check
from kimitap.rules.finding import Finding
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.support import chat


def exchange_of(number: int, sample: Sample) -> Exchange:
    """The sample as a streamed exchange, as llama-server would have sent it."""
    reply = sample.reply
    unfinished = reply is None or (sample.status == 200 and reply["finish_reason"] is None)
    outcome = Outcome.CLIENT_HUNG_UP if sample.cancelled else None
    return chat.exchange(
        number,
        sample.request,
        reply,
        stream=True,
        status=sample.status,
        cut=unfinished,
        outcome=outcome,
    )


def sessions_of(samples: Sequence[Sample]) -> tuple[Session, ...]:
    """What the samples are woven into, numbered from 1."""
    return weave(chat.turns([exchange_of(n, s) for n, s in enumerate(samples, 1)]))


def findings_of(samples: Sequence[Sample]) -> list[Finding]:
    """Everything that all rules find in the samples."""
    return [finding for session in sessions_of(samples) for finding in check(session)]
