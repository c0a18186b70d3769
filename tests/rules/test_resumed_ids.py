"""Ids of calls in a history that nobody recorded, and replies that use them again."""

import pytest

from kimitap.rules.examples import (
    TASK,
    Json,
    anthropic,
    assistant,
    call,
    responses,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of


def kimi(number: int, path: str) -> tuple[dict[str, object], dict[str, object]]:
    """A call under Kimi's own id, and its result."""
    name = f"functions.read_file:{number}"
    return dict(assistant(None, call(name, "read_file", path=path))), dict(
        tool(name, f"{path}: Ada")
    )


def reused(*samples: Sample) -> list[Finding]:
    return [f for f in findings_of(samples) if f.rule == "reused-tool-call-id"]


OLD = (*TASK, *kimi(0, "notes.txt"), *kimi(1, "data.csv"), user("Now the rest."))
AGAIN, RESULT = kimi(0, "more.csv")
NEXT, _ = kimi(2, "more.csv")


def test_a_resumed_count_that_starts_again_is_told_with_the_call_in_the_request() -> None:
    [found] = reused(step(OLD, AGAIN))
    assert (found.severity, found.side) == (Severity.WARNING, Side.MODEL)
    assert found.place == Place(1, None, 0)
    assert found.related == (Place(1, 2, 0),)
    assert "in message 2 of the history that request 1 carries" in found.message
    assert "more.csv" in found.evidence[1].quote


def test_a_resumed_count_that_goes_on_is_sound() -> None:
    assert reused(step(OLD, NEXT)) == []


def test_a_resumed_thread_is_told_once() -> None:
    later = step((*OLD, AGAIN, RESULT), kimi(1, "last.csv")[0])
    [found] = reused(step(OLD, AGAIN), later)
    assert "in 2 turns" in found.message


def test_a_retry_of_a_resumed_request_hides_nothing() -> None:
    [found] = reused(step(OLD, None), step(OLD, AGAIN))
    assert found.place == Place(2, None, 0)


def test_an_agent_that_rewrites_its_old_ids_is_safe_when_it_resumes() -> None:
    rewritten = (
        *TASK,
        assistant(None, call("functions_read_file_0", "read_file", path="notes.txt")),
        tool("functions_read_file_0", "owner: Ada"),
        user("Now the rest."),
    )
    assert reused(step(rewritten, AGAIN)) == []


def test_a_resumed_messages_history_is_looked_at_too() -> None:
    old = (*anthropic.TASK, anthropic.ASKED, anthropic.user(anthropic.NOTES))
    [found] = reused(anthropic.step(old, anthropic.use("toolu_1", "read_file", path="data.csv")))
    assert found.side is Side.SERVER
    assert reused(anthropic.step(old, anthropic.READ_TWO)) == []


def test_a_resumed_responses_history_is_looked_at_too() -> None:
    old = (*responses.TASK, responses.READ, responses.NOTES)
    [found] = reused(responses.step(old, responses.call("call_1", "read_file", path="data.csv")))
    assert found.place.exchange == 1
    assert reused(responses.step(old, responses.READ_TWO)) == []


def _window(reply: Json, gone: int = 8) -> list[Sample]:
    """Nine turns, whose oldest then fell out of the history, and a reply after that."""
    history: list[Json] = list(TASK)
    samples = []
    for number in range(9):
        asked, result = kimi(number, f"part_{number}.txt")
        samples.append(step(history, asked))
        history += [asked, result]
    return [*samples, step((*TASK, *history[2 + gone :]), reply)]


@pytest.mark.parametrize("gone", [4, 8])
def test_an_id_that_fell_out_of_the_window_may_come_again(gone: int) -> None:
    assert reused(*_window(kimi(1, "more.csv")[0], gone)) == []


def test_an_id_of_the_window_may_not_come_again_later_either() -> None:
    fresh, result = kimi(20, "more.csv")
    samples = _window(fresh, 4)
    sent = samples[-1].request["messages"]
    assert isinstance(sent, list)
    [found] = reused(*samples, step((*sent, fresh, result), kimi(6, "last.csv")[0]))
    assert found.place == Place(11, None, 0)


@pytest.mark.parametrize("gone", [4, 8, 10])
def test_an_id_that_is_still_in_the_window_may_not(gone: int) -> None:
    [found] = reused(*_window(kimi(6, "more.csv")[0], gone))
    assert found.place == Place(10, None, 0)
    assert found.related == (Place(10, 2 + 12 - gone, 0),)


def test_a_fork_that_left_the_call_behind_may_use_its_id() -> None:
    first, result = kimi(0, "notes.txt")
    second, other = kimi(1, "data.csv")
    samples = (
        step(TASK, first),
        step((*TASK, first, result), second),
        step((*TASK, first, result, second, other), assistant("Both are read.")),
        step((*TASK, first, result, user("Rather read more.csv.")), kimi(1, "more.csv")[0]),
    )
    assert reused(*samples) == []
