"""One defect that shows in two places of a request is one finding."""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WRITTEN,
    WROTE,
    Json,
    anthropic,
    assistant,
    call,
    step,
    tool,
)
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

TABLE = tool("c2", "id,amount\n1,10")
BOTH = assistant("I read both first.", READ, READ_TWO)


def grave(samples: Sequence[Sample]) -> list[Finding]:
    return [f for f in defects_of(samples) if f.severity is not Severity.INFO]


@pytest.mark.parametrize("stands", [assistant(""), assistant("I read the notes first.")])
def test_a_turn_that_loses_its_call_and_its_result_later_is_one_loss(stands: Json) -> None:
    samples = [
        step(TASK, ASKED),
        step((*TASK, ASKED, NOTES), WROTE),
        step((*TASK, stands, WROTE, WRITTEN), DONE),
    ]
    [found] = grave(samples)
    assert (found.rule, found.place) == ("dropped-from-history", Place(3, 2))
    assert "and 1 result" in found.message
    assert found.related == (Place(2, 2), Place(2, 3))


def test_both_results_of_a_blanked_turn_go_with_it() -> None:
    listed = assistant("I list them.", call("c0", "run_command", command="ls"))
    begun = (*TASK, listed, tool("c0", "notes.txt\ndata.csv"))
    samples = [
        step(TASK, listed),
        step(begun, BOTH),
        step((*begun, BOTH, NOTES, TABLE), WROTE),
        step((*begun, assistant(""), WROTE, WRITTEN), DONE),
    ]
    [found] = grave(samples)
    assert found.place == Place(4, 4)
    assert "and 2 results" in found.message


def test_in_a_short_run_as_well() -> None:
    samples = [
        step(TASK, BOTH),
        step((*TASK, BOTH, NOTES, TABLE), WROTE),
        step((*TASK, assistant(""), WROTE, WRITTEN), DONE),
    ]
    assert [(f.rule, f.place) for f in grave(samples)] == [("dropped-from-history", Place(3, 2))]


def test_a_result_of_another_turn_is_another_loss() -> None:
    second = assistant("Then the table.", READ_TWO)
    samples = [
        step(TASK, ASKED),
        step((*TASK, ASKED, NOTES), second),
        step((*TASK, ASKED, NOTES, second, TABLE), WROTE),
        step((*TASK, assistant(""), NOTES, second, WROTE, WRITTEN), DONE),
    ]
    found = [f.place for f in defects_of(samples) if f.rule == "dropped-from-history"]
    assert found == [Place(4, 2), Place(4, 5)]


def test_the_thinking_of_a_reply_that_came_back_twice_was_not_changed() -> None:
    said = (
        anthropic.thinking("The notes name the owner."),
        anthropic.text("I read them."),
        anthropic.READ,
    )
    twice = anthropic.assistant(*said)
    samples = [
        anthropic.step(anthropic.TASK, *said),
        anthropic.step(
            (*anthropic.TASK, twice, twice, anthropic.user(anthropic.NOTES)), anthropic.DONE
        ),
    ]
    assert [f.rule for f in grave(samples)] == ["doubled-reply"]
