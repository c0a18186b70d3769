"""The histories that real agents write, in short: what only looks like a defect.

The shapes are those of unmodified agents; the texts are made up.
"""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import TOOLS, assistant, call, failed, step, system, tool, user
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of
from tests.support.shapes import (
    BEGUN,
    DONE,
    FIRST,
    ON,
    OPEN,
    SECOND,
    START,
    WHY,
    read,
    retried,
    session,
    write,
)

FINISHING = [*TOOLS, {"type": "function", "function": {"name": "finish"}}]
FINISHED = assistant(None, call("c2", "finish", "{}"), reasoning=WHY)

CLEAN: dict[str, Sequence[Sample]] = {
    "Kimi Code rewrites Kimi's ids on both sides": [
        step(OPEN, assistant("", read("functions.Read:0"), reasoning=WHY)),
        step(
            (
                *OPEN,
                assistant("", read("functions_Read_0"), reasoning=WHY),
                tool("functions_Read_0", "owner: Ada"),
            ),
            assistant("", read("functions.Read:0", "data.csv"), reasoning=WHY),
        ),
        step(
            (
                *OPEN,
                assistant("", read("functions_Read_0"), reasoning=WHY),
                tool("functions_Read_0", "owner: Ada"),
                assistant("", read("functions_Read_0__2", "data.csv"), reasoning=WHY),
                tool("functions_Read_0__2", "id,amount"),
            ),
            DONE,
        ),
    ],
    "a call that was interrupted has a result made up by the agent": session(
        SECOND, SECOND, tool("c2", "[Tool execution was interrupted]"), user("Go on.")
    ),
    "the run ends with a finish tool that nobody answers": [
        step(OPEN, FIRST, tools=FINISHING),
        step(BEGUN, FINISHED, tools=FINISHING),
    ],
    "a finish tool is answered when the session is resumed": [
        step(OPEN, FIRST, tools=FINISHING),
        step(BEGUN, FINISHED, tools=FINISHING),
        step(
            (*BEGUN, FINISHED, tool("c2", "Session closed"), user("One more thing.")),
            DONE,
            tools=FINISHING,
        ),
    ],
    "an assistant's turn that nobody generated, after an interruption": [
        *session(SECOND, SECOND, tool("c2", "ok")),
        step(
            (*BEGUN, SECOND, tool("c2", "ok"), DONE, user("Now?"), assistant("No response."), ON),
            DONE,
        ),
    ],
    "few-shot turns before the first prompt": [
        step((OPEN[0], user("Context: a folder."), assistant("Got it. Thanks!"), OPEN[1]), SECOND),
        step(
            (
                OPEN[0],
                user("Context: a folder."),
                assistant("Got it. Thanks!"),
                OPEN[1],
                SECOND,
                tool("c2", "ok"),
            ),
            DONE,
        ),
    ],
    "the same prompt again after an error and an empty reply": [
        START,
        failed(BEGUN, 500, "decode failed"),
        *retried(assistant("", reasoning="Hm."))[1:],
    ],
    "an empty reply is left out": session(
        assistant("", reasoning="Hm."), system("Please return text or call a tool.")
    ),
    "the conversation is compacted": [
        *session(SECOND, SECOND, tool("c2", "ok")),
        step(
            (*BEGUN, SECOND, tool("c2", "ok"), DONE, user("Summarise the conversation so far.")),
            assistant("The user wants a summary; notes.txt and data.csv were read."),
            tools=[],
        ),
        step(
            (
                OPEN[0],
                user(
                    "This session is being continued from a previous conversation. The user wants "
                    "a summary; notes.txt and data.csv were read."
                ),
            ),
            DONE,
        ),
    ],
    "a reply without calls comes back in other words": session(
        assistant("The owner is Ada, I believe."), assistant("Ada owns it."), ON
    ),
    "two runs of one prompt, one after the other": [
        *session(SECOND, SECOND, tool("c2", "ok")),
        *session(SECOND, SECOND, tool("c2", "ok")),
    ],
    "the text comes back cut after the call, with the agent's own words after it": session(
        assistant("I write it now. Then I check it.", write("c2")),
        assistant("I write it now. Then I check it.\n", write("c2", '{"path":"summary.md"}')),
        tool("c2", "ok"),
    ),
}


TOLD = {
    "an assistant's turn that nobody generated, after an interruption": {
        "info unbacked-assistant-turn"
    },
    "few-shot turns before the first prompt": {"info unbacked-assistant-turn"},
    "the same prompt again after an error and an empty reply": {"warning empty-reply"},
    "an empty reply is left out": {"warning empty-reply"},
    "a reply without calls comes back in other words": {"info edited-reply"},
}
"""What is told all the same: the empty reply itself, and notes."""


@pytest.mark.parametrize("title", CLEAN)
def test_what_only_looks_like_a_defect_is_none(title: str) -> None:
    found = {f"{f.severity} {f.rule}" for f in defects_of(CLEAN[title])}
    assert found == TOLD.get(title, set())
