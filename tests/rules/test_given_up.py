"""Replies that the server gave up: their finish reason is abort."""

from typing import Any

import pytest

from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, assistant, call, step
from kimitap.rules.finding import Finding, Severity
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

HALVES: dict[str, dict[str, Any]] = {
    "half a sentence": assistant("I read the no"),
    "nothing": assistant(""),
    "half a call": assistant(None, call("c1", "read_file", '{"path": "no')),
    "a thought": assistant(None, reasoning="The task asks for the no"),
}


def found(*samples: Sample) -> list[Finding]:
    return [f for f in findings_of(samples) if f.severity is not Severity.INFO]


@pytest.mark.parametrize("half", HALVES)
def test_a_reply_that_the_server_gave_up_is_cut_and_no_more(half: str) -> None:
    given_up = step(TASK, HALVES[half], "abort")
    after = step((*TASK, ASKED, NOTES), DONE)
    (finding,) = found(given_up, step(TASK, ASKED), after)
    assert (finding.rule, finding.place.exchange) == ("stream-aborted", 1)
    assert "abort" in finding.message


def test_a_reply_that_ended_by_itself_is_not_given_up() -> None:
    assert found(step(TASK, assistant("I must abort."), "stop")) == []


def test_a_reply_that_its_client_left_is_the_clients() -> None:
    left = step(TASK, HALVES["half a sentence"], "abort", cancelled=True)
    (finding,) = findings_of([left])
    assert finding.rule == "client-cancelled"
