"""A call made again and again: a loop only where the model learns nothing new from it."""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import DONE, TASK, TOOLS, Json, assistant, call, responses, step, tool
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

POLL: Json = {"type": "function", "function": {"name": "write_stdin"}}


def told(results: Sequence[str]) -> list[Sample]:
    """A session whose model polls a command, and what the command gives each time."""
    messages, samples = list(TASK), []
    for number, text in enumerate(results):
        asked = assistant(None, call(f"c{number}", "write_stdin", '{"session": 7}'))
        samples.append(step(messages, asked, tools=[*TOOLS, POLL]))
        messages += [asked, tool(f"c{number}", text)]
    return [*samples, step(messages, DONE, tools=[*TOOLS, POLL])]


def found(samples: Sequence[Sample]) -> list[tuple[str, int]]:
    return [(finding.rule, finding.place.exchange) for finding in defects_of(samples)]


@pytest.mark.parametrize(
    "results",
    [
        ["Compiling serde", "Compiling tokio", "Compiling hyper", "Finished"],
        ["running, 20 %", "running, 40 %", "running, 60 %", "running, 80 %"],
        ["12 of 340 files", "97 of 340 files", "205 of 340 files"],
        ["3 failed: a, b, c", "2 failed: a, b", "1 failed: a", "all passed"],
    ],
)
def test_a_command_that_tells_something_new_is_polled_rightly(results: Sequence[str]) -> None:
    assert found(told(results)) == []


@pytest.mark.parametrize(
    "results",
    [
        ["still running"] * 4,
        ["no such file (0.31 s)", "no such file (0.28 s)", "no such file (1.2 s)"],
        ["chunk 3fa9c1: nothing", "chunk b07d22: nothing", "chunk 00ffe1: nothing"],
        ["attempt 1 failed", "attempt 2 failed", "attempt 3 failed"],
        ["10:04:11 no reply", "10:04:52 no reply", "10:05:30 no reply"],
        ["no reply for the 2nd time", "no reply for the 3rd time", "no reply for the 4th time"],
        ["", "", ""],
    ],
)
def test_a_call_that_tells_the_same_each_time_is_a_loop(results: Sequence[str]) -> None:
    loops = ("repeated-tool-call", "empty-tool-result")
    assert [rule for rule, _ in found(told(results)) if rule in loops]


def test_a_loop_may_begin_where_the_news_end() -> None:
    results = ["starting", "running", "stuck", "stuck", "stuck"]
    assert found(told(results)) == [("repeated-tool-call", 5)]


def test_a_loop_in_a_history_that_the_server_keeps_is_found() -> None:
    def asked(number: int, output: str, before: str) -> Sample:
        poll = responses.call(f"call_{number}", "run_command", command="ls")
        given = responses.result(f"call_{number - 1}", output)
        return responses.step((given,), poll, id=f"resp_{number}", previous_response_id=before)

    first = responses.step(
        responses.TASK, responses.call("call_1", "run_command", command="ls"), id="resp_1"
    )
    same = [asked(n, "notes.txt", f"resp_{n - 1}") for n in (2, 3)]
    other = [asked(n, f"notes.txt {'x' * n}", f"resp_{n - 1}") for n in (2, 3)]
    assert ("repeated-tool-call", 3) in found([first, *same])
    assert found([first, *other]) == []
