"""The rules about requests in the other dialects: what is usual there, and what is not."""

from collections.abc import Sequence

import pytest

from kimitap.rules import blocks, items
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

ASK = blocks.user(blocks.text("Read notes.txt."))
CALL = blocks.use("toolu_1", "read_file", path="notes.txt")
READ = blocks.assistant(blocks.text("I read it."), CALL)
NOTES = blocks.result("toolu_1", "owner: Ada")
HURRY = blocks.text("Be quick, please.")
DONE = blocks.text("Ada owns it.")

QUESTION = items.user("Read notes.txt and data.csv.")
CALLS = (items.call("a", "read_file", path="notes.txt"), items.call("b", "read_file", path="d.csv"))
RESULTS = (items.result("a", "owner: Ada"), items.result("b", "id,amount"))
SAID = items.said("Ada owns it.")

USUAL: dict[str, Sequence[Sample]] = {
    "a reminder after the results, in one message": [
        blocks.step([ASK], blocks.text("I read it."), CALL),
        blocks.step([ASK, READ, blocks.user(NOTES, HURRY)], DONE),
    ],
    "two user messages, which the API merges": [
        blocks.step([ASK], blocks.text("I read it."), CALL),
        blocks.step([ASK, READ, blocks.user(NOTES), blocks.user(HURRY)], DONE),
    ],
    "items of one reply, each result behind its call": [
        items.step([QUESTION], *CALLS),
        items.step([QUESTION, CALLS[0], RESULTS[0], CALLS[1], RESULTS[1]], SAID),
    ],
    "items of one reply, results behind all calls": [
        items.step([QUESTION], *CALLS),
        items.step([QUESTION, *CALLS, *RESULTS], SAID),
    ],
    "a history that the server keeps": [
        items.step([QUESTION], *CALLS, id="resp_1"),
        items.step(RESULTS, SAID, id="resp_2", previous_response_id="resp_1"),
        items.step([items.user("And?")], SAID, id="resp_3", previous_response_id="resp_2"),
    ],
}

DEFECTS: dict[str, tuple[Sequence[Sample], str]] = {
    "a text before the result": (
        [
            blocks.step([ASK], blocks.text("I read it."), CALL),
            blocks.step([ASK, READ, blocks.user(HURRY, NOTES)], DONE),
        ],
        "error misplaced-tool-result",
    ),
    "two results for one use": (
        [
            blocks.step([ASK], blocks.text("I read it."), CALL),
            blocks.step([ASK, READ, blocks.user(NOTES, blocks.result("toolu_1", "no"))], DONE),
        ],
        "error duplicate-tool-result",
    ),
    "a result under another id": (
        [
            blocks.step([ASK], blocks.text("I read it."), CALL),
            blocks.step([ASK, READ, blocks.user(blocks.result("toolu_9", "owner: Ada"))], DONE),
        ],
        "error mismatched-tool-call-id",
    ),
    "other input than the model's": (
        [
            blocks.step([ASK], CALL),
            blocks.step(
                [
                    ASK,
                    blocks.assistant(blocks.use("toolu_1", "read_file", path="b")),
                    blocks.user(NOTES),
                ],
                DONE,
            ),
        ],
        "error changed-tool-call",
    ),
    "the second call's arguments are lost (LangChain on the Responses API)": (
        [
            items.step([QUESTION], *CALLS),
            items.step([QUESTION, CALLS[0], items.call("b", "read_file", "{}"), *RESULTS], SAID),
        ],
        "error changed-tool-call",
    ),
    "a user's message between a call and its output": (
        [
            items.step([QUESTION], CALLS[0]),
            items.step([QUESTION, CALLS[0], items.user("Quick!"), RESULTS[0]], SAID),
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
