"""The histories that real agents write, in short: what is a defect there, and what only looks it.

The shapes are those of unmodified agents; the texts are made up.
"""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import Json, assistant, call, failed, step, system, tool, user
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

OPEN = (system("You are an agent."), user("Read notes.txt and data.csv, then write summary.md."))
ON = user("And now append a line.")
WHY = "Both files are short."


def read(call_id: str | None, path: str = "notes.txt") -> Json:
    return call(call_id, "read_file", path=path)


def write(call_id: str | None, arguments: str = '{"path": "summary.md"}') -> Json:
    return call(call_id, "write_file", arguments)


FIRST = assistant("I read both.", read("c0"), read("c1", "data.csv"), reasoning="Look first.")
RESULTS = (tool("c0", "owner: Ada"), tool("c1", "id,amount\n1,10"))
BEGUN: tuple[Json, ...] = (*OPEN, FIRST, *RESULTS)
START = step(OPEN, FIRST)
SECOND = assistant("Now I write the summary.", write("c2"), reasoning=WHY)
DONE = assistant("Done: summary.md is written.")
CUT = '{"path": "summary.md", "content": "# Sum'


def session(reply: Json, *given_back: Json, finish: str | None = "") -> list[Sample]:
    """A healthy first turn, then `reply`, given back as `given_back`."""
    return [START, step(BEGUN, reply, finish), step((*BEGUN, *given_back), DONE)]


def retried(reply: Json | None, finish: str | None = "", cancelled: bool = False) -> list[Sample]:
    """A healthy first turn, then `reply`, then the same prompt again, and a healthy end."""
    return [
        START,
        step(BEGUN, reply, finish, cancelled=cancelled),
        step(BEGUN, SECOND),
        step((*BEGUN, SECOND, tool("c2", "ok")), DONE),
    ]


def bad(arguments: str) -> Json:
    """A complete reply whose call has these arguments."""
    return assistant("Now I write.", write("c2", arguments), reasoning=WHY)


def back(arguments: str, name: str = "write_file") -> tuple[Json, Json]:
    """That reply as an agent gives it back, with other arguments or another name."""
    made = assistant("Now I write.", call("c2", name, arguments), reasoning=WHY)
    return made, tool("c2", "Error: the arguments are no valid JSON.")


def calling(text: str, name: str) -> Json:
    return assistant(f"{text}\nCalling tools:\n[{{'function': {{'name': '{name}'}}}}]")


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
        START,
        step(BEGUN, assistant(None, call("c2", "finish", "{}"), reasoning=WHY)),
    ],
    "a finish tool is answered when the session is resumed": session(
        assistant(None, call("c2", "finish", "{}"), reasoning=WHY),
        assistant(None, call("c2", "finish", "{}"), reasoning=WHY),
        tool("c2", "Session closed"),
        user("One more thing."),
    ),
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

DEFECTS: dict[str, tuple[Sequence[Sample], set[str]]] = {
    "OpenCode renames a call with bad arguments": (
        session(bad(CUT), *back('{"tool":"write_file","error":"bad"}', "invalid")),
        {"error malformed-tool-arguments"},
    ),
    "Vibe, Continue and Cline put {} for bad arguments": (
        session(bad(CUT), *back("{}")),
        {"error malformed-tool-arguments"},
    ),
    "pydantic-ai wraps bad arguments": (
        session(bad(CUT), *back('{"INVALID_JSON":"{..."}')),
        {"error malformed-tool-arguments"},
    ),
    "kimi-cli gives bad arguments back as they came": (
        session(bad(CUT), *back(CUT), finish="length"),
        {"error malformed-tool-arguments"},
    ),
    "Qwen Code asks again, and leaves two results for one call": (
        [
            *retried(bad(CUT))[:3],
            step((*BEGUN, SECOND, tool("c2", "rejected"), tool("c2", "ok")), DONE),
        ],
        {"error malformed-tool-arguments", "info discarded-reply"},
    ),
    "mini-swe-agent leaves a bad call out and complains": (
        session(bad(CUT), user("Format error: no valid call.")),
        {"error malformed-tool-arguments", "info discarded-reply"},
    ),
    "mini-swe-agent leaves leaked tokens out and complains": (
        session(
            assistant("<|tool_calls_section_begin|><|tool_call_begin|>functions.write_file:2"),
            user("Format error: no valid call."),
        ),
        {"info discarded-reply"},
    ),
    "mini-swe-agent leaves a turn without a call out": (
        session(assistant("The task is done, I think."), user("Format error: no valid call.")),
        {"warning dropped-reply"},
    ),
    "Nanocoder keeps a bad turn for one request, then takes it out": (
        [
            START,
            step(BEGUN, bad(CUT)),
            step((*BEGUN, *back(f'"{CUT[:10]}"')), SECOND),
            step((*BEGUN, SECOND, tool("c2", "ok")), DONE),
        ],
        {"error malformed-tool-arguments"},
    ),
    "Strands takes a call without an id out of the turn": (
        session(
            assistant("Now I write.", write("")), assistant("Now I write."), user("Go on, please.")
        ),
        {"error missing-tool-call-id", "error tool-turn-lost"},
    ),
    "pi repairs nothing and sends an empty id on both sides": (
        session(
            assistant("Now I write.", write(None)),
            assistant("Now I write.", write("")),
            tool("", "ok"),
        ),
        {"error missing-tool-call-id"},
    ),
    "Vibe throws a cut turn away": (
        retried(bad(CUT), "length"),
        {"error malformed-tool-arguments", "info discarded-reply"},
    ),
    "a cut turn stays in the history without its call": (
        [
            START,
            step(BEGUN, SECOND, None, cancelled=True),
            step((*BEGUN, assistant("Now I write the summary."), user("Append a line.")), DONE),
        ],
        {"info stream-aborted"},
    ),
    "the cut attempt and its retry are glued together": (
        [
            START,
            step(BEGUN, SECOND, None),
            step(BEGUN, SECOND),
            step(
                (
                    *BEGUN,
                    assistant("Now I writeNow I write the summary.", write("c2"), reasoning=WHY),
                    tool("c2", "ok"),
                ),
                DONE,
            ),
        ],
        {"error stream-aborted"},
    ),
    "the text moves behind the result": (
        [
            START,
            step(BEGUN, SECOND, None),
            step(BEGUN, SECOND),
            step(
                (
                    *BEGUN,
                    assistant(None, write("c2"), reasoning=WHY),
                    tool("c2", "ok"),
                    assistant("Now I write the summary."),
                ),
                DONE,
            ),
        ],
        {"error stream-aborted"},
    ),
    "Continue and LangGraph never send reasoning back": (
        [
            START,
            step((*OPEN, assistant("I read both.", *FIRST["tool_calls"]), *RESULTS), DONE),  # type: ignore[misc] # a test's JSON
        ],
        {"warning reasoning-dropped"},
    ),
    "gptme drops the second parallel call and answers the first": (
        [
            START,
            step(
                (
                    *OPEN,
                    assistant("<think>\nLook first.\n</think>\n\nI read both.", read("c0")),
                    RESULTS[0],
                ),
                DONE,
            ),
        ],
        {"warning partially-replayed-tool-calls"},
    ),
    "gptme writes a call with bad arguments as text": (
        session(
            bad(CUT),
            assistant(f"Now I write.\n@write_file(c2): {CUT}", reasoning=WHY),
            user("No tool call detected."),
        ),
        {"error malformed-tool-arguments", "warning flattened-tool-history"},
    ),
    "openai-agents files a reused id's call under the first turn that had it": (
        [
            step(OPEN, assistant("One.", read("c0"))),
            step(
                (*OPEN, assistant("One.", read("c0")), RESULTS[0]), assistant("Two.", write("c1"))
            ),
            step(
                (
                    *OPEN,
                    assistant("One.", read("c0")),
                    RESULTS[0],
                    assistant("Two.", write("c1")),
                    tool("c1", "ok"),
                ),
                assistant("Three, and the last.", read("c0", "data.csv")),
            ),
            step(
                (
                    *OPEN,
                    assistant("One.", read("c0", "data.csv")),
                    assistant("Two.", write("c1")),
                    tool("c1", "ok"),
                    assistant("Three, and the last."),
                    tool("c0", "id,amount"),
                ),
                DONE,
            ),
        ],
        {"error tool-turn-lost"},
    ),
    "the text of a reply without calls comes back blank": (
        session(assistant("The owner is Ada, I believe."), assistant(""), ON),
        {"warning dropped-reply"},
    ),
    "smolagents writes every call as text": (
        [
            START,
            step((*OPEN, calling("I read both.", "read_file"), user("Observation: x")), DONE),
        ],
        {"info flattened-tool-history", "warning reasoning-dropped"},
    ),
    "a window leaves a result behind whose call fell out": (
        [
            step((OPEN[0], RESULTS[1], DONE, ON), SECOND),
            step(
                (OPEN[0], RESULTS[1], DONE, ON, SECOND, tool("c2", "ok")),
                DONE,
            ),
        ],
        {"error orphan-tool-result"},
    ),
    "after a crash in mid-tool the complete turn is left out on resuming": (
        session(SECOND, user("Now append a line.")),
        {"error tool-turn-lost"},
    ),
}


@pytest.mark.parametrize("title", CLEAN)
def test_what_only_looks_like_a_defect_is_none(title: str) -> None:
    assert findings_of(CLEAN[title]) == []


@pytest.mark.parametrize("title", DEFECTS)
def test_a_real_defect_is_found_and_nothing_else(title: str) -> None:
    samples, expected = DEFECTS[title]
    found = findings_of(samples)
    assert {f"{f.severity} {f.rule}" for f in found} == expected, found
    assert len(found) == len(expected), found
