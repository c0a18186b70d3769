"""Sound sessions as agents really send them, in all three APIs: nothing cries, no thread is torn.

The ways are Roo Code's, Cline's, OpenCode's, Codex', Claude Code's, Zed's and Goose's; the texts
are made up.
"""

from collections.abc import Sequence

import pytest

from kimitap.conversation import Turn
from kimitap.rules import check
from kimitap.rules.examples import Json, assistant, call, step, system, tool, user
from kimitap.rules.finding import Severity
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.scoring.dialects import Dialect
from tests.scoring.translate import translated
from tests.support import chat
from tests.support.examples import exchange_of

SYSTEM = system("You are a software engineer who works with the tools that he is given. " * 8)
TASK = user("<task>\nRefactor the parser of the ledger so that it keeps comments.\n</task>")
BEGUN = (SYSTEM, TASK)
REMINDER = "<system-reminder>\nThe todo list is empty. Do not speak of it.\n</system-reminder>"
DONE = assistant("The parser keeps comments now: two modules changed.")


def read(number: int, call_id: str = "") -> Json:
    path = f"src/module_{number}.py"
    return call(call_id or f"call_{number:04d}", "read_file", path=path)


def asked(number: int, call_id: str = "", *, thought: bool = True) -> Json:
    why = f"Module {number} parses section {number}, so I need it." if thought else ""
    return assistant(f"I look at module {number}.", read(number, call_id), reasoning=why)


def given(number: int, call_id: str = "", more: str = "") -> Json:
    text = f"def parse_{number}(lines):\n    return [x for x in lines if x]"
    return tool(call_id or f"call_{number:04d}", text + more)


def told(minute: int) -> str:
    return f"<environment_details>\n# Time\n2026-03-01T12:{minute:02d}:00Z\n</environment_details>"


def unthought(message: Json) -> Json:
    return {name: value for name, value in message.items() if name != "reasoning_content"}


ONE, TWO, THREE = (asked(n) for n in (1, 2, 3))
RUN = (*BEGUN, ONE, given(1), TWO, given(2))
BOTH = assistant("Both at once.", read(1), read(2))
BACK = "The user doesn't want to proceed with this tool use. The tool use was rejected."

WAYS: dict[str, Sequence[Sample]] = {
    "a run": [step(BEGUN, ONE), step((*BEGUN, ONE, given(1)), TWO), step(RUN, DONE)],
    "white space is trimmed": [
        step(BEGUN, assistant("\n\nI look.\n", read(1), reasoning="\nIt parses.\n")),
        step((*BEGUN, assistant("I look.", read(1), reasoning="It parses."), given(1)), DONE),
    ],
    "thoughts go when the user speaks": [
        step(BEGUN, ONE),
        step((*BEGUN, ONE, given(1)), DONE),
        step((*BEGUN, unthought(ONE), given(1), DONE, user("Now its tests.")), TWO),
    ],
    "only the last turn keeps its thoughts": [
        step(BEGUN, ONE),
        step((*BEGUN, ONE, given(1)), TWO),
        step((*BEGUN, unthought(ONE), given(1), TWO, given(2)), DONE),
    ],
    "details of the environment come last, and are gone in the next request": [
        step((*BEGUN, user(told(1))), ONE),
        step((*BEGUN, ONE, given(1), user(told(2))), TWO),
        step((*RUN, user(told(3))), DONE),
    ],
    "details of the environment stay": [
        step((*BEGUN, user(told(1))), ONE),
        step((*BEGUN, user(told(1)), ONE, given(1), user(told(2))), DONE),
    ],
    "results come in another order": [
        step(BEGUN, BOTH),
        step((*BEGUN, BOTH, given(2), given(1)), DONE),
    ],
    "the user rejects a call and says why": [
        step(BEGUN, BOTH),
        step(
            (
                *BEGUN,
                BOTH,
                given(1),
                tool("call_0002", BACK),
                user("[Request interrupted by user for tool use]"),
                user("Write a tokenizer instead."),
            ),
            DONE,
        ),
    ],
    "a reminder is put behind each result": [
        step(BEGUN, ONE),
        step((*BEGUN, ONE, given(1, more=f"\n\n{REMINDER}")), TWO),
        step((*BEGUN, ONE, given(1), TWO, given(2, more=f"\n\n{REMINDER}")), DONE),
    ],
    "ids are written anew in every request": [
        step(BEGUN, ONE),
        step((*BEGUN, asked(1, "toolu_x1"), given(1, "toolu_x1")), TWO),
        step(
            (
                *BEGUN,
                asked(1, "toolu_y1"),
                given(1, "toolu_y1"),
                asked(2, "toolu_y2"),
                given(2, "toolu_y2"),
            ),
            DONE,
        ),
    ],
    "a stream is cancelled, and what came of it kept": [
        step(BEGUN, assistant("I look at mod"), None, cancelled=True),
        step((*BEGUN, assistant("I look at mod\n\n[interrupted]"), user("Use yields.")), TWO),
    ],
    "a stream is cancelled and left out": [
        step(BEGUN, assistant("I look at mod"), None, cancelled=True),
        step((*BEGUN, user("Use yields.")), TWO),
    ],
    "the user goes back to a checkpoint": [
        step(BEGUN, ONE),
        step((*BEGUN, ONE, given(1)), TWO),
        step(RUN, THREE),
        step((*BEGUN, ONE, given(1), user("Stop: write a tokenizer.")), asked(7)),
    ],
    "the model is told to use a tool": [
        step(BEGUN, assistant("It must be module 1, I think.")),
        step(
            (*BEGUN, assistant("It must be module 1, I think."), user("[ERROR] Use a tool.")), ONE
        ),
    ],
    "the user writes while the tool runs": [
        step(BEGUN, ONE),
        step((*BEGUN, ONE, given(1), user("Keep blank lines too.")), TWO),
        step((*BEGUN, ONE, given(1), user("Keep blank lines too."), TWO, given(2)), DONE),
    ],
    "old results are emptied to make room": [
        step(BEGUN, ONE),
        step((*BEGUN, ONE, given(1)), TWO),
        step(
            (
                *BEGUN,
                ONE,
                tool("call_0001", "[Old tool result content cleared]"),
                TWO,
                given(2),
            ),
            DONE,
        ),
    ],
    "a prefilled answer and what the model made of it are one message": [
        step((*BEGUN, assistant("Sure, the plan is:")), assistant(" read the parser, then write.")),
        step(
            (
                *BEGUN,
                assistant("Sure, the plan is: read the parser, then write."),
                user("Go on with it."),
            ),
            ONE,
        ),
    ],
}


def turns_of(samples: Sequence[Sample], dialect: Dialect) -> list[Turn]:
    spoken = translated(samples, dialect)
    return chat.turns(tuple(exchange_of(n, sample) for n, sample in enumerate(spoken, 1)))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_cries_and_nothing_is_torn(way: str, dialect: Dialect) -> None:
    (session,) = weave(turns_of(WAYS[way], dialect))
    assert [f for f in check(session) if f.severity is not Severity.INFO] == []
    others = [thread for thread in session.threads[1:] if thread.kind != "fork"]
    assert others == []
