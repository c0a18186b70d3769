"""Findings in a reply, asked of a live server: is its answer to a smaller request as bad?

The request is sent again; the answer takes the place of the recorded one, and the finding must be
found in it so many times of so many.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kimitap.errors import UsageError
from kimitap.exchange import Exchange, Outcome, digest
from kimitap.rules.finding import Finding
from kimitap.shrink.draft import Draft
from kimitap.shrink.sameness import Reader

Send = Callable[[Exchange], Exchange]
"""Sends an exchange's request and waits for what comes of it."""


@dataclass
class Live:
    """A further test for `shrink`: of `runs` answers to the finding's request at least `least` must
    show it. `asked` counts the answers; `shown` keeps for exchanges that did the one with an
    answer that shows it: they are not asked about again."""

    finding: Finding
    send: Send
    runs: int = 1
    least: int = 1
    asked: int = 0
    shown: dict[bytes, Exchange] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.finding.place.message_index is not None:
            raise UsageError(
                f"the {self.finding.rule} stands in a request: no server is needed to show it"
            )

    def __call__(self, exchanges: Sequence[Exchange]) -> bool:
        """Ask until it is clear whether often enough."""
        number = self.finding.place.exchange
        at = next(i for i, one in enumerate(exchanges) if one.number == number)
        key = _said(exchanges, at)
        if key in self.shown:
            return True
        bad, hits = exchanges[at], 0
        for run in range(self.runs):
            answer = self.send(exchanges[at])
            if answer.outcome is Outcome.CLIENT_HUNG_UP:  # nobody but the user does, by Ctrl-C
                raise KeyboardInterrupt
            answered = with_answer(exchanges[at], answer)
            self.asked += 1
            if self._shows([*exchanges[:at], answered, *exchanges[at + 1 :]]):
                bad, hits = answered, hits + 1
            if hits >= self.least or hits + self.runs - run - 1 < self.least:
                break
        if hits >= self.least:
            self.shown[key] = bad
        return hits >= self.least

    def answered(self, exchanges: Sequence[Exchange], at: int) -> tuple[Exchange, ...]:
        """The exchanges, `exchanges[at]` with the live answer that showed the finding there."""
        made = with_answer(exchanges[at], self.shown[_said(exchanges, at)])
        return (*exchanges[:at], made, *exchanges[at + 1 :])

    def _shows(self, exchanges: Sequence[Exchange]) -> bool:
        seen = Reader().read(tuple(Draft(one) for one in exchanges))
        return any(self.same(f, self.finding.place.exchange) for f in seen.findings)

    def same(self, other: Finding, exchange: int) -> bool:
        """True for the finding in another answer, in whatever part of it."""
        mine, place = self.finding, other.place
        alike = (other.rule, other.severity, other.side) == (mine.rule, mine.severity, mine.side)
        return alike and place.exchange == exchange and place.message_index is None


def _said(exchanges: Sequence[Exchange], at: int) -> bytes:
    """Equal for exchanges that say the same, whatever was answered to `exchanges[at]`."""
    own = digest(exchanges[at].request.content)
    others = (one for i, one in enumerate(exchanges) if i != at)
    said = (digest(data) for one in others for data in (one.request.content, one.response))
    return digest(b"".join([own, *said]))


def with_answer(exchange: Exchange, answer: Exchange) -> Exchange:
    """The exchange as if its request had been answered so, at the time when it was recorded."""
    ended = answer.ended_at and exchange.started_at + (answer.ended_at - answer.started_at)
    headed = answer.headers_at and exchange.started_at + (answer.headers_at - answer.started_at)
    return replace(
        exchange,
        outcome=answer.outcome,
        detail=answer.detail,
        status=answer.status,
        reason=answer.reason,
        response_headers=answer.response_headers,
        response=answer.response,
        segments=answer.segments,
        http_version=answer.http_version,
        headers_at=headed,
        ended_at=ended,
        lost_bytes=answer.lost_bytes,
    )
