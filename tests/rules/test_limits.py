"""Where a reply was cut, and which rule says so: by the finish reason, by counts, or not at all."""

import pytest

from kimitap.rules.examples import DONE, READ, TASK, Json, assistant, call, step, tool
from kimitap.rules.finding import Side
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

HALF = assistant(None, call("c2", "write_file", '{"path": "summary.md", "content": "# Summ'))


def counted(message: Json, finish: str, made: int | None, **asked: object) -> Sample:
    """A reply of so many tokens, in `usage` as any server has it; None: nobody counted."""
    extra = {} if made is None else {"usage": {"prompt_tokens": 40, "completion_tokens": made}}
    sample = step(TASK, message, finish, **asked)
    return Sample(sample.request, sample.reply, extra=extra)


@pytest.mark.parametrize(
    ("finish", "made", "limit", "rule"),
    [
        ("length", 64, 64, "truncated-by-length"),
        ("length", None, None, "truncated-by-length"),
        ("tool_calls", 64, 64, "unreported-truncation"),
        ("tool_calls", 65, 64, "unreported-truncation"),
        ("stop", 64, 64, "unreported-truncation"),
        ("tool_calls", 53, 8192, "malformed-tool-arguments"),
        ("tool_calls", 53, None, "malformed-tool-arguments"),
        ("tool_calls", None, 8192, "malformed-tool-arguments"),
        ("stop", 53, 8192, "truncated-by-length"),
        ("stop", None, None, "truncated-by-length"),
    ],
)
def test_half_a_call_is_one_defect_by_what_is_known_of_its_end(
    finish: str, made: int | None, limit: int | None, rule: str
) -> None:
    asked = {} if limit is None else {"max_tokens": limit}
    (finding,) = defects_of([counted(HALF, finish, made, **asked)])
    assert finding.rule == rule


def test_one_token_more_than_the_limit_proves_nothing_of_a_whole_reply() -> None:
    assert defects_of([counted(DONE, "stop", 65, max_tokens=64)]) == []
    assert defects_of([counted(assistant(None, READ), "tool_calls", 65, max_tokens=64)]) == []


def filled(message: Json, finish: str, prompt: int, made: int) -> Sample:
    """The reply of an ik_llama.cpp with a context of 4096 tokens."""
    counts = {"prompt_n": prompt, "predicted_n": made, "n_ctx": 4096}
    usage = {"prompt_tokens": prompt, "completion_tokens": made}
    sample = step(TASK, message, finish)
    return Sample(sample.request, sample.reply, extra={"usage": usage, "timings": counts})


@pytest.mark.parametrize(
    ("prompt", "made", "rules"),
    [
        (4000, 90, set[str]()),
        (4000, 95, {"unreported-truncation"}),
        (4000, 96, {"unreported-truncation"}),
        (4096, 1, {"context-overflow"}),
    ],
)
def test_a_full_context_is_a_limit(prompt: int, made: int, rules: set[str]) -> None:
    assert {f.rule for f in defects_of([filled(DONE, "stop", prompt, made)])} == rules


@pytest.mark.parametrize(
    ("finish", "strikes"),
    [
        ("stop", True),
        ("end_turn", True),
        ("eos_token", True),
        ("tool_calls", False),
        ("tool_use", False),
        ("function_call", False),
        ("content_filter", False),
        ("error", False),
        ("insufficient_system_resource", False),
    ],
)
def test_calls_agree_with_their_own_reasons_and_with_those_of_another_end(
    finish: str, strikes: bool
) -> None:
    rules = {f.rule for f in defects_of([step(TASK, assistant("I read.", READ), finish)])}
    assert rules == ({"finish-reason-mismatch"} if strikes else set())


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call"])
def test_a_tool_choice_that_names_the_tool_excuses_stop(finish: str) -> None:
    named = {"type": "function", "function": {"name": "read_file"}}
    sample = step(TASK, assistant("I read.", READ), finish, tool_choice=named)
    assert defects_of([sample]) == []


def test_the_servers_side_has_a_call_that_its_parser_ended() -> None:
    (finding,) = defects_of([counted(HALF, "tool_calls", 64, max_tokens=64)])
    assert finding.side is Side.SERVER


def test_a_standing_mismatch_is_one_finding_and_no_cut_reply_hides_it() -> None:
    first = assistant("I read.", READ)
    after = (*TASK, first, tool("c1", "owner: Ada"))
    samples = [
        counted(first, "stop", 64, max_tokens=64),
        step(after, assistant("I read on.", call("c2", "read_file", path="data.csv")), "stop"),
    ]
    told = {(f.rule, f.place.exchange, len(f.related)) for f in defects_of(samples)}
    assert told == {("unreported-truncation", 1, 0), ("finish-reason-mismatch", 1, 1)}
    assert {f.rule for f in defects_of(samples[:1])} == {"unreported-truncation"}
