"""Tags of thoughts in the text of replies: a standing defect, told once a thread."""

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
