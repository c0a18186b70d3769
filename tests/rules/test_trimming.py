"""Agents that take text out of an old history to save room, in one request."""

from collections.abc import Sequence

from kimitap.rules.examples import DONE, TASK, Json, assistant, call, step, tool, user
from kimitap.rules.finding import Place
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

ROUNDS = 6


def _round(number: int, arguments: str | None = None) -> list[Json]:
    """A call that writes a part of a book, and its result."""
    written = arguments or f'{{"path": "part{number}.md", "content": "{"It rains. " * 20}"}}'
    made = call(f"c{number}", "write_file", written)
    return [assistant(f"I write part {number}.", made), tool(f"c{number}", f"part {number}: ok")]


def _session() -> list[Sample]:
    rounds = [_round(number) for number in range(ROUNDS)]
    before = [[m for one in rounds[:n] for m in one] for n in range(ROUNDS)]
    return [step((*TASK, *told), one[0]) for told, one in zip(before, rounds, strict=True)]


def _trimmed(count: int) -> Sequence[Json]:
    """The whole history with the arguments of its first calls cut down."""
    kept = (_round(n, '{"path": "<trimmed>"}' if n < count else None) for n in range(ROUNDS))
    return [message for one in kept for message in one]


def test_old_calls_that_one_request_cuts_down_are_one_finding() -> None:
    samples = [*_session(), step((*TASK, *_trimmed(4)), DONE)]
    (finding,) = defects_of(samples)
    assert (finding.rule, finding.place) == ("changed-tool-call", Place(7, 2, 1))
    assert "3 older calls likewise" in finding.message
    assert finding.related[1:] == (Place(7, 4, 1), Place(7, 6, 1), Place(7, 8, 1))


def test_it_is_told_once_though_later_requests_repeat_it() -> None:
    more = (DONE, user("And the index?"))
    after = [step((*TASK, *_trimmed(4), *asked), DONE) for asked in ((), more)]
    assert [f.rule for f in defects_of([*_session(), *after])] == ["changed-tool-call"]
