"""What an agent changes in a history on purpose, beside what looks like it and is a defect."""

from collections.abc import Sequence

import pytest

from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WRITTEN,
    WROTE,
    Json,
    anthropic,
    assistant,
    call,
    step,
    tool,
    user,
)
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of


def told(samples: Sequence[Sample]) -> list[str]:
    return [f"{found.severity} {found.rule}" for found in defects_of(samples)]


def declared(name: str, **schema: object) -> Json:
    """A tool's declaration; `schema` is that of its parameters, but for the type."""
    parameters = {"type": "object", **schema}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def given_back(was: str, now: str, **schema: object) -> list[str]:
    """What is found where a call of `list_files` comes back with other arguments."""
    tools = [declared("list_files", **schema)]
    one, other = (assistant(None, call("c1", "list_files", text)) for text in (was, now))
    listed = (*TASK, other, tool("c1", "notes.txt"))
    return told([step(TASK, one, tools=tools), step(listed, DONE, tools=tools)])


DEPTH: Json = {"path": {"type": "string"}, "depth": {"type": "integer", "default": 1}}
WITHIN: Json = {"in": {"type": "object", "properties": DEPTH}}


@pytest.mark.parametrize(
    ("was", "now", "schema"),
    [
        ('{"path": "."}', '{"path": ".", "depth": 1}', {"properties": DEPTH}),
        ('{"path": ".", "why": "to see"}', '{"path": "."}', {"properties": DEPTH}),
        ('{"in": {"path": "."}}', '{"in": {"path": ".", "depth": 1}}', {"properties": WITHIN}),
    ],
)
def test_arguments_that_the_declared_schema_parsed_are_a_note(
    was: str, now: str, schema: dict[str, object]
) -> None:
    assert given_back(was, now, **schema) == ["info changed-tool-call"]


@pytest.mark.parametrize(
    ("was", "now", "schema"),
    [
        ('{"path": "."}', '{"path": ".", "depth": 2}', {"properties": DEPTH}),
        ('{"path": "."}', '{"path": "src"}', {"properties": DEPTH}),
        ('{"path": ".", "depth": 3}', '{"path": "."}', {"properties": DEPTH}),
        ('{"path": "."}', '{"path": ".", "all": true}', {"properties": DEPTH}),
        (
            '{"path": ".", "a": 1}',
            '{"path": "."}',
            {"properties": DEPTH, "additionalProperties": {}},
        ),
        ('{"path": "."}', "{}", {}),
    ],
)
def test_arguments_that_no_schema_explains_are_an_error(
    was: str, now: str, schema: dict[str, object]
) -> None:
    assert given_back(was, now, **schema) == ["error changed-tool-call"]


BOTH = assistant("I read both.", READ, READ_TWO)
CROSSED = assistant(
    "I read both.",
    call("c1", "read_file", path="data.csv"),
    call("c2", "read_file", path="notes.txt"),
)


def test_two_calls_that_swap_their_ids_are_one_error() -> None:
    again = (*TASK, CROSSED, NOTES, tool("c2", "id,amount"))
    assert told([step(TASK, BOTH), step(again, DONE)]) == ["error changed-tool-call"]


def test_calls_in_another_order_with_their_own_ids_or_with_new_ones_are_right() -> None:
    turned = assistant("I read both.", READ_TWO, READ)
    renamed = assistant(
        "I read both.",
        call("x1", "read_file", path="data.csv"),
        call("x2", "read_file", path="notes.txt"),
    )
    data = tool("c2", "id,amount")
    assert told([step(TASK, BOTH), step((*TASK, turned, data, NOTES), DONE)]) == []
    results = (tool("x1", "id,amount"), tool("x2", "owner: Ada"))
    assert told([step(TASK, BOTH), step((*TASK, renamed, *results), DONE)]) == []


def test_equal_calls_may_swap_their_ids() -> None:
    one, two = (call(i, "run_command", command="date") for i in ("c1", "c2"))
    results = (tool("c1", "noon"), tool("c2", "noon"))
    sent = (*TASK, assistant(None, two, one), *results)
    assert told([step(TASK, assistant(None, one, two)), step(sent, DONE)]) == []


ROUTE: Json = {"type": "function", "function": {"name": "route"}}
CHOSEN = assistant(None, call("r1", "route", next="the archivist"))
HEARD = user("The archivist says: Ada kept the table.")


def routed(*sent: Json, tools: Sequence[Json] = (ROUTE,)) -> list[str]:
    """What is found where a forced call gives way to `sent`."""
    forced = {"tools": list(tools), "tool_choice": ROUTE}
    return told(
        [step(TASK, CHOSEN, "stop", **forced), step((*TASK, *sent), CHOSEN, "stop", **forced)]  # type: ignore[arg-type]
    )


def test_a_forced_call_of_the_only_tool_is_an_answer_that_may_go() -> None:
    assert routed(HEARD) == []


def test_what_a_forced_call_chose_may_speak_as_an_assistant() -> None:
    assert "error tool-turn-lost" not in routed(
        assistant("I am the archivist: Ada kept it."), HEARD
    )


@pytest.mark.parametrize(("choice", "expected"), [("tool", []), ("auto", ["error tool-turn-lost"])])
def test_a_call_that_anthropic_s_api_was_told_to_make_may_go(
    choice: str, expected: list[str]
) -> None:
    tools = [{"name": "route", "input_schema": {"type": "object"}}]
    forced = {"type": choice, **({"name": "route"} if choice == "tool" else {})}
    made = {"type": "tool_use", "id": "toolu_1", "name": "route", "input": {"next": "Ada"}}
    heard = (*anthropic.TASK, anthropic.user(anthropic.text("Ada says: it is in the table.")))
    samples = [
        anthropic.step(anthropic.TASK, made, tools=tools, tool_choice=forced),
        anthropic.step(heard, anthropic.DONE, tools=tools, tool_choice=forced),
    ]
    assert [one for one in told(samples) if one.startswith("error")] == expected


def test_a_forced_call_that_leaves_a_blank_turn_or_its_result_behind_is_lost() -> None:
    assert "error tool-turn-lost" in routed(assistant(""), HEARD)
    assert "error tool-turn-lost" in routed(tool("r1", "He is on his way."))


def test_a_forced_call_of_one_tool_among_several_is_lost() -> None:
    assert "error tool-turn-lost" in routed(HEARD, tools=[ROUTE, declared("read_file")])


FINISH = declared("final_answer", properties={"answer": {"type": "string"}})


def ended(answer: str, *sent: Json, said: str | None = None) -> list[str]:
    """What is found where a run ended with a call of `answer`, and `sent` is what comes next."""
    last = assistant(said, call("f1", "final_answer", answer=answer))
    return told(
        [step(TASK, last, tools=[FINISH]), step((*TASK, *sent), DONE, tools=[FINISH])],
    )


def test_a_final_answer_may_come_back_as_what_the_assistant_said() -> None:
    thanks = user("Thanks. And the table?")
    assert ended("Ada owns it.", assistant("Ada owns it."), thanks) == []
    spoken = assistant("That was easy.\n\nAda owns it.")
    assert ended("Ada owns it.", spoken, thanks, said="That was easy.") == []


def test_a_final_answer_that_comes_back_as_something_else_is_lost() -> None:
    lost = "error tool-turn-lost"
    assert lost in ended("Ada owns it.", assistant("Well, let me see."), user("Go on."))
    assert lost in ended("Ada owns it.", assistant("Ada owns it."), tool("f1", "ok"))
    kept = assistant("Ada owns it.")
    assert lost in ended("Ada owns it.", kept, user("Go on."), said="Ada owns it.")


def replaced(*stands: Json) -> list[str]:
    """What is found where the first call and its result give way to `stands`."""
    return told(
        [
            step(TASK, ASKED),
            step((*TASK, ASKED, NOTES), WROTE),
            step((*TASK, *stands, WROTE, WRITTEN), DONE),
        ]
    )


def test_a_call_and_its_result_may_give_way_to_a_text_that_tells_of_them() -> None:
    summary = user("Earlier, read_file was called; it showed that Ada is the owner of three rows.")
    assert replaced(summary) == ["info dropped-from-history"]


def test_a_call_that_gives_way_to_a_text_that_knows_nothing_of_it_is_dropped() -> None:
    assert "error dropped-from-history" in replaced(user("Hurry up, please, it is late."))
    assert "error dropped-from-history" in replaced()


def asked_about(*texts: str) -> list[str]:
    """What a script that shows two examples is told of its requests after the first."""
    shown = [user("Mood of: what a day!"), assistant("glad"), user("Mood of: oh no, not again")]
    shots = [TASK[0], *shown, assistant("cross")]
    found = told([step([*shots, user(text)], assistant("cross"), tools=[]) for text in texts])
    return [one for one in found if one != "info unbacked-assistant-turn"]


def test_other_inputs_in_one_template_are_edits_and_discard_no_reply() -> None:
    late, early = (f"Mood of: the train was {word} again" for word in ("late", "early"))
    assert asked_about(late, early) == ["info edited-history"]


def test_a_question_to_which_something_was_added_discards_the_reply() -> None:
    late = "Mood of: the train was late again"
    assert "warning discarded-reply" in asked_about(late, f"{late}. One word!")


TALK = [user("What is felt?"), assistant("Wool that was pressed until it held.")]
MORE = [user("Who makes it?"), assistant("Hatters did, and some of them went mad.")]


def talked(tools: Sequence[Json]) -> list[str]:
    """What is found where the middle of three questions is gone with its answer."""
    third = [user("Is it warm?"), assistant("It is, as wool is.")]
    asked = [*TALK, *MORE, third[0]]
    samples = [
        step(TALK[:1], TALK[1], tools=tools),
        step([*TALK, MORE[0]], MORE[1], tools=tools),
        step(asked, third[1], tools=tools),
        step([*TALK, *third, user("Thanks.")], assistant("Gladly."), tools=tools),
    ]
    return told(samples)


def test_a_question_deleted_with_its_answer_is_a_note_in_a_chat_and_a_warning_for_an_agent() -> (
    None
):
    assert talked([]) == ["info dropped-from-history"]
    assert talked([FINISH]) == ["warning dropped-from-history"]


def test_reasoning_that_is_left_out_for_another_model_is_a_note() -> None:
    thought = assistant("I read.", READ, reasoning="The notes come first.")
    sent = (*TASK, assistant("I read.", READ), NOTES)
    assert told([step(TASK, thought), step(sent, DONE, model="other")]) == [
        "info reasoning-dropped"
    ]
    assert told([step(TASK, thought), step(sent, DONE)]) == ["warning reasoning-dropped"]
