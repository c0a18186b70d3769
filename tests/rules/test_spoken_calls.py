"""A call whose arguments come back as the assistant's text: an answer, or a lost act."""

import pytest

from kimitap.rules.examples import (
    DONE,
    TASK,
    TOOLS,
    Json,
    anthropic,
    assistant,
    call,
    responses,
    step,
    user,
)
from kimitap.rules.finding import Severity
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

SUMMARY = "# Summary\n\nAda owns it, and there are three rows of amounts in the table.\n"
NEXT = user("<environment_details>\nOpen files: none\n</environment_details>")


def tools(name: str) -> list[Json]:
    return [*TOOLS, {"type": "function", "function": {"name": name}}]


def given_back(name: str, told: str, said: str | None = None, /, **arguments: str) -> list[Sample]:
    """A call, and the assistant's text in whose place it should stand."""
    reply = assistant(said, call("c1", name, **arguments))
    declared = tools(name)
    return [
        step(TASK, reply, tools=declared),
        step((*TASK, assistant(told), NEXT), DONE, tools=declared),
    ]


def rules(samples: list[Sample]) -> list[str]:
    return [finding.rule for finding in defects_of(samples)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("write_file", {"content": SUMMARY}),
        ("write_file", {"path": "summary.md", "content": SUMMARY}),
        ("create_file", {"file_text": SUMMARY}),
        ("applyPatch", {"patch": SUMMARY}),
        ("run_command", {"command": SUMMARY}),
        ("write_report", {"text": SUMMARY}),
        ("mcp__memory__add_note", {"text": SUMMARY}),
    ],
)
def test_what_a_lost_call_was_to_write_is_no_reply(name: str, arguments: dict[str, str]) -> None:
    assert rules(given_back(name, SUMMARY, **arguments)) == ["tool-turn-lost"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("final_answer", {"answer": SUMMARY}),
        ("finish", {"message": SUMMARY, "task_completed": "true"}),
        ("attempt_completion", {"result": SUMMARY}),
        ("respondToUser", {"text": SUMMARY}),
        ("send_message", {"message": SUMMARY}),
    ],
)
def test_an_answer_given_as_a_call_may_come_back_as_what_it_said(
    name: str, arguments: dict[str, str]
) -> None:
    assert rules(given_back(name, SUMMARY, **arguments)) == []


def test_the_text_before_a_lost_call_does_not_hide_it() -> None:
    said = "I write it now."
    samples = given_back("write_file", f"{said}\n{SUMMARY}", said, content=SUMMARY)
    assert rules(samples) == ["tool-turn-lost"]


def test_the_only_tool_of_a_request_stands_for_its_answer() -> None:
    reply, declared = assistant(None, call("c1", "Weather", text=SUMMARY)), tools("Weather")[-1:]
    samples = [
        step(TASK, reply, tools=declared),
        step((*TASK, assistant(SUMMARY), NEXT), DONE, tools=declared),
    ]
    assert rules(samples) == []


def test_the_arguments_of_an_act_that_come_back_as_json_are_no_structured_answer() -> None:
    written = '{"path": "summary.md", "content": "Ada owns it."}'
    reply = assistant(None, call("c1", "write_file", written))
    [found] = defects_of([step(TASK, reply), step((*TASK, assistant(written), NEXT), DONE)])
    assert (found.rule, found.severity) == ("flattened-tool-history", Severity.ERROR)


def test_the_arguments_of_a_structured_answer_come_back_as_a_note() -> None:
    written = '{"owner": "Ada", "rows": 3}'
    reply, declared = assistant(None, call("c1", "Facts", written)), tools("Facts")
    samples = [
        step(TASK, reply, tools=declared),
        step((*TASK, assistant(written), NEXT), DONE, tools=declared),
    ]
    assert [f.severity for f in defects_of(samples)] == [Severity.INFO]


def test_a_lost_write_is_told_in_the_messages_api_too() -> None:
    write = anthropic.use("toolu_1", "write_file", content=SUMMARY)
    spoken = anthropic.assistant(anthropic.text(SUMMARY))
    after = (*anthropic.TASK, spoken, anthropic.user(anthropic.text("Go on.")))
    samples = [
        anthropic.step(anthropic.TASK, write),
        anthropic.step(after, anthropic.DONE),
    ]
    assert rules(samples) == ["tool-turn-lost"]


def test_a_lost_write_is_told_in_the_responses_api_too() -> None:
    write = responses.call("call_1", "write_file", content=SUMMARY)
    after = (*responses.TASK, responses.said(SUMMARY), responses.user("Go on."))
    samples = [
        responses.step(responses.TASK, write),
        responses.step(after, responses.DONE, id="resp_2"),
    ]
    assert rules(samples) == ["tool-turn-lost"]
