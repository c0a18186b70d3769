"""A scripted model: it follows a short plan, and believes only what the request shows it.

A step of the plan is done when the history carries its result. Where an agent's history lost the
call and its result, the model cannot know that the tool ever ran, and calls it again: the loop that
users of the bug report saw, without a word of it scripted as such.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from kimitap.demo.speech import JSON, Call, Speech, as_objects, calls_of, text_of

POEM = (
    "# Tea\n\nSteam climbs from the cup,\nthe tablet waits for its rain:\nleaves wake into green.\n"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call of the plan, and the thought before it."""

    reasoning: str
    name: str
    arguments: JSON


PLAN = (
    Step(
        "The user wants a short poem in Test.md. I write the file first.",
        "write_to_file",
        {"path": "Test.md", "content": POEM.removeprefix("# Tea\n\n")},
    ),
    Step("The file should be there now; the listing will tell.", "list_files", {"path": "."}),
    Step("It is there. I read it back to be sure.", "read_file", {"path": "Test.md"}),
    Step(
        "The poem is complete but has no title. I write it again with one.",
        "write_to_file",
        {"path": "Test.md", "content": POEM},
    ),
)

CLOSING = Speech("Everything asked for is done.", "Test.md holds the poem and its title.")


def results_seen(request: JSON) -> int:
    """How many tool results the history shows: as `tool` messages, or written out as text.

    The two spellings of text are those of agents that flatten their history.
    """
    messages = as_objects(request.get("messages"))
    answered = sum(message.get("role") == "tool" for message in messages)
    texts = [text_of(message.get("content")) for message in messages]
    return answered + sum(text.count("[Tool Use: ") + text.count("] Result:") for text in texts)


def next_speech(request: JSON, plan: Sequence[Step] = PLAN, closing: Speech = CLOSING) -> Speech:
    """What the model says to this request: the first step whose result it has not seen.

    Kimi K2 numbers its calls through the whole conversation, so the id's number is the count of
    calls that the history shows.
    """
    done = results_seen(request)
    if done >= len(plan):
        return closing
    step = plan[done]
    number = sum(len(calls_of(m)) for m in as_objects(request.get("messages")))
    call = Call(step.name, json.dumps(step.arguments), f"functions.{step.name}:{number}")
    return Speech(step.reasoning, calls=(call,))
