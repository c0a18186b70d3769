"""Calls that leaked into the text, the last of them cut off by a limit: the whole ones count."""

import pytest

from kimitap.rules.examples import TASK, Json, assistant, step
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

KIMI = (
    '<|tool_call_begin|>functions.read_file:{n}<|tool_call_argument_begin|>{{"path": "{path}"}}'
    "<|tool_call_end|>"
)
HERMES = '<tool_call>\n{{"name": "read_file", "arguments": {{"path": "{path}"}}}}\n</tool_call>\n'
CODER = (
    "<tool_call>\n<function=read_file>\n<parameter=path>\n{path}\n</parameter>\n</function>\n"
    "</tool_call>\n"
)
DEEPSEEK = '<｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{{"path": "{path}"}}<｜tool▁call▁end｜>'
FAMILIES = {"Kimi K2": KIMI, "Hermes": HERMES, "Qwen3-Coder": CODER, "DeepSeek": DEEPSEEK}


def two(family: str, kept: float) -> str:
    """A whole call, and that much of a second one."""
    first, second = (
        FAMILIES[family].format(n=n, path=path) for n, path in enumerate(("notes.txt", "data.csv"))
    )
    return f"I read both.{first}{second[: int(len(second) * kept)]}"


def rules(said: Json, finish: str = "length", **fields: object) -> list[str]:
    return sorted(f.rule for f in findings_of([step(TASK, said, finish, **fields)]))


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_whole_call_is_told_beside_the_limit_that_cut_the_next_one(
    family: str, kept: float
) -> None:
    assert rules(assistant(two(family, kept))) == ["tool-call-in-content", "truncated-by-length"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_single_call_that_was_cut_is_the_limits_alone(family: str) -> None:
    first = FAMILIES[family].format(n=0, path="notes.txt")
    assert rules(assistant(first[: int(len(first) * 0.8)])) == ["truncated-by-length"]


def test_the_evidence_is_the_whole_call() -> None:
    found = findings_of([step(TASK, assistant(two("Kimi K2", 0.8)), "length")])
    [leak] = [f for f in found if f.rule == "tool-call-in-content"]
    assert "notes.txt" in leak.evidence[0].quote
    assert "data.csv" not in leak.evidence[0].quote
    assert leak.message.startswith("A call of read_file came as text")


def test_a_limit_that_nobody_reports_hides_no_whole_call_either() -> None:
    cut = step(TASK, assistant(two("Kimi K2", 0.8)), "stop", max_tokens=64)
    full = {"prompt_tokens": 40, "completion_tokens": 64, "total_tokens": 104}
    found = findings_of([Sample(cut.request, cut.reply, extra={"usage": full})])
    assert sorted(f.rule for f in found) == ["tool-call-in-content", "unreported-truncation"]


def test_a_whole_call_in_a_thought_is_told_where_the_next_one_was_cut() -> None:
    thought = assistant("", reasoning=two("Qwen3-Coder", 0.7))
    assert "tool-call-in-reasoning" in rules(thought)


def test_a_call_that_a_cut_thought_only_rehearsed_is_none() -> None:
    rehearsed = CODER.format(path="notes.txt")
    thought = f"I could write {rehearsed} but they gave me all of it, so there is no need to, and"
    cut = f"{thought} I would rather compare with <tool_call>\n<function=read_file>\n<para"
    assert rules(assistant("", reasoning=cut)) == ["truncated-by-length"]
