"""What runs have in common: shapes, rates, and whether a loop ends."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kimitap.conversation import Message, ToolCall
from kimitap.errors import UsageError
from kimitap.exchange import Outcome
from kimitap.replay.comparing import Group, comparison_lines, differs, loop_of, proves_nothing
from kimitap.replay.repair import Gap
from kimitap.replay.shape import Shape, shape_of, words_for
from tests.support import chat

READ = chat.call("read_file", {"path": "a"}, "call_0a1b2c")


def shape(message: object, number: int = 1, **more: object) -> Shape:
    sent = chat.request(chat.user("Sum up the notes."))
    return shape_of(chat.exchange(number, sent, chat.choice(message), **more))  # type: ignore[arg-type]


CALLS = shape(chat.assistant("", READ))
SAYS = shape(chat.assistant("Ada owns it."))


def lines(*groups: Sequence[Shape]) -> list[str]:
    named = [Group(name, "", tuple(runs)) for name, runs in zip("ab", groups, strict=False)]
    return list(comparison_lines(named))


def test_a_reply_has_the_shape_of_its_calls() -> None:
    words = words_for(CALLS)
    assert (words["tool calls"], words["arguments"], words["ids"]) == (
        "read_file",
        "{path}",
        "call_…",
    )
    assert (words["text"], words["reasoning"], words["ending"]) == ("none", "none", "complete")


@pytest.mark.parametrize(
    ("identifier", "form"),
    [
        ("functions.read_file:0", "functions.NAME:N"),
        ("call_9f", "call_…"),
        ("toolu_01AbC", "toolu_…"),
        ("chatcmpl-tool-0f", "chatcmpl-…"),
        ("8e2a2f4e-2c1d-4f0e-9a41-0d6b8a1c2d3e", "UUID"),
        ("a" * 32, "32 characters"),
        ("", "empty"),
    ],
)
def test_ids_of_one_form_read_the_same(identifier: str, form: str) -> None:
    call = chat.call("read_file", {"path": "a"}, identifier)
    assert words_for(shape(chat.assistant("", call)))["ids"] == form


def test_arguments_that_are_no_object_are_told_and_found() -> None:
    words = words_for(shape(chat.assistant("", chat.call("read_file", '{"path": ', "c1"))))
    assert words["arguments"] == "no JSON object"
    assert "malformed-tool-arguments" in words["found in it"]


def test_what_the_agent_did_is_not_found_in_a_reply() -> None:
    hung_up = shape(chat.assistant("Ada"), stream=True, cut=True, outcome=Outcome.CLIENT_HUNG_UP)
    assert "client-cancelled" not in hung_up.found
    assert hung_up.ending == "client hung up"


def test_what_all_runs_say_is_one_line_and_what_differs_is_counted() -> None:
    told = lines([CALLS], [CALLS, SAYS, SAYS])
    assert "= status           200" in told
    at = told.index("! tool calls       a  read_file")
    assert told[at + 1] == "                   b  none (2 of 3), read_file (1 of 3)"


def test_numbers_have_a_median_and_a_range_and_are_never_a_difference() -> None:
    runs = [replace(SAYS, duration_s=seconds) for seconds in (0.5, 1.5, 4.0)]
    told = lines([SAYS], runs)
    assert "                   b  1.50 (0.50 to 4)" in told
    assert differs([Group("a", "", (SAYS,)), Group("b", "", tuple(runs))]) == ()


def test_what_differs_is_named() -> None:
    groups = [Group("a", "", (SAYS,)), Group("b", "", (CALLS,))]
    wanted = {"finish_reason", "tool calls", "arguments", "ids", "text"}
    assert set(differs(groups)) == wanted


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ((CALLS, CALLS), "the loop goes on"),
        ((CALLS, SAYS), "the loop goes on at times"),
        ((SAYS,), "the loop ends"),
        ((replace(CALLS, stands_for=(("list", "{}"), *CALLS.stands_for)),), "the loop goes on"),
        ((replace(SAYS, status=500, error="no"),), "no reply came: nothing can be told"),
        ((replace(SAYS, ending="complete, but no reply"),), "no reply came: nothing can be told"),
        ((replace(SAYS, ending="server cut"),), "no reply came: nothing can be told"),
        ((replace(SAYS, has_text=False),), "no reply came: nothing can be told"),
    ],
)
def test_a_loop_goes_on_where_the_call_that_was_put_back_is_made_again(
    runs: tuple[Shape, ...], verdict: str
) -> None:
    reply = Message("assistant", (ToolCall("read_file", '{ "path" : "a" }', "other"),))
    loop = loop_of(Group("a", "", runs), [Gap(1, exchange=1, reply=reply)])
    assert loop is not None
    assert loop.verdict == verdict


@pytest.mark.parametrize(("control", "nothing"), [(CALLS, False), (SAYS, True)])
def test_a_repair_proves_nothing_where_the_unchanged_request_ends_the_loop_too(
    control: Shape, nothing: bool
) -> None:
    reply = Message("assistant", (ToolCall("read_file", '{"path": "a"}', "other"),))
    groups = Group("recorded", "", (CALLS,)), Group("unchanged", "", (control,))
    told = [loop_of(group, [Gap(1, exchange=1, reply=reply)]) for group in groups]
    assert proves_nothing([loop for loop in told if loop]) is nothing


def test_without_a_call_there_is_no_loop() -> None:
    gap = Gap(1, exchange=1, reply=Message("assistant", ()))
    assert loop_of(Group("a", "", (SAYS,)), [gap]) is None


def test_what_is_no_model_call_has_no_shape() -> None:
    with pytest.raises(UsageError, match="no model call"):
        shape_of(chat.exchange(1, {}, None, path="/tokenize"))
