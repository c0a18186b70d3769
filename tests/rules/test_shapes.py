"""The histories that real agents write, in short: the defects in them, and nothing else.

The shapes are those of unmodified agents; the texts are made up.
"""

import json
from collections.abc import Sequence

import pytest

from kimitap.rules.examples import assistant, step, tool, user
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of
from tests.support.shapes import (
    BEGUN,
    CUT,
    DONE,
    FIRST,
    ON,
    OPEN,
    RESULTS,
    SECOND,
    START,
    WHY,
    back,
    bad,
    calling,
    read,
    retried,
    session,
    write,
)

DEFECTS: dict[str, tuple[Sequence[Sample], set[str]]] = {
    "OpenCode renames a call with bad arguments": (
        session(bad(CUT), *back('{"tool":"write_file","error":"bad"}', "invalid")),
        {"error malformed-tool-arguments", "info changed-tool-call"},
    ),
    "Vibe, Continue and Cline put {} for bad arguments": (
        session(bad(CUT), *back("{}")),
        {"error malformed-tool-arguments", "info changed-tool-call"},
    ),
    "pydantic-ai wraps bad arguments": (
        session(bad(CUT), *back('{"INVALID_JSON":"{..."}')),
        {"error malformed-tool-arguments", "info changed-tool-call"},
    ),
    "kimi-cli gives bad arguments back as they came": (
        session(bad(CUT), *back(CUT), finish="length"),
        {"error truncated-by-length"},
    ),
    "Qwen Code asks again, and leaves two results for one call": (
        [
            *retried(bad(CUT))[:3],
            step((*BEGUN, SECOND, tool("c2", "rejected"), tool("c2", "ok")), DONE),
        ],
        {
            "error malformed-tool-arguments",
            "info discarded-reply",
            "error duplicate-tool-result",
        },
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
        {"error tool-call-in-content", "info discarded-reply"},
    ),
    "mini-swe-agent leaves a turn without a call out": (
        session(assistant("The task is done, I think."), user("Format error: no valid call.")),
        {"warning dropped-reply"},
    ),
    "Nanocoder keeps a bad turn for one request, then takes it out": (
        [
            START,
            step(BEGUN, bad(CUT)),
            step((*BEGUN, *back(json.dumps(CUT))), SECOND),
            step((*BEGUN, SECOND, tool("c2", "ok")), DONE),
        ],
        {
            "error malformed-tool-arguments",
            "info changed-tool-call",
            "warning reused-tool-call-id",
            "error dropped-from-history",
        },
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
        {"error truncated-by-length", "info discarded-reply"},
    ),
    "a cut turn stays in the history without its call": (
        [
            START,
            step(BEGUN, SECOND, None, cancelled=True),
            step((*BEGUN, assistant("Now I write the summary."), user("Append a line.")), DONE),
        ],
        {"info client-cancelled"},
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
        {"error stream-aborted", "warning doubled-reply"},
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
        {"error stream-aborted", "info trailing-assistant", "info edited-reply"},
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
        {"error tool-turn-lost", "warning reused-tool-call-id"},
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


@pytest.mark.parametrize("title", DEFECTS)
def test_a_real_defect_is_found_and_nothing_else(title: str) -> None:
    samples, expected = DEFECTS[title]
    found = defects_of(samples)
    assert {f"{f.severity} {f.rule}" for f in found} == expected, found
    assert len(found) == len(expected), found
