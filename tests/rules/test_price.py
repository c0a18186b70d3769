"""What a change cost, where it is, and which finding tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kimitap.lineage import Link
from kimitap.rules.difference import Kind, difference, volatile
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    TASK,
    TOOLS,
    WRITTEN,
    WROTE,
    Json,
    assistant,
    failed,
    step,
    system,
    tool,
    user,
)
from kimitap.rules.finding import Place
from kimitap.rules.price import Price, price, total
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of, sessions_of

THOUGHT = assistant("I read the notes.", READ, reasoning="The task asks for the notes first.")
UNTHOUGHT = assistant("I read the notes.", READ)


def counted(sample: Sample, cached: int, read: int, written: int = 20, ms: float = 20.0) -> Sample:
    usage = {"prompt_tokens": cached + read, "completion_tokens": written}
    timings = {"cache_n": cached, "prompt_n": read, "prompt_ms": read * ms}
    return replace(sample, extra={"usage": usage, "timings": timings})


def link_of(first: Sample, second: Sample) -> Link:
    [session] = sessions_of([first, second])
    link = session.threads[0].links[1]
    assert link is not None
    return link


def after(messages: Sequence[Json], first: Mapping[str, Any] = ASKED, **fields: Any) -> Link:
    """A request after TASK and its reply."""
    return link_of(step(TASK, first), step(messages, DONE, **fields))


def test_the_price_is_what_was_known_and_read_again() -> None:
    link = link_of(
        counted(step(TASK, ASKED), 0, 4000, 21),
        counted(step((*TASK, ASKED, NOTES), DONE), 1000, 3080),
    )
    assert price(link) == Price(3020, pytest.approx(60.4))


def test_nothing_is_read_again_where_all_was_cached() -> None:
    link = link_of(
        counted(step(TASK, ASKED), 0, 4000, 21),
        counted(step((*TASK, ASKED, NOTES), DONE), 4020, 60),
    )
    assert price(link) == Price(0, 0.0)
    assert total([link]) is None


def test_of_a_reply_without_its_reasoning_the_rest_is_read_again() -> None:
    link = link_of(
        counted(step(TASK, THOUGHT), 0, 4000, 100),
        counted(step((*TASK, UNTHOUGHT, NOTES), DONE), 3999, 150),
    )
    spent = price(link)
    assert spent is not None
    said, thought = len("I read the notes.") + len('read_file{"path": "notes.txt"}'), 34
    assert spent.tokens == 100 * said // (said + thought)


def test_without_counts_there_is_no_price() -> None:
    assert price(after((*TASK, ASKED, NOTES))) is None


def test_prices_add_up_with_the_seconds_that_are_known() -> None:
    assert str(Price(1200, 1.5) + Price(34)) == "1,234 tokens (1.5 s)"


SEGMENTS: dict[str, tuple[Link, Kind, str]] = {
    "nothing": (after((*TASK, ASKED, NOTES)), Kind.NOTHING, "nothing on the wire"),
    "the order of tools": (
        after((*TASK, ASKED, NOTES), tools=TOOLS[::-1]),
        Kind.TOOLS,
        "the tools (their order)",
    ),
    "a tool less": (
        after((*TASK, ASKED, NOTES), tools=TOOLS[:2]),
        Kind.TOOLS,
        "the tools (-run_command)",
    ),
    "the model": (
        after((*TASK, ASKED, NOTES), model="qwen3"),
        Kind.MODEL,
        "the model ('qwen3' after 'kimi-k2')",
    ),
    "a template's switch": (
        after((*TASK, ASKED, NOTES), chat_template_kwargs={"enable_thinking": False}),
        Kind.PARAMETER,
        "the parameter chat_template_kwargs",
    ),
    "another system prompt": (
        after((system("You are a poet."), TASK[1], ASKED, NOTES)),
        Kind.SYSTEM,
        "the system prompt (system: its text changed)",
    ),
    "the reasoning": (
        after((*TASK, UNTHOUGHT, NOTES), first=THOUGHT),
        Kind.REPLY,
        "the reasoning of the reply before it, which was not given back",
    ),
}


@pytest.mark.parametrize("title", SEGMENTS)
def test_the_first_difference_is_named(title: str) -> None:
    link, kind, words = SEGMENTS[title]
    found = difference(link)
    assert (found.kind, str(found)) == (kind, words)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("It is 2026-03-01 10:00.", "It is 2026-03-01 10:07.", ["a time"]),
        ("Go <system-reminder>a</system-reminder>", "Go ", ["<system-reminder>"]),
        ("cch=12ab; go", "cch=99; go", ["cch=…"]),
        ("It is 2026-03-01 10:00. Go.", "It is 2026-03-01 10:07. Stop.", []),
        ("Go.", "Stop.", []),
    ],
)
def test_spans_that_change_by_themselves_are_named_where_nothing_else_does(
    old: str, new: str, names: list[str]
) -> None:
    assert volatile(old, new) == names


def test_a_clock_in_an_early_message_is_named_as_the_cause() -> None:
    def opened(time: str) -> tuple[Json, Json]:
        details = f"Write it.\n<environment_details>{time}</environment_details>"
        return TASK[0], user(details)

    [found] = findings_of(
        [
            counted(step(opened("ten"), ASKED), 0, 4000),
            counted(step((*opened("eleven"), ASKED, NOTES), DONE), 300, 3760),
        ]
    )
    assert (found.rule, found.place) == ("prompt-cache-broken", Place(2, 1))
    assert "message 1 (user: <environment_details> changed)" in found.message
    assert "3,719 tokens (74.4 s)" in found.message


def test_a_side_request_that_took_the_slot_is_named() -> None:
    title = step((system("Name it."), user("A title for: read notes")), DONE, tools=[])
    found = findings_of(
        [
            counted(step(TASK, ASKED), 0, 4000),
            counted(title, 0, 40),
            counted(step((*TASK, ASKED, NOTES), DONE), 0, 4080),
        ]
    )
    assert [f.rule for f in found] == ["prompt-cache-broken"]
    assert "other requests ran in between and took its slot" in found[0].message


def test_what_stripped_reasoning_cost_is_told_with_it_and_not_again() -> None:
    [found] = findings_of(
        [
            counted(step(TASK, THOUGHT), 0, 4000, 300),
            counted(step((*TASK, UNTHOUGHT, NOTES), DONE), 0, 4080),
        ]
    )
    assert found.rule == "reasoning-dropped"
    assert "read about 4,0" in found.message
    assert any("from the cache 0" in evidence.quote for evidence in found.evidence)


def test_what_a_lost_turn_cost_is_part_of_it() -> None:
    [found] = findings_of(
        [
            counted(step(TASK, ASKED), 0, 4000),
            counted(step((*TASK, assistant(""), user("Go on, please.")), WROTE), 1200, 3000),
        ]
    )
    assert (found.rule, found.place) == ("tool-turn-lost", Place(2, 2))
    assert found.evidence[-1].quote.endswith("read again 2,799 tokens (56.0 s)")


def test_a_template_that_refuses_what_is_found_in_the_request_is_no_second_defect() -> None:
    alone = (*TASK, assistant("I read.", READ), user("Go on."))
    refusal = "An assistant message with 'tool_calls' must be followed by tool messages"
    found = findings_of([failed(alone, 400, refusal)])
    assert [f.rule for f in found if f.severity == "error"] == ["unanswered-tool-call"]


def test_a_template_that_fails_by_itself_stays_a_defect_beside_another() -> None:
    alone = (*TASK, tool("c9", "lost"), user("Go on."))
    found = findings_of([failed(alone, 500, "Jinja Exception: Unknown filter 'tojsn'")])
    errors = {f.rule for f in found if f.severity == "error"}
    assert errors == {"orphan-tool-result", "template-rejected"}


def test_a_cache_given_up_on_purpose_is_a_note() -> None:
    cleared = tool("c1", "[Old tool result content cleared]")
    found = findings_of(
        [
            counted(step((*TASK, ASKED, NOTES), WROTE), 0, 4000),
            counted(step((*TASK, ASKED, cleared, WROTE, WRITTEN), DONE), 300, 3500),
        ]
    )
    told = [(f.severity, f.place) for f in found if f.rule == "prompt-cache-broken"]
    assert told == [("info", Place(2, 3))]
