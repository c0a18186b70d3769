"""Says a session of chat completions in another API, as real clients and a llama-server say it."""

from collections.abc import Sequence

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample
from tests.scoring import in_messages, in_responses
from tests.scoring.cutting import messages_of
from tests.scoring.dialects import Dialect

_WORDS = {Dialect.MESSAGES: in_messages, Dialect.RESPONSES: in_responses}


def translated(samples: Sequence[Sample], dialect: Dialect) -> list[Sample]:
    """The same exchanges in `dialect`, numbers and order kept."""
    if dialect is Dialect.CHAT:
        return list(samples)
    return [_WORDS[dialect].sample_of(number, one) for number, one in enumerate(samples, 1)]


def places(messages: Sequence[Json], dialect: Dialect) -> list[int]:
    """Where each message of a chat request, and the end behind them, is in the translated turn."""
    if dialect is Dialect.CHAT:
        return list(range(len(messages) + 1))
    return _WORDS[dialect].places(messages)


def places_of(sample: Sample, index: int, dialect: Dialect) -> set[int]:
    """Where one message of a chat request stands in the translated turn.

    What is missing before a message that was joined to the one before it is missing behind both.
    """
    found = places(messages_of(sample), dialect)
    at = min(index, len(found) - 1)
    joined = at > 0 and found[at] == found[at - 1]
    return {found[at], found[at] + 1} if joined else {found[at]}
