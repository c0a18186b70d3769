"""Sessions that look odd and are right, and such as look right and are not, each in one piece.

What servers and agents were seen to send; the texts are made up.
"""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    Json,
    anthropic,
    assistant,
    call,
    step,
    system,
    tool,
    user,
)
from kimitap.rules.finding import Side
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

BOTH = assistant("I read both.", READ, READ_TWO)
WHY = "First the notes, since they are named."
THOUGHT = assistant("I read.", READ, reasoning=WHY)
FUNCTIONS = {"model": "m", "messages": list(TASK), "functions": [{"name": "read_file"}]}
CALLED = (
    b'{"choices":[{"index":0,"finish_reason":"function_call","message":{"role":"assistant",'
    b'"content":null,"function_call":{"name":"read_file","arguments":"{}"}}}]}'
)
FILTERS = b'data: {"choices":[],"prompt_filter_results":[]}\n\n'
HI = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi there"}%s}]}\n\n'
STOP = b',"finish_reason":"stop"'
END = b"data: [DONE]\n\n"


def streamed(*events: bytes) -> Sample:
    """A reply of these events."""
    return Sample(step(TASK, None).request, None, raw=b"".join(events))


def back(reply: Json, *sent: Json) -> Sequence[Sample]:
    """A reply, and the request that gives it back as `sent`, which is answered."""
    return step(TASK, reply), step((*TASK, *sent), DONE)


CLEAN: dict[str, Sequence[Sample]] = {
    "results come in another order than the calls": back(
        BOTH, BOTH, tool("c2", "id,amount"), tool("c1", "owner: Ada")
    ),
    "the user speaks while the tools run": back(
        BOTH, BOTH, tool("c1", "owner: Ada"), tool("c2", "id,amount"), user("And hurry.")
    ),
    "one reply comes back as two, each with its result": back(
        BOTH, assistant("I read both.", READ), NOTES, assistant(None, READ_TWO), tool("c2", "id")
    ),
    "a call that was made twice comes back once": back(
        assistant("I read.", READ, call("c9", "read_file", path="notes.txt")),
        assistant("I read.", READ),
        NOTES,
    ),
    "content comes back as a list of parts": back(
        ASKED, {**ASKED, "content": [{"type": "text", "text": ASKED["content"]}]}, NOTES
    ),
    "an empty list of calls comes back": back(DONE, {**DONE, "tool_calls": []}, user("Thanks.")),
    "arguments come back in another spelling": back(
        assistant(None, call("c1", "write_file", '{"path":"caf\\u00e9.md", "n": 1.0}')),
        assistant(None, call("c1", "write_file", '{"n":1,"path":"café.md"}')),
        NOTES,
    ),
    "reasoning comes back within the text": back(
        THOUGHT, assistant(f"<think>{WHY}</think>I read.", READ), NOTES
    ),
    "reasoning comes back under another name": back(
        THOUGHT, {**assistant("I read.", READ), "reasoning": WHY}, NOTES
    ),
    "a title is asked for beside the task": [
        step((system("Name the talk in five words."), TASK[1]), assistant("Notes"), tools=[]),
        step(TASK, ASKED),
        step((*TASK, ASKED, NOTES), DONE),
    ],
    "the older function_call has no id": [Sample(FUNCTIONS, None, raw=CALLED)],
    "a service's filters come before the first choice": [streamed(FILTERS, HI % b"", HI % STOP)],
    "the finish reason comes with the last text": [streamed(HI % STOP, END)],
    "a stream ends with its finish reason": [streamed(HI % b"", HI % STOP)],
    "a stream ends with [DONE] and gives no reason for a text": [streamed(HI % b"", END)],
    "a reminder stands behind the results": [
        anthropic.step(anthropic.TASK, anthropic.SAYING, anthropic.READ),
        anthropic.step(
            (
                *anthropic.TASK,
                anthropic.ASKED,
                anthropic.user(
                    anthropic.NOTES, anthropic.text("<system-reminder>Hurry.</system-reminder>")
                ),
            ),
            anthropic.DONE,
        ),
    ],
}

FLAWED: dict[str, tuple[Sequence[Sample], str, Side]] = {
    "a special token of gpt-oss is left on a tool's name": (
        [step(TASK, assistant(None, call("c1", "read_file<|channel|>commentary", path="a")))],
        "unknown-tool",
        Side.SERVER,
    ),
    "gpt-oss' channels without the tokens around them": (
        [step(TASK, assistant("analysisThe notes first.assistantfinalAda owns them."))],
        "special-token-in-content",
        Side.SERVER,
    ),
    "the whole reply is a call in a code block": (
        [step(TASK, assistant('```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```'))],
        "tool-call-in-content",
        Side.MODEL,
    ),
    "a service says in JSON of its own that it will not": (
        [Sample(step(TASK, None).request, None, raw=b'{"success":false,"msg":"no quota"}')],
        "unreadable-answer",
        Side.SERVER,
    ),
    "only comments came, and then the end": (
        [streamed(b": OPENROUTER PROCESSING\n\n", b": OPENROUTER PROCESSING\n\n")],
        "stream-aborted",
        Side.SERVER,
    ),
    "an image as a user's message stands between the results": (
        back(BOTH, BOTH, tool("c1", "owner: Ada"), user("(an image)"), tool("c2", "id,amount")),
        "misplaced-tool-result",
        Side.AGENT,
    ),
}


@pytest.mark.parametrize("title", CLEAN)
def test_what_is_only_odd_is_no_defect(title: str) -> None:
    assert defects_of(CLEAN[title]) == []


@pytest.mark.parametrize("title", FLAWED)
def test_what_only_looks_right_is_one_defect(title: str) -> None:
    samples, rule, side = FLAWED[title]
    assert [(f.rule, f.side) for f in defects_of(samples)] == [(rule, side)]
