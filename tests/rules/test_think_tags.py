"""Tags of thoughts in the text of replies: a standing defect, told once a thread."""

import pytest

from kimitap.rules.examples import TASK, Json, assistant, step, user
from kimitap.rules.finding import Place
from kimitap.rules.reply.tool_call_in_content import QWEN
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of


def _thinking(number: int) -> Json:
    return assistant(f"<think>\nStep {number}.\n</think>\n\nI did step {number} of the task.")


def _tagged(count: int) -> list[Sample]:
    """A thread whose replies have their thoughts in the text, as the agent gives them back."""
    messages, samples = list(TASK), []
    for number in range(count):
        samples.append(step(messages, _thinking(number)))
        messages += [_thinking(number), user(f"Go on with step {number + 1}.")]
    return samples


def test_a_tag_in_every_reply_of_a_thread_is_one_finding() -> None:
    (finding,) = [f for f in findings_of(_tagged(6)) if f.rule == "think-tag-in-content"]
    assert finding.place == Place(1)
    assert finding.related == tuple(Place(n) for n in range(2, 7))
    assert "and in 5 more" in finding.message


def test_a_leaked_call_in_one_reply_does_not_hide_the_tags_of_the_others() -> None:
    samples = _tagged(3)
    leaked = {**_thinking(0), "content": f"{_thinking(0)['content']}\n{QWEN}"}
    samples[0] = step(TASK, leaked)
    rules = {f.rule for f in findings_of(samples)}
    assert {"tool-call-in-content", "think-tag-in-content"} <= rules
    assert "think-tag-in-content" not in {f.rule for f in findings_of(samples[:1])}


TALK = (
    "Qwen closes its thought with </think> before it answers.",
    "The tag </think>. It ends the thought, and nothing opens it in Kimi's template.",
    "Everything before </think>\nis the thought, everything after it the answer.",
    "A stray </think>, as in your log, means that the template opened the thought.",
    "The parser looks for </think>; the renderer for </s>.",
    "- </think>: closes the thought\n- <|im_end|>: ends the message",
    "| tag | meaning |\n|---|---|\n| </think> | ends the thought |",
    "The closing tag is **</think>**.\nThe opening one is missing.",
    "Split at '</think>'\nand keep the second half.",
    "It needs both tags (</think> too).",
    "I strip everything up to</think> and then trim.",
    "<think> is the tag that Qwen's template opens by itself.",
    "<think> and </think> stand around the thought.",
    "<think>/</think> are the tags of a thought.",
    "Your template never writes `<think>`, so that the reply holds only `</think>`.",
    "Look at this block:\n```python\nhead, _, tail = text.partition('</think>')",
    "> </think>\n\nis what your log says.",
    "Models write <think>hidden thoughts.</think> and then the answer.",
    "In HTML: <code></think></code> closes it.",
)
"""What models write about the tags."""

REAL = (
    "They ask for the owner.\n</think>\n\nAda owns it.",
    "They ask for the owner.</think>Ada owns it.",
    "They ask for the owner. </think> Ada owns it.",
    "they ask for the owner</think>ada owns it.",
    'They said "hello"</think>Hello to you.',
    "It is **bold**</think>Ada owns it.",
    "Qwen's </think> comes late, so I say it now.\n</think>\n\nAda owns it.",
    "Some write <think>, I do not.\n</think>\n\nAda owns it.",
    "They ask for the owner</think>\n\nAda owns it.",
    "</think>\n\nAda owns it.",
    "</think>Ada owns it.",
    "Ada owns it.</think>",
    "Ada owns it.\n</think>\n",
    "They ask for `owner`.\n\n```\nowner: Ada\n```\n</think>\n\nAda owns it.",
    "<think>\nThey ask for the owner.\n</think>\n\nAda owns it.",
    "<think>They ask for the owner.</think>Ada owns it.",
    "<think>\n\n</think>\n\nAda owns it.",
    "<think>\nThey ask for the owner, and the limit",
    "<think> They ask for the owner. </think> Ada owns it.",
)
"""What servers leave in the text."""


@pytest.mark.parametrize("text", TALK)
def test_a_text_about_the_tags_is_no_leak(text: str) -> None:
    assert [f.rule for f in findings_of([step(TASK, assistant(text))])] == []


@pytest.mark.parametrize("text", REAL)
def test_a_thought_in_the_text_is_told(text: str) -> None:
    rules = [f.rule for f in findings_of([step(TASK, assistant(text))])]
    assert rules == ["think-tag-in-content"]


def test_a_block_of_code_that_the_limit_cut_is_code_to_its_end() -> None:
    half = "This is the template:\n\n```jinja\n{{ thought }}\n</think>\n{{ answ"
    assert [f.rule for f in findings_of([step(TASK, assistant(half), "length")])] == [
        "truncated-by-length"
    ]


def test_an_odd_fence_hides_no_tag_from_a_reply_that_is_whole() -> None:
    said = "The file ends:\n```\n</think>\n\nAda owns it."
    assert [f.rule for f in findings_of([step(TASK, assistant(said))])] == ["think-tag-in-content"]
