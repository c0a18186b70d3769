"""The rules about requests in the other dialects: what is usual there, and what is not."""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import anthropic, responses
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

ASK = anthropic.user(anthropic.text("Read notes.txt."))
CALL = anthropic.use("toolu_1", "read_file", path="notes.txt")
READ = anthropic.assistant(anthropic.text("I read it."), CALL)
NOTES = anthropic.result("toolu_1", "owner: Ada")
HURRY = anthropic.text("Be quick, please.")
DONE = anthropic.text("Ada owns it.")

QUESTION = responses.user("Read notes.txt and data.csv.")
CALLS = (
    responses.call("a", "read_file", path="notes.txt"),
    responses.call("b", "read_file", path="d.csv"),
)
RESULTS = (responses.result("a", "owner: Ada"), responses.result("b", "id,amount"))
SAID = responses.said("Ada owns it.")

USUAL: dict[str, Sequence[Sample]] = {
    "a reminder after the results, in one message": [
        anthropic.step([ASK], anthropic.text("I read it."), CALL),
        anthropic.step([ASK, READ, anthropic.user(NOTES, HURRY)], DONE),
    ],
    "two user messages, which the API merges": [
        anthropic.step([ASK], anthropic.text("I read it."), CALL),
        anthropic.step([ASK, READ, anthropic.user(NOTES), anthropic.user(HURRY)], DONE),
    ],
    "items of one reply, each result behind its call": [
        responses.step([QUESTION], *CALLS),
        responses.step([QUESTION, CALLS[0], RESULTS[0], CALLS[1], RESULTS[1]], SAID),
    ],
    "items of one reply, results behind all calls": [
        responses.step([QUESTION], *CALLS),
        responses.step([QUESTION, *CALLS, *RESULTS], SAID),
    ],
    "a history that the server keeps": [
        responses.step([QUESTION], *CALLS, id="resp_1"),
        responses.step(RESULTS, SAID, id="resp_2", previous_response_id="resp_1"),
        responses.step([responses.user("And?")], SAID, id="resp_3", previous_response_id="resp_2"),
    ],
}

DEFECTS: dict[str, tuple[Sequence[Sample], str]] = {
    "a text before the result": (
        [
            anthropic.step([ASK], anthropic.text("I read it."), CALL),
            anthropic.step([ASK, READ, anthropic.user(HURRY, NOTES)], DONE),
        ],
        "error misplaced-tool-result",
    ),
    "two results for one use": (
        [
            anthropic.step([ASK], anthropic.text("I read it."), CALL),
            anthropic.step(
                [ASK, READ, anthropic.user(NOTES, anthropic.result("toolu_1", "no"))], DONE
            ),
        ],
        "error duplicate-tool-result",
    ),
    "a result under another id": (
        [
            anthropic.step([ASK], anthropic.text("I read it."), CALL),
            anthropic.step(
                [ASK, READ, anthropic.user(anthropic.result("toolu_9", "owner: Ada"))], DONE
            ),
        ],
        "error mismatched-tool-call-id",
    ),
    "other input than the model's": (
        [
            anthropic.step([ASK], CALL),
            anthropic.step(
                [
                    ASK,
                    anthropic.assistant(anthropic.use("toolu_1", "read_file", path="b")),
                    anthropic.user(NOTES),
                ],
                DONE,
            ),
        ],
        "error changed-tool-call",
    ),
    "the second call's arguments are lost (LangChain on the Responses API)": (
        [
            responses.step([QUESTION], *CALLS),
            responses.step(
                [QUESTION, CALLS[0], responses.call("b", "read_file", "{}"), *RESULTS], SAID
            ),
        ],
        "error changed-tool-call",
    ),
    "a user's message between a call and its output": (
        [
            responses.step([QUESTION], CALLS[0]),
            responses.step([QUESTION, CALLS[0], responses.user("Quick!"), RESULTS[0]], SAID),
        ],
        "error misplaced-tool-result",
    ),
}


@pytest.mark.parametrize("title", USUAL)
def test_what_is_usual_in_a_dialect_is_no_defect(title: str) -> None:
    assert findings_of(USUAL[title]) == []


@pytest.mark.parametrize("title", DEFECTS)
def test_a_defect_is_the_same_in_every_dialect(title: str) -> None:
    samples, expected = DEFECTS[title]
    assert [f"{f.severity} {f.rule}" for f in findings_of(samples)] == [expected]
