"""Sessions in Anthropic's Messages API, made and real, whole and broken."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Turn
from kimitap.dialects import Memo, decode
from kimitap.exchange import Body
from kimitap.rules import RULES, check
from kimitap.rules.examples.anthropic import (
    ASKED,
    DONE,
    NOTES,
    READ,
    SAYING,
    TASK,
    assistant,
    refused,
    step,
    text,
    thinking,
    user,
)
from kimitap.rules.finding import Finding, Severity
from kimitap.rules.replay.altered_thinking import REFUSAL, SIGNED
from kimitap.rules.request.empty_text_block import EMPTY, EmptyTextBlock
from kimitap.rules.request.invalid_tool_call_id import ANSWERED, KIMI
from kimitap.rules.request.invalid_tool_call_id import REFUSAL as ID_REFUSAL
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.support import corpus
from tests.support.examples import findings_of, sessions_of

MINE = {"empty-text-block", "altered-thinking", "invalid-tool-call-id"}
EMPTIED = (*TASK, assistant(text(""), READ), user(NOTES))
ALTERED = (*TASK, assistant(thinking("No.", "EqQBCkYIBxgCKkBn"), READ), user(NOTES))
REWRITTEN = (*TASK, assistant(SAYING, KIMI), ANSWERED)


def names(samples: Sequence[Sample]) -> list[str]:
    return [finding.rule for finding in findings_of(samples)]


@pytest.mark.parametrize(
    ("first", "sent", "error", "rule"),
    [
        (step(TASK, text(""), READ), EMPTIED, EMPTY, "empty-text-block"),
        (step(TASK, SIGNED, READ), ALTERED, REFUSAL, "altered-thinking"),
        (step(TASK, SAYING, KIMI), REWRITTEN, ID_REFUSAL, "invalid-tool-call-id"),
    ],
)
@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_refusal_however_often_repeated_is_one_finding_with_its_cause(
    first: Sample, sent: Any, error: str, rule: str, times: int
) -> None:
    found = findings_of([first, *[refused(sent, error)] * times])
    assert [(f.rule, f.severity) for f in found] == [(rule, Severity.ERROR)]
    assert {p.exchange for f in found for p in (f.place, *f.related)} >= {2}


def test_an_empty_text_in_the_place_of_a_turn_is_part_of_its_loss() -> None:
    lost = step((*TASK, assistant(text("")), user(text("Go on."))), DONE)
    assert names([step(TASK, SAYING, READ), lost]) == ["tool-turn-lost"]


def test_a_blank_turn_of_a_resumed_history_is_one_finding() -> None:
    resumed = (*TASK, ASKED, user(NOTES), assistant(text("")), user(text("Go on.")))
    assert names([step(resumed, DONE)]) == ["empty-text-block"]


def test_a_server_that_answers_makes_it_a_warning() -> None:
    found = findings_of([step(TASK, READ), step(EMPTIED, DONE)])
    assert [(f.rule, f.severity) for f in found] == [("empty-text-block", Severity.WARNING)]


def test_a_system_prompt_may_be_empty_text_too() -> None:
    (finding,) = findings_of([step(TASK, DONE, system=[text("Be terse."), text("")])])
    assert (finding.rule, finding.place.message_index, finding.place.part) == (
        "empty-text-block",
        0,
        1,
    )


def test_a_system_message_between_the_others_is_nothing_unusual() -> None:
    mind = {"role": "system", "content": "Mind the time."}
    assert names([step(TASK, SAYING, READ), step((*TASK, ASKED, user(NOTES), mind), DONE)]) == []


def test_looking_for_empty_text_costs_what_is_new() -> None:
    history: list[Any] = [*TASK]
    samples = []
    for n in range(300):
        samples.append(step(history, SAYING, READ, stop=n))
        history += [ASKED, user(NOTES, text("\n" if n % 2 else "Go on."))]
    (session,) = sessions_of(samples)
    began = time.perf_counter()
    assert len(check(session, [EmptyTextBlock()])) == 1
    assert time.perf_counter() - began < 1.5


Break = Callable[[dict[str, Any]], None]


def _last_turn(sent: dict[str, Any]) -> int:
    """Where the last assistant's message stands; the results of its calls stand after it."""
    roles = [message["role"] for message in sent["messages"]]
    return len(roles) - 1 - roles[::-1].index("assistant")


def _blocks(sent: dict[str, Any], after: int = 0) -> Any:
    return sent["messages"][_last_turn(sent) + after]["content"]


def _without(sent: dict[str, Any], kind: str, after: int = 0) -> None:
    blocks = _blocks(sent, after)
    blocks[:] = [block for block in blocks if block["type"] != kind] or [text("Go on.")]


def _drop_turn(sent: dict[str, Any]) -> None:
    at = _last_turn(sent)
    sent["messages"][at : at + 2] = [user(text("Go on."))]


def _drop_calls(sent: dict[str, Any]) -> None:
    _without(sent, "tool_use")
    _blocks(sent, 1)[:] = [text("(no content)")]


def _alter_thinking(sent: dict[str, Any]) -> None:
    for block in _blocks(sent):
        if block["type"] == "thinking":
            block["thinking"] = "Something else."


def _other_id(sent: dict[str, Any]) -> None:
    _blocks(sent, 1)[0]["tool_use_id"] = "toolu_none"


BREAKS: dict[str, tuple[Break, str]] = {
    "results": (lambda sent: _without(sent, "tool_result", 1), "unanswered-tool-call"),
    "turn": (_drop_turn, "tool-turn-lost"),
    "calls": (_drop_calls, "tool-turn-lost"),
    "thinking": (lambda sent: _without(sent, "thinking"), "reasoning-dropped"),
    "thought": (_alter_thinking, "altered-thinking"),
    "text": (lambda sent: _blocks(sent, 1).append(text("")), "empty-text-block"),
    "id": (_other_id, "mismatched-tool-call-id"),
}


def broken_at(case: str, number: int, break_: Break) -> list[Turn]:
    """The turns of a real session of Claude Code, one of its requests broken."""
    memo, made = Memo(), []
    for one in corpus.exchanges("claude", case):
        if one.number == number:
            sent = orjson.loads(one.request.content)
            break_(sent)
            one = replace(one, request=Body.whole(orjson.dumps(sent)))
        turn = decode(one, memo)
        if turn is not None and one.number <= number:
            made.append(turn)
    return made


def found_in(turns: list[Turn]) -> list[Finding]:
    return [f for s in weave(turns) for f in check(s) if f.severity is not Severity.INFO]


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
@pytest.mark.parametrize("number", [3, 4, 5, 8, 9])
@pytest.mark.parametrize("kind", BREAKS)
def test_a_real_request_that_was_broken_is_found_by_its_rule_at_its_place(
    kind: str, number: int
) -> None:
    break_, rule = BREAKS[kind]
    found = found_in(broken_at("kimi", number, break_))
    assert [f.rule for f in found] == [rule], found
    assert found[0].place.exchange == number


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
@pytest.mark.parametrize(("agent", "case"), [c for c in corpus.captures() if c[0] == "claude"])
def test_nothing_at_all_is_found_in_a_real_session(agent: str, case: str) -> None:
    sessions = weave(corpus.turns(agent, case))
    found = [f for s in sessions for f in check(s) if f.severity is not Severity.INFO]
    assert found == []
    assert {rule.name for rule in RULES} >= MINE
