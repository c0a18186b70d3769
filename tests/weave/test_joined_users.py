"""Neighbours of one role are one message in Anthropic's API: what the user adds there is a part."""

from kimitap.conversation import Turn
from kimitap.lineage import EchoKind, Link, Relation
from kimitap.weave import weave
from tests.support import anthropic
from tests.support.anthropic import Json, assistant, result, text, use, user

LONG = "Find out why the nightly import fails, mend it, and say what it was. " * 4
TASK = text(LONG)
READ = use("call_1", "read_file", path="a.txt")
ASKS = [text("I read it."), READ]
GO_ON = text("Go on with the task.")


def said(number: int, *messages: Json, reply: Json | bytes = b"", **fields: object) -> Turn:
    sent = anthropic.request(*messages, system="You are an agent.", **fields)
    answer = reply or anthropic.reply(text("It was the ledger."))
    return anthropic.read(sent, answer, number=number)


def asked(number: int, *messages: Json) -> Turn:
    return said(number, *messages, reply=anthropic.reply(*ASKS, stop="tool_use"))


def links(*turns: Turn) -> list[Link | None]:
    return [link for s in weave(turns) for thread in s.threads for link in thread.links]


def test_a_reply_that_is_lost_before_what_the_user_adds_is_missing() -> None:
    first, link = links(asked(1, user(TASK)), said(2, user(TASK, GO_ON)))
    assert first is None and link is not None
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.MISSING)
    assert link.echo.place == 2 and link.judged


def test_so_it_is_in_the_midst_of_a_session() -> None:
    done = (user(TASK), assistant(*ASKS), user(result("call_1")), assistant(text("Done.")))
    before = asked(1, user(TASK))
    ends = said(2, *done[:3], reply=anthropic.reply(text("Done.")))
    more = asked(3, *done, user(text("And the quartz table?")))
    *_, link = links(before, ends, more, said(4, *done, user(text("And the quartz table?"), GO_ON)))
    assert link is not None and link.parent.exchange == 3
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.MISSING)


def test_what_a_user_adds_after_an_error_is_no_retry() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "decode failed"}}
    sent = anthropic.request(user(TASK), system="You are an agent.")
    failed = anthropic.read(sent, error, number=1, status=500)
    _, link = links(failed, said(2, user(TASK, GO_ON)))
    assert link is not None and link.relation is Relation.CONTINUES


def test_the_same_request_again_is_a_retry_all_the_same() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "decode failed"}}
    sent = anthropic.request(user(TASK, GO_ON), system="You are an agent.")
    failed = anthropic.read(sent, error, number=1, status=500)
    _, link = links(failed, said(2, user(TASK, GO_ON)))
    assert link is not None and link.relation is Relation.RETRY


def test_two_prompts_with_one_reminder_before_them_are_two_runs() -> None:
    reminder = text("Today is Monday.")
    turns = (asked(1, user(reminder, text("Mend it."))), asked(2, user(reminder, text("Name it."))))
    assert links(*turns) == [None, None]


def test_a_reminder_behind_a_message_that_was_answered_takes_nothing_from_the_reply() -> None:
    later = said(2, user(TASK, GO_ON), assistant(*ASKS), user(result("call_1")))
    _, link = links(asked(1, user(TASK)), later)
    assert link is not None
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.SAME)


def test_a_short_request_that_is_refused_for_good_is_one_thread_under_a_clock() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "decode failed"}}
    task, rules = text("Mend the import."), "You keep the books of a marsh with these tools. " * 4

    def tried(number: int, *more: Json) -> Turn:
        sent = anthropic.request(user(task, *more), system=f"{rules}It is 10:0{number}:07.")
        return anthropic.read(sent, error, number=number, status=500)

    tries = links(tried(1), tried(2, GO_ON), tried(3, GO_ON, text("Please go on.")))
    assert [link and link.parent.exchange for link in tries] == [None, 1, 2]
