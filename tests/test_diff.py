"""What `diff` says of two requests, on hand-made links."""

from datetime import UTC, datetime

from kimitap.conversation import Message, Reasoning, Reply, Text, ToolCall, ToolResult, Turn
from kimitap.diff import Change, Diff, changes_of, diff_link
from kimitap.exchange import Outcome
from kimitap.lineage import Echo, EchoKind, Link, Mark, Pair, Relation
from tests.support.chat import assistant
from tests.support.weaving import NOTES, READ, TASK, Json, ask, last_link, woven

USER = Message("user", (Text("Write Test.md."),))
CALL = ToolCall("write_to_file", '{"path":"Test.md"}', "functions.write_to_file:0")
CALLING = Message("assistant", (Reasoning("A file."), Text("Now."), CALL))
BLANK = Message("assistant")


def turn(exchange: int, messages: tuple[Message, ...], reply: Message, **settings: object) -> Turn:
    return Turn(
        exchange=exchange,
        dialect="openai-chat",
        path="/v1/chat/completions",
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        ended_at=None,
        outcome=Outcome.COMPLETE,
        messages=messages,
        reply=Reply(reply, complete=True),
        status=200,
        parameters=settings,
    )


def link(old: Turn, new: Turn, prefix: int, *pairs: Pair) -> Link:
    return Link(old, new, Relation.CONTINUES, prefix, pairs, Echo(EchoKind.BLANKED, place=prefix))


def test_the_kept_prefix_and_the_changed_reply_stand_in_order() -> None:
    old = turn(1, (USER,), CALLING)
    new = turn(2, (USER, BLANK, USER), BLANK)
    pairs = (Pair(Mark.CHANGED, 1, 1), Pair(Mark.NEW, None, 2))
    diff = diff_link(link(old, new, 1, *pairs))
    assert [(r.mark, r.old_index, r.new_index) for r in diff.rows] == [
        (Mark.SAME, 0, 0),
        (Mark.CHANGED, 1, 1),
        (Mark.NEW, None, 2),
    ]
    assert [row.is_reply for row in diff.rows] == [False, True, False]


def test_each_field_that_is_lost_is_named() -> None:
    assert changes_of(CALLING, BLANK) == (
        Change("reasoning", "A file.", None),
        Change("text", "Now.", None),
        Change("tool_calls[0].id", "functions.write_to_file:0", None),
        Change("tool_calls[0].name", "write_to_file", None),
        Change("tool_calls[0].arguments", '{"path":"Test.md"}', None),
    )


def test_equal_messages_have_no_changes() -> None:
    assert changes_of(CALLING, CALLING) == ()


def test_calls_in_another_order_are_told_as_that() -> None:
    other = ToolCall("read_file", '{"path":"a"}', "c2")
    one, two = Message("assistant", (CALL, other)), Message("assistant", (other, CALL))
    assert changes_of(one, two) == (Change("tool_calls", "0, 1", "1, 0"),)


def test_a_call_that_is_gone_is_told_and_not_those_that_moved_up() -> None:
    other = ToolCall("read_file", '{"path":"a"}', "c2")
    both, one = Message("assistant", (CALL, other)), Message("assistant", (other,))
    assert {c.field.split(".")[0] for c in changes_of(both, one)} == {"tool_calls[0]"}
    assert [c.field for c in changes_of(one, both)] == [
        "tool_calls[+0].id",
        "tool_calls[+0].name",
        "tool_calls[+0].arguments",
    ]


def test_an_id_that_was_rewritten_is_told_in_a_message_that_is_the_same() -> None:
    old = turn(1, (USER, CALLING), BLANK)
    renamed = Message("assistant", (*CALLING.parts[:2], ToolCall(CALL.name, CALL.arguments, "x")))
    [row] = diff_link(link(old, turn(2, (USER, renamed), BLANK), 2)).rows[1:]
    assert (row.mark, [c.field for c in row.changes]) == (Mark.SAME, ["tool_calls[0].id"])


def test_lines_of_a_setting_are_not_compared_where_it_is_found() -> None:
    old = turn(1, (USER,), CALLING, grammar="a\n" * 3000 + "b")
    new = turn(2, (USER, CALLING), BLANK, grammar="a\n" * 2000 + "c")
    [change] = diff_link(link(old, new, 2)).settings
    assert (change.field, len(change.old or ""), len(change.new or "")) == ("grammar", 6001, 4001)


def test_a_changed_parameter_is_a_setting_and_not_a_message() -> None:
    old = turn(1, (USER,), CALLING, temperature=0.6, top_k=40)
    new = turn(2, (USER, CALLING), BLANK, temperature=1.0)
    diff = diff_link(link(old, new, 2))
    assert [(c.field, c.old, c.new) for c in diff.settings] == [
        ("temperature", "0.6", "1.0"),
        ("top_k", "40", None),
    ]


def test_a_lost_signature_and_a_failed_tool_have_names_of_their_own() -> None:
    thought = Message("assistant", (Reasoning("hm", "thinking", "sig"), CALL))
    bare = Message("assistant", (Reasoning("hm", "thinking"), CALL))
    assert changes_of(thought, bare) == (Change("reasoning.signature", "sig", None),)
    done, failed = (Message("tool", (ToolResult("x", "c1", "", f),)) for f in (False, True))
    assert changes_of(done, failed) == (Change("tool_results[0].failed", None, "true"),)


def test_a_reply_that_comes_back_without_its_reasoning_is_no_equal() -> None:
    [row] = [
        r
        for r in diff_of(
            assistant("Now.", READ, reasoning_content="Hm."), assistant("Now.", READ), NOTES
        ).rows
        if r.is_reply
    ]
    assert (row.mark, row.changes) == (Mark.CHANGED, (Change("reasoning", "Hm.", None),))


def test_a_reply_that_comes_back_as_it_was_is_an_equal() -> None:
    reply = assistant("Now.", READ, reasoning_content="Hm.")
    [row] = [r for r in diff_of(reply, reply, NOTES).rows if r.is_reply]
    assert (row.mark, row.changes) == (Mark.SAME, ())


def test_a_reply_in_two_messages_is_compared_with_both_together() -> None:
    diff = diff_of(assistant("Now.", READ), assistant("Now."), assistant(None, READ), NOTES)
    assert [(r.mark, r.old_index, r.new_index) for r in diff.rows[2:]] == [
        (Mark.CHANGED, 2, 2),
        (Mark.NEW, None, 4),
    ]
    assert diff.rows[2].changes == (Change("messages", "1", "2 (2 to 3)"),)
    assert diff.rows[2].new and diff.rows[2].new.tool_calls


def diff_of(reply: Json, *after: Json) -> Diff:
    """The diff of a reply's request and the next one, which goes on with `after`."""
    first = ask(1, [TASK], reply, session="s")
    second = ask(2, [TASK, *after], assistant("I see."), session="s")
    return diff_link(last_link(woven(first, second)))
