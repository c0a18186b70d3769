"""How a reply comes back, and what is no loss."""

import pytest

from kimitap.lineage import Echo, EchoKind, Fate, Relation
from tests.support.chat import assistant, call, result, system, user
from tests.support.weaving import (
    NOTES,
    READ,
    TASK,
    WRITE,
    WROTE,
    Json,
    ask,
    echo_of,
    last_link,
    rows,
    woven,
)

TEXT = "Now I read the notes and then write the summary."
DETAILS = user("<environment_details>Current time: 12:00, no tabs</environment_details>")


def fates(echo: Echo) -> list[Fate]:
    return [one.fate for one in echo.calls]


def test_a_reply_given_back_as_it_was_is_the_same() -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(TEXT, READ), NOTES)
    assert (echo.kind, echo.place, echo.slot) == (EchoKind.SAME, 2, (2,))
    assert (echo.text, echo.reasoning, fates(echo)) == (Fate.SAME, Fate.NONE, [Fate.SAME])
    [one] = echo.calls
    assert (one.message, one.new_part, one.answered) == (2, 1, True)
    assert one.new is not None and one.new.name == "read_file"


# -- the seed's four serialisers (rules.md, "The seed's wire signature")


def test_a_blank_assistant_in_the_slot_is_a_blanked_reply() -> None:
    echo = echo_of(assistant(TEXT, WRITE), assistant(""), DETAILS)
    assert (echo.kind, echo.slot, fates(echo)) == (EchoKind.BLANKED, (2,), [Fate.GONE])
    assert echo.text is Fate.GONE


def test_the_legacy_format_writes_the_call_as_text() -> None:
    echo = echo_of(
        assistant(None, WRITE),
        assistant("[Tool Use: write_file]"),
        user("[Tool Result]\nThe file was written."),
    )
    assert (echo.kind, fates(echo)) == (EchoKind.FLATTENED, [Fate.AS_TEXT])
    assert echo.calls[0].answered


def test_reasoning_left_out_is_told_and_nothing_else() -> None:
    echo = echo_of(assistant(TEXT, READ, reasoning_content="Hm."), assistant(TEXT, READ), NOTES)
    assert (echo.kind, echo.reasoning) == (EchoKind.SAME, Fate.GONE)


def test_an_empty_id_flattens_the_call_into_its_result() -> None:
    unnamed = call("write_file", {"path": "Test.md"}, "")
    echo = echo_of(
        assistant(None, unnamed), assistant(""), user("[write_file for 'Test.md'] Result:\nDone.")
    )
    assert (echo.kind, fates(echo)) == (EchoKind.FLATTENED, [Fate.AS_TEXT])


def test_no_assistant_at_all_is_a_missing_reply() -> None:
    echo = echo_of(assistant(TEXT, WRITE), DETAILS)
    assert (echo.kind, echo.place, echo.slot) == (EchoKind.MISSING, 2, ())
    assert (echo.text, fates(echo)) == (Fate.GONE, [Fate.GONE])


# -- calls


def test_one_of_two_calls_gone_is_partial() -> None:
    echo = echo_of(assistant(TEXT, READ, WRITE), assistant(TEXT, READ), NOTES)
    assert (echo.kind, fates(echo)) == (EchoKind.PARTIAL, [Fate.SAME, Fate.GONE])


def test_the_first_of_two_calls_gone_is_not_taken_for_a_change() -> None:
    echo = echo_of(assistant(TEXT, READ, WRITE), assistant(TEXT, WRITE), WROTE)
    assert fates(echo) == [Fate.GONE, Fate.SAME]


def test_of_two_calls_of_one_tool_the_one_with_its_arguments_is_kept_whatever_its_id() -> None:
    one = call("run", {"command": "make"}, "functions.run:0")
    two = call("run", {"command": "make test"}, "functions.run:1")
    renumbered = {**two, "id": "functions.run:0"}
    echo = echo_of(
        assistant(TEXT, one, two), assistant(TEXT, renumbered), result("ok", "functions.run:0")
    )
    assert (echo.kind, fates(echo)) == (EchoKind.PARTIAL, [Fate.GONE, Fate.SAME])


def test_all_calls_gone_from_a_kept_text_is_partial_too() -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(TEXT), user("Go on."))
    assert (echo.kind, echo.text, fates(echo)) == (EchoKind.PARTIAL, Fate.SAME, [Fate.GONE])


@pytest.mark.parametrize(
    "given",
    [
        call("read_file", {}, "call_1"),
        call("invalid", {"tool": "read_file", "error": "unknown"}, "call_1"),
        call("read_file", {"path": "other.txt"}, "call_9"),
    ],
    ids=["emptied", "renamed", "another id"],
)
def test_a_call_with_other_arguments_or_name_is_changed(given: Json) -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(TEXT, given), result("x", given["id"]))
    assert (echo.kind, fates(echo)) == (EchoKind.ALTERED, [Fate.CHANGED])
    assert echo.calls[0].answered


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ('{"a": 1, "b": "caf\\u00e9"}', '{"b":"café","a":1.0}'),
        ('{"a": 1e3}', '{"a":1000}'),
        ("", "{}"),
        ("null", "{}"),
        ('{"a": "it", "b": true}', "{'a': 'it', 'b': True}"),
        ('{"a": "unfini', '{"a": "unfini'),
    ],
    ids=["escapes", "floats", "empty", "null", "python", "broken"],
)
def test_another_spelling_of_the_arguments_is_the_same_call(sent: str, given: str) -> None:
    echo = echo_of(
        assistant(TEXT, call("run", sent)), assistant(TEXT, call("run", given)), result("ok")
    )
    assert (echo.kind, fates(echo)) == (EchoKind.SAME, [Fate.SAME])


def test_rewritten_ids_are_no_loss() -> None:
    echo = echo_of(
        assistant(TEXT, call("read", {"p": 1}, "functions.read:0"), call("run", {}, "")),
        assistant(TEXT, call("read", {"p": 1}, "functions_read_0"), call("run", {}, "tool_call")),
        result("one", "functions_read_0"),
        result("two", "tool_call"),
    )
    assert echo.kind is EchoKind.SAME
    assert [one.answered for one in echo.calls] == [True, True]


def test_ids_that_start_again_do_not_pair_other_calls() -> None:
    kimi = call("read_file", {"path": "b.txt"}, "functions.read_file:0")
    old = call("read_file", {"path": "a.txt"}, "functions.read_file:0")
    before = [TASK, assistant("First.", old), result("a", "functions.read_file:0")]
    first = ask(1, before, assistant("Then.", kimi))
    second = ask(2, [*before, user("And the second file?")], assistant("Which?"))
    echo = last_link(woven(first, second)).echo
    assert (echo.kind, fates(echo)) == (EchoKind.MISSING, [Fate.GONE])


def test_a_call_that_was_asked_before_does_not_stand_for_the_lost_one() -> None:
    before = [TASK, assistant("First.", READ), NOTES]
    first = ask(1, before, assistant("Again.", READ))
    second = ask(2, [*before, assistant(""), DETAILS], assistant("Hm."))
    assert fates(last_link(woven(first, second)).echo) == [Fate.GONE]


@pytest.mark.parametrize(
    "text",
    [
        "Now.\nCalling tools:\n[{'id': '1', 'function': {'name': 'write_file', 'arguments': {}}}]",
        "<write_file>\n<path>summary.md</path>\n</write_file>",
        '<invoke name="write_file">',
        '@write_file(call_2): {"path": "summary.md"}',
        '{"name": "write_file", "arguments": {"path": "summary.md"}}',
    ],
)
def test_text_that_renders_the_call_is_flattened(text: str) -> None:
    echo = echo_of(assistant("Now.", WRITE), assistant(text), user("Observation: ok"))
    assert (echo.kind, fates(echo)) == (EchoKind.FLATTENED, [Fate.AS_TEXT])


@pytest.mark.parametrize(
    "text",
    [
        "Next time I should use write_file for that.",
        "The tool `write_file` failed.",
        "(no content)",
        "Calling tools: none of them this time.",
    ],
)
def test_text_that_only_names_the_tool_is_not_flattened(text: str) -> None:
    echo = echo_of(assistant("Now.", WRITE), assistant(text), user("Error: use write_file"))
    assert (echo.kind, fates(echo)) == (EchoKind.PARTIAL, [Fate.GONE])


def test_markup_that_the_reply_itself_had_does_not_count_as_flattened() -> None:
    leaked = "<write_file>\n<path>summary.md</path>\n</write_file>"
    echo = echo_of(assistant(leaked, WRITE), assistant(leaked), user("Go on."))
    assert fates(echo) == [Fate.GONE]


# -- results


@pytest.mark.parametrize(
    "text", ["aborted", "No result provided", "[Tool execution was interrupted]", ""]
)
def test_a_synthetic_or_empty_result_is_an_answer(text: str) -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(TEXT, READ), result(text))
    assert echo.calls[0].answered


def test_a_call_without_a_result_in_its_block_is_not_answered() -> None:
    echo = echo_of(
        assistant(TEXT, READ, WRITE), assistant(TEXT, READ, WRITE), NOTES, user("Go on."), WROTE
    )
    assert [one.answered for one in echo.calls] == [True, False]


def test_results_without_ids_answer_by_place() -> None:
    one, two = call("read", {"n": 1}, None), call("read", {"n": 2}, None)
    echo = echo_of(assistant(None, one, two), assistant(None, one, two), result("1", None))
    assert [a.answered for a in echo.calls] == [True, False]


# -- text


@pytest.mark.parametrize(
    "given",
    [
        TEXT + "\n",
        "  " + TEXT.replace(" ", "  "),
        TEXT.rstrip("."),
        TEXT + "\nObservation:",
        "<think>\nHm.\n</think>\n" + TEXT,
        TEXT[:30],
    ],
    ids=["line feed", "spaces", "full stop", "appended", "thought", "cut"],
)
def test_known_rewrites_of_the_text_are_no_change(given: str) -> None:
    echo = echo_of(assistant(TEXT), assistant(given), user("Go on."))
    assert (echo.kind, echo.text) == (EchoKind.SAME, Fate.SAME)


def test_a_thought_stripped_from_the_text_is_no_change() -> None:
    echo = echo_of(assistant("<think>Hm.</think>" + TEXT), assistant(TEXT), user("Go on."))
    assert (echo.kind, echo.text) == (EchoKind.SAME, Fate.SAME)


def test_reasoning_moved_into_the_text_is_kept() -> None:
    echo = echo_of(
        assistant(TEXT, READ, reasoning_content="I need both files."),
        assistant(f"<think>\nI need both files.\n</think>\n\n{TEXT}", READ),
        NOTES,
    )
    assert (echo.kind, echo.reasoning) == (EchoKind.SAME, Fate.SAME)


def test_another_text_in_the_slot_is_altered() -> None:
    echo = echo_of(assistant(TEXT), assistant("Seven geese fly south."), user("Go on."))
    assert (echo.kind, echo.text) == (EchoKind.ALTERED, Fate.CHANGED)


def test_text_dropped_beside_a_kept_call_is_altered() -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(None, READ), NOTES)
    assert (echo.kind, echo.text, fates(echo)) == (EchoKind.ALTERED, Fate.GONE, [Fate.SAME])


def test_an_empty_reply_given_back_empty_is_the_same() -> None:
    echo = echo_of(assistant(""), assistant(""), user("Please go on."))
    assert (echo.kind, echo.text, echo.calls) == (EchoKind.SAME, Fate.NONE, ())


def test_an_empty_reply_left_out_lost_nothing() -> None:
    echo = echo_of(assistant(None, reasoning_content="Hm."), user("Please go on."))
    assert (echo.kind, echo.text, echo.calls) == (EchoKind.MISSING, Fate.NONE, ())


# -- a reply in several messages


def test_a_reply_split_into_two_messages_is_the_same() -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(TEXT), assistant(None, READ), NOTES)
    assert (echo.kind, echo.slot) == (EchoKind.SAME, (2, 3))
    assert echo.calls[0].message == 3 and echo.calls[0].answered


@pytest.mark.parametrize(
    "thought",
    [
        assistant("<think>The notes come first.</think>"),
        assistant("", reasoning="The notes come first."),
    ],
    ids=["tags", "field"],
)
def test_a_thought_in_a_message_of_its_own_before_the_reply_is_part_of_it(thought: Json) -> None:
    reply = assistant(TEXT, READ, reasoning_content="The notes come first.")
    echo = echo_of(reply, thought, assistant(TEXT, READ), NOTES)
    assert (echo.kind, echo.slot, echo.reasoning) == (EchoKind.SAME, (2, 3), Fate.SAME)


def test_a_split_reply_is_found_whole_where_the_request_had_to_be_aligned() -> None:
    thought = "The notes come first."
    reply = assistant("Now I read.", READ, WRITE, reasoning_content=thought)
    split = [assistant("Now I read.", reasoning_content=thought), assistant(None, READ, WRITE)]
    clock = [system(f"You are an agent of few words. It is {hour} o'clock.") for hour in (9, 10)]
    short = user("List the files.")
    link = last_link(
        woven(
            ask(1, [short], reply, prompt=clock[0]),
            ask(2, [short, *split, NOTES, WROTE], assistant("I see."), prompt=clock[1]),
        )
    )
    assert (link.echo.slot, link.echo.text, link.echo.reasoning) == ((2, 3), Fate.SAME, Fate.SAME)


def test_another_thought_before_the_reply_is_no_part_of_it() -> None:
    reply = assistant(TEXT, READ, reasoning_content="The notes come first.")
    other = assistant("<think>It rains in Paris today.</think>")
    echo = echo_of(reply, other, assistant(TEXT, READ), NOTES)
    assert (echo.slot, echo.reasoning) == ((3,), Fate.GONE)


def test_two_calls_split_into_two_messages_are_both_answered_after_them() -> None:
    echo = echo_of(
        assistant(None, READ, WRITE), assistant(None, READ), assistant(None, WRITE), NOTES, WROTE
    )
    assert echo.kind is EchoKind.SAME
    assert [one.answered for one in echo.calls] == [True, True]


def test_text_moved_behind_the_results_is_altered_not_lost() -> None:
    echo = echo_of(assistant(TEXT, READ), assistant(None, READ), NOTES, assistant(TEXT))
    assert (echo.kind, echo.text, echo.slot) == (EchoKind.ALTERED, Fate.CHANGED, (2, 4))


def test_an_assistant_message_nobody_generated_beside_the_reply_is_no_part_of_it() -> None:
    said = "Ok. " + TEXT
    echo = echo_of(assistant(said), assistant(said), assistant("Ok."), user("Go on."))
    assert (echo.kind, echo.slot) == (EchoKind.SAME, (2,))


def test_a_message_put_before_the_reply_does_not_hide_it() -> None:
    echo = echo_of(assistant(TEXT, READ), user("(reminder)"), assistant(TEXT, READ), NOTES)
    assert (echo.slot, fates(echo)) == ((3,), [Fate.SAME])


def test_of_several_choices_the_one_that_was_taken_counts() -> None:
    texts = [assistant("A, then."), assistant("B, then.", WRITE)]
    choices = [{"index": i, "finish_reason": "stop", "message": m} for i, m in enumerate(texts)]
    first = ask(1, [TASK], texts[0], fields={"n": 2}, extra={"choices": choices})
    second = ask(2, [TASK, texts[1], WROTE], assistant("Done."))
    echo = last_link(woven(first, second)).echo
    assert (echo.kind, fates(echo)) == (EchoKind.SAME, [Fate.SAME])
    assert echo.calls[0].answered


# -- the link that carries the echo


def test_the_rows_after_the_prefix_are_the_reply_and_what_is_new() -> None:
    first = ask(1, [TASK], assistant(TEXT, READ))
    kept = ask(2, [TASK, assistant(TEXT, READ), NOTES], assistant("Done."))
    lost = ask(2, [TASK, DETAILS], assistant("Done."))
    blank = ask(2, [TASK, assistant(""), DETAILS], assistant("Done."))
    assert rows(last_link(woven(first, kept))) == ["=2/2", ">/3"]
    assert rows(last_link(woven(first, lost))) == ["<2/", ">/2"]
    assert rows(last_link(woven(first, blank))) == ["!2/2", ">/3"]
    assert last_link(woven(first, kept)).prefix == 2


def test_only_a_good_reply_that_was_owed_is_judged() -> None:
    good = ask(1, [TASK], assistant(TEXT, READ), session="s")
    cut = ask(1, [TASK], None, session="s", stream=True)
    nothing = ask(2, [TASK, DETAILS], assistant("Hm."), session="s")
    again = ask(2, [TASK], assistant("Hm."), session="s")
    assert last_link(woven(good, nothing)).judged
    assert not last_link(woven(cut, nothing)).judged
    retry = last_link(woven(cut, again))
    assert (retry.relation, retry.echo.kind) == (Relation.RETRY, EchoKind.SUPERSEDED)
