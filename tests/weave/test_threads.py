"""How a request follows an earlier one, and when it does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from kimitap.exchange import Outcome
from kimitap.lineage import EchoKind, Mark, Relation
from kimitap.weave import weave
from tests.support.chat import assistant, call, result, system, tool, user
from tests.support.weaving import (
    NOTES,
    PROMPT,
    READ,
    TASK,
    TOOLS,
    WRITE,
    WROTE,
    Json,
    ask,
    at,
    last_link,
    numbers,
    only,
    rows,
    turns,
    woven,
)

FIRST = assistant("I read the notes first.", READ)
SECOND = assistant("Now I write the summary.", WRITE)
ONE = [TASK, FIRST, NOTES]
TWO = [*ONE, SECOND, WROTE]
DONE = assistant("Done: summary.md holds the owner and the ledger.")
FAILED = {"error": {"code": 500, "message": "decode failed", "type": "server_error"}}


def begun(**more: object) -> list:  # type: ignore[type-arg]
    """The first two turns of a healthy run."""
    return [ask(1, [TASK], FIRST, **more), ask(2, ONE, SECOND, **more)]  # type: ignore[arg-type]


def step(n: int) -> list[Json]:
    """A tool turn: what stands in the history after the n-th reply."""
    asked = call("run", {"command": f"make step-{n}"}, f"call_{n}")
    return [assistant(f"Step {n} of the plan.", asked), result(f"step {n} is done", f"call_{n}")]


# -- continuing


def test_a_loop_of_tool_turns_is_one_thread() -> None:
    thread = only(woven(*begun(), ask(3, TWO, DONE)))
    assert [link and link.relation for link in thread.links] == [None, *[Relation.CONTINUES] * 2]
    assert [link.echo.kind for link in thread.links if link] == [EchoKind.SAME, EchoKind.SAME]
    assert (thread.name, thread.kind, thread.resumed) == ("t1", "main", False)


def test_the_same_prompt_twice_in_one_session_is_told_apart_by_place() -> None:
    again = [TASK, DONE, TASK]
    run = [ask(1, [TASK], DONE), ask(2, again, DONE), ask(3, [*again, DONE, TASK], DONE)]
    thread = only(woven(*run))
    assert [link.parent.exchange for link in thread.links if link] == [1, 2]


def test_a_changed_prompt_is_compared_apart() -> None:
    dated = system("You are a careful agent. Git status: two files changed, one is new.")
    link = last_link(woven(*begun(), ask(3, TWO, DONE, prompt=dated)))
    assert (link.relation, link.prefix) == (Relation.CONTINUES, 0)
    assert rows(link) == ["!0/0", "=1/1", "=2/2", "=3/3", "=4/4", ">/5"]


def test_a_prompt_put_before_or_left_out_is_compared_apart() -> None:
    link = last_link(woven(*begun(), ask(3, TWO, DONE, prompt=None)))
    assert (link.relation, rows(link)[0]) == (Relation.CONTINUES, "<0/")
    assert link.echo.kind is EchoKind.SAME


def test_developer_is_system() -> None:
    developer = {**PROMPT, "role": "developer"}
    link = last_link(woven(ask(1, [TASK], FIRST), ask(2, ONE, SECOND, prompt=developer)))
    assert link.prefix == 2


def test_tools_that_change_with_a_mode_do_not_end_the_thread() -> None:
    modes = system("You are the architect now, and plan instead of coding.")
    only(woven(*begun(), ask(3, TWO, DONE, prompt=modes, tools=TOOLS[:1])))


def test_tools_left_out_for_a_final_answer_do_not_end_the_thread() -> None:
    final = [*TWO, user("You have used all steps. Give the final answer now.")]
    only(woven(*begun(), ask(3, final, DONE, tools=())))


def test_tools_left_out_while_the_date_in_the_prompt_changed_do_not_end_it_either() -> None:
    dated = system(PROMPT["content"] + " Today is Friday.")
    final = [*TWO, user("You have used all steps. Give the final answer now.")]
    only(woven(*begun(), ask(3, final, DONE, tools=(), prompt=dated)))


def test_a_list_of_no_calls_is_no_list() -> None:
    listed = {**DONE, "tool_calls": []}
    link = last_link(woven(ask(1, [TASK], DONE), ask(2, [TASK, listed, user("Go on.")], DONE)))
    assert (link.echo.kind, rows(link)) == (EchoKind.SAME, ["=2/2", ">/3"])


def test_an_image_in_base64_is_part_of_the_history() -> None:
    def pictured(data: str) -> Json:
        url = {"url": f"data:image/png;base64,{data}"}
        see = {"type": "text", "text": "What is in this picture?"}
        return {"role": "user", "content": [see, {"type": "image_url", "image_url": url}]}

    cat, dog = pictured("aGVsbG8gY2F0" * 50), pictured("aGVsbG8gZG9n" * 50)
    after = [DONE, user("Sure?")]
    sessions = woven(
        ask(1, [cat], DONE), ask(2, [dog], DONE), ask(3, [cat, *after], DONE, client="c:1")
    )
    assert numbers(sessions) == [[[1, 3]], [[2]]]


def test_arguments_written_anew_in_the_history_are_the_same_history() -> None:
    sent = call("run", '{"b": 1.0, "a": "caf\\u00e9", "c": {"y": 1, "x": [1, 2]}}')
    back = call("run", '{"a":"café","b":1,"c":{"x":[1,2],"y":1}}')
    one = [TASK, assistant(None, back), result("ok")]
    two = [TASK, assistant(None, sent), result("ok"), SECOND, WROTE]
    thread = only(
        woven(ask(1, [TASK], assistant(None, sent)), ask(2, one, SECOND), ask(3, two, DONE))
    )
    assert [link.echo.kind for link in thread.links if link] == [EchoKind.SAME, EchoKind.SAME]


# -- retries


def test_a_retry_after_an_error_stays_in_the_thread() -> None:
    thread = only(
        woven(
            ask(1, [TASK], FIRST),
            ask(2, ONE, FAILED, status=500),
            ask(3, ONE, SECOND),
            ask(4, TWO, DONE),
        )
    )
    assert [link.relation for link in thread.links if link] == [
        Relation.CONTINUES,
        Relation.RETRY,
        Relation.CONTINUES,
    ]
    assert thread.links[3] and thread.links[3].parent.exchange == 3


def test_a_lone_first_request_is_retried_after_an_error_too() -> None:
    thread = only(
        woven(
            ask(1, [TASK], FAILED, status=500),
            ask(2, [TASK], FAILED, status=500),
            ask(3, [TASK], None, stream=True),
            ask(4, [TASK], FIRST),
        )
    )
    assert [link.relation for link in thread.links if link] == [Relation.RETRY] * 3


def test_a_good_reply_with_calls_that_is_asked_for_again_is_a_retry() -> None:
    link = last_link(woven(*begun(), ask(3, ONE, SECOND)))
    assert (link.relation, link.echo.kind) == (Relation.RETRY, EchoKind.SUPERSEDED)
    assert rows(link) == ["<4/"]
    assert not link.judged


def test_a_cut_reply_that_gives_way_to_a_new_prompt_is_not_judged() -> None:
    cut = ask(2, ONE, None, stream=True, outcome=Outcome.CLIENT_HUNG_UP)
    link = last_link(woven(ask(1, [TASK], FIRST), cut, ask(3, [*ONE, user("Stop that.")], DONE)))
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.MISSING)
    assert not link.judged


def test_a_retry_with_a_fresh_clock_in_its_prompt_is_a_retry() -> None:
    def asked(clock: str) -> list[Json]:
        return [*ONE, user(f"The clock says {clock}, please go on with your work on the summary.")]

    sessions = woven(
        ask(1, [TASK], FIRST),
        ask(2, asked("noon"), FAILED, status=500),
        ask(3, asked("one"), DONE),
    )
    assert last_link(sessions).relation is Relation.RETRY


def test_a_failed_first_request_is_not_retried_by_another_agent_nor_an_hour_later() -> None:
    failed = ask(1, [TASK], FAILED, status=500)
    other = ask(2, [TASK], FIRST, prompt=system("You are quite another agent."))
    later = ask(2, [TASK], FIRST, started_at=at(3600))
    assert numbers(woven(failed, other)) == [[[1]], [[2]]]
    assert numbers(woven(failed, later)) == [[[1]], [[2]]]


def test_a_finished_conversation_begun_once_more_is_no_retry() -> None:
    opening = [user("This is the folder."), assistant("Got it."), TASK]
    assert numbers(woven(ask(1, opening, DONE), ask(2, opening, DONE))) == [[[1]], [[2]]]


def test_other_words_after_a_failure_are_the_same_request_once_more() -> None:
    def asked(words: str) -> list[Json]:
        return [*TWO, user(words)]

    thread = only(
        woven(
            *begun(),
            ask(3, asked("And now the index."), FAILED, status=500),
            ask(4, asked("Never mind, leave it."), FAILED, status=500),
            ask(5, asked("Please say whether you are still there."), DONE),
        )
    )
    assert [link.relation for link in thread.links[3:] if link] == [Relation.RETRY] * 2


def test_a_first_request_that_failed_and_comes_again_with_more_words_is_the_same() -> None:
    more = [user(TASK["content"] + " Go on.")]
    failed = ask(1, [TASK], FAILED, status=500)
    assert last_link(woven(failed, ask(2, more, DONE))).relation is Relation.RETRY
    other = [user("Plan the garden with me, plot by plot.")]
    assert numbers(woven(failed, ask(2, other, DONE))) == [[[1]], [[2]]]


def test_a_first_request_that_failed_comes_again_though_a_tool_was_added() -> None:
    more = [user(TASK["content"] + " Go on.")]
    failed = ask(1, [TASK], FAILED, status=500)
    gained = ask(2, more, DONE, tools=[*TOOLS, tool("browse")])
    assert last_link(woven(failed, gained)).relation is Relation.RETRY
    others = ask(2, more, DONE, tools=[tool("plan"), tool("paint")])
    assert numbers(woven(failed, others)) == [[[1]], [[2]]]


def test_another_task_of_the_same_form_after_a_failure_is_no_retry() -> None:
    def opening(task: str) -> list[Json]:
        return [user("This is the folder."), assistant("Got it."), user(task)]

    sessions = woven(
        ask(1, opening("Write the tests for the parser."), FAILED, status=500),
        ask(2, opening("Write the tests for the lexer."), DONE),
    )
    assert numbers(sessions) == [[[1]], [[2]]]


# -- forks


def test_going_back_and_saying_something_else_begins_a_fork() -> None:
    back = [*ONE, user("No, write it into README.md instead.")]
    [session] = woven(
        *begun(), ask(3, TWO, DONE), ask(4, back, DONE), ask(5, [*back, DONE, TASK], DONE)
    )
    main, fork = session.threads
    assert numbers([session]) == [[[1, 2, 3], [4, 5]]]
    assert (main.kind, fork.kind, fork.name) == ("main", "fork", "t4")
    link = fork.links[0]
    assert link and (link.relation, link.parent.exchange, link.prefix) == (Relation.FORK, 2, 4)
    assert (link.echo.kind, link.judged) == (EchoKind.SUPERSEDED, False)
    assert rows(link) == ["<4/", ">/4"]


def test_going_back_to_put_it_in_other_words_is_a_fork_and_no_edit() -> None:
    asked = user("Now write the same summary into README.md, and check it well.")
    other = user("Now write the same summary into CHANGES.md, and check it well.")
    run = [*begun(), ask(3, [*TWO, asked], DONE), ask(4, [*TWO, other], DONE)]
    assert numbers(woven(*run)) == [[[1, 2, 3], [4]]]


def test_a_trifle_found_again_does_not_make_a_fork_an_edit() -> None:
    def way(text: str) -> list[Json]:
        return [*TWO, user(text), assistant("Ok.")]

    one, other = way("Put it into the first of both files."), way("No, throw all of that away!")
    [session] = woven(
        *begun(),
        ask(3, one[:-1], assistant("Ok.")),
        ask(4, [*one, user("And then?")], DONE),
        ask(5, [*other, user("What is left?")], DONE),
    )
    assert numbers([session]) == [[[1, 2, 3, 4], [5]]]


def test_the_thread_that_was_left_can_go_on() -> None:
    back = [*ONE, user("No, write it into README.md instead.")]
    on = [*TWO, DONE, user("Thank you. One more thing.")]
    [session] = woven(*begun(), ask(3, TWO, DONE), ask(4, back, DONE), ask(5, on, DONE))
    assert numbers([session]) == [[[1, 2, 3, 5], [4]]]


def test_a_branch_without_the_reply_is_set_aside_when_the_thread_goes_on() -> None:
    aside = [*ONE, user("Suggest a name for this conversation.")]
    [session] = woven(*begun(), ask(3, aside, DONE), ask(4, TWO, DONE))
    assert numbers([session]) == [[[1, 2, 4], [3]]]
    assert [t.kind for t in session.threads] == ["main", "side"]
    assert all(link.echo.kind is EchoKind.SAME for link in session.threads[0].links if link)


CHECK = user("Look at your immediately preceding response only: who should speak next?")
SPEAKER = assistant('{"next_speaker": "user"}')
HEARD = [*TWO, DONE]
ONWARD = [*HEARD, user("Thank you. Now add a line about the weather.")]


def checked(*, asked: Json = CHECK, start: float = 40, pause: float = 9, **more: object):  # type: ignore[no-untyped-def]
    """A run whose last reply is looked at by a request of its own before the user goes on."""
    looked = ask(4, [*HEARD, asked], SPEAKER, started_at=at(start), **more)  # type: ignore[arg-type]
    onward = ask(5, ONWARD, DONE, started_at=at(start + 1 + pause))
    return woven(*begun(), ask(3, TWO, DONE), looked, onward, ask(6, [*ONWARD, DONE, TASK], DONE))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"asked": user("Whose turn is it?"), "tools": ()},
        {
            "asked": user("Whose turn is it?"),
            "fields": {"response_format": {"type": "json_object"}},
        },
        {"asked": user("Whose turn is it?"), "fields": {"max_tokens": 16}},
        {"asked": user("Whose turn is it?"), "start": 31.1, "pause": 0.1},
    ],
    ids=["by its words", "no tools", "another form", "another limit", "faster than any user"],
)
def test_a_look_at_the_last_reply_does_not_take_the_place_of_the_thread(
    how: dict[str, object],
) -> None:
    [session] = checked(**how)  # type: ignore[arg-type]
    assert numbers([session]) == [[[1, 2, 3, 5, 6], [4]]]
    assert [(t.name, t.kind) for t in session.threads] == [("t1", "main"), ("t4", "side")]
    assert all(link.echo.kind is EchoKind.SAME for link in session.threads[0].links if link)


def test_two_ways_on_from_one_reply_at_a_users_pace_are_a_thread_and_its_fork() -> None:
    [session] = checked(asked=user("Now write it into README.md as well."))
    assert numbers([session]) == [[[1, 2, 3, 4], [5, 6]]]
    assert [t.kind for t in session.threads] == ["main", "fork"]


@pytest.mark.parametrize(
    "how",
    [
        {"asked": user("Generate a short title for this conversation.")},
        {"asked": user("Which words come next?"), "tools": ()},
        {"asked": user("Which words come next?"), "fields": {"grammar": "root ::= word"}},
    ],
    ids=["by its words", "no tools", "another form"],
)
def test_a_question_beside_the_thread_that_leaves_the_reply_out_loses_nothing(
    how: dict[str, object],
) -> None:
    asked = how.pop("asked")
    aside = ask(3, [*ONE, asked], DONE, **how)  # type: ignore[arg-type,list-item]
    [session] = woven(*begun(), aside)
    assert numbers([session]) == [[[1, 2], [3]]]
    assert [t.kind for t in session.threads] == ["main", "side"]
    assert not any(link and link.judged for link in session.threads[1].links)
    assert numbers(woven(*begun(), aside, ask(4, TWO, DONE))) == [[[1, 2, 4], [3]]]


def test_a_side_request_that_goes_on_is_a_fork() -> None:
    aside = [*ONE, user("Generate a short title for this conversation.")]
    on = [*aside, DONE, user("A shorter one.")]
    [session] = woven(*begun(), ask(3, aside, DONE), ask(4, TWO, DONE), ask(5, on, DONE))
    assert numbers([session]) == [[[1, 2, 4], [3, 5]]]
    assert [t.kind for t in session.threads] == ["main", "fork"]


def test_a_turn_that_is_lost_is_lost_though_the_request_has_other_limits() -> None:
    lost = ask(3, [*ONE, user("<environment_details/>")], DONE, fields={"max_tokens": 999})
    link = last_link(woven(*begun(), lost))
    assert (link.echo.kind, link.judged) == (EchoKind.MISSING, True)


def test_an_older_shorter_prompt_that_is_a_prefix_too_is_not_the_parent() -> None:
    three = [*TWO, *step(3)]
    reply = step(3)[0]
    run = [*begun(), ask(3, TWO, reply), ask(4, three, DONE), ask(5, [*three, user("So?")], DONE)]
    link = last_link(woven(*run))
    assert (link.parent.exchange, link.echo.kind) == (4, EchoKind.MISSING)


# -- edited, windowed, compacted, rebuilt


def test_an_edited_early_message_is_edited_in_place() -> None:
    edited = user("Please write the summary of notes.txt into summary.md, and check it well.")
    link = last_link(woven(*begun(), ask(3, [edited, *TWO[1:]], DONE)))
    assert (link.relation, link.echo.kind, link.judged) == (Relation.CONTINUES, EchoKind.SAME, True)
    assert rows(link) == ["!1/1", "=2/2", "=3/3", "=4/4", ">/5"]


def test_an_edited_early_message_does_not_hide_a_lost_turn() -> None:
    edited = user("Please write the summary of notes.txt into summary.md, and check it well.")
    lost = [edited, *TWO[1:], assistant(""), user("<environment_details/>")]
    link = last_link(woven(*begun(), ask(3, TWO, step(3)[0]), ask(4, lost, DONE)))
    assert (link.relation, link.parent.exchange) == (Relation.CONTINUES, 3)
    assert link.echo.kind is EchoKind.BLANKED and link.judged


EDITED = user("Please write the summary of notes.txt into summary.md, and check it well.")


def test_going_back_in_a_history_that_was_edited_is_a_fork_and_no_loss() -> None:
    edited = [EDITED, *TWO[1:]]
    back = [EDITED, FIRST, NOTES, user("No, write it into README.md instead.")]
    [session] = woven(*begun(), ask(3, edited, step(3)[0]), ask(4, back, DONE))
    assert numbers([session]) == [[[1, 2, 3], [4]]]
    assert not any(link and link.judged for link in session.threads[1].links)


def test_a_question_beside_the_thread_takes_nothing_from_a_history_edited_after_it() -> None:
    aside = ask(3, [*TWO, user("Which of these words fits best?")], SPEAKER, tools=())
    [session] = woven(*begun(), aside, ask(4, [EDITED, *TWO[1:]], DONE))
    assert numbers([session]) == [[[1, 2, 4], [3]]]
    assert [link.echo.kind for link in session.threads[0].links if link] == [EchoKind.SAME] * 2


def test_two_requests_for_a_summary_are_two_side_requests() -> None:
    summariser = system("You are the component that sums up chats.")
    asked = user("Write a summary of the conversation so far.")
    root = [user(f"## Conversation Summary\n{SUMMARY}"), user("Go on.")]
    on = [*root, DONE, user("And now the index, please.")]
    aside = {"prompt": summariser, "tools": (), "session": "s"}
    [session] = woven(
        *begun(session="s"),
        ask(3, [*TWO, asked], assistant(SUMMARY), **aside),  # type: ignore[arg-type]
        ask(4, root, DONE, session="s"),
        ask(5, [*on, asked], assistant(SUMMARY), **aside),  # type: ignore[arg-type]
        ask(6, on, DONE, session="s"),
    )
    assert numbers([session]) == [[[1, 2, 4, 6], [3], [5]]]


def test_a_result_cleared_in_place_is_an_edit_and_the_reply_is_still_owed() -> None:
    cleared = [TASK, FIRST, result("[Old tool result content cleared]"), SECOND, WROTE]
    link = last_link(woven(*begun(), ask(3, cleared, DONE)))
    assert (link.relation, link.judged) == (Relation.CONTINUES, True)
    assert "!3/3" in rows(link)


def test_a_turn_that_vanishes_two_requests_later_is_a_gap_in_the_history() -> None:
    run = [*begun(), ask(3, TWO, step(3)[0]), ask(4, [*TWO, *step(3)], step(4)[0])]
    link = last_link(woven(*run, ask(5, [*TWO, *step(4)], DONE)))
    assert (link.relation, link.parent.exchange) == (Relation.CONTINUES, 4)
    assert [p.old for p in link.pairs if p.mark is Mark.GONE] == [6, 7]
    assert link.echo.kind is EchoKind.SAME


def test_a_window_that_slides_is_a_window() -> None:
    steps = [part for n in range(10) for part in step(n)]
    whole = [TASK, *steps]
    slid = [TASK, *steps[6:], *step(10)]
    link = last_link(woven(ask(1, whole, step(10)[0]), ask(2, slid, DONE)))
    assert (link.relation, link.echo.kind) == (Relation.WINDOW, EchoKind.SUPERSEDED)
    assert [p.old for p in link.pairs if p.mark is Mark.GONE] == [2, 3, 4, 5, 6, 7]


def test_a_note_that_older_messages_are_left_out_is_a_window() -> None:
    note = user("[NOTE] Some previous conversation history with the user has been removed. " * 2)
    link = last_link(woven(*begun(), ask(3, [TASK, note, SECOND, WROTE], DONE)))
    assert link.relation is Relation.WINDOW


SUMMARY = "The notes name the owner and the ledger; next the summary has to be written and checked."


@pytest.mark.parametrize("named", ["s", ""], ids=["session header", "no header"])
def test_a_summarise_request_and_the_new_root_after_it(named: str) -> None:
    summariser = system("You are a context summarization agent. Summarise the conversation.")
    request = user("Here is the conversation so far: " + TASK["content"] + " …")
    root = [
        user("What did we do so far?"),
        assistant(f"<summary>{SUMMARY}</summary>"),
        user("Go on."),
    ]
    [session] = woven(
        *begun(session=named),
        ask(3, [request], assistant(SUMMARY), prompt=summariser, tools=(), session=named),
        ask(4, root, DONE, session=named),
        ask(5, [*root, DONE, TASK], DONE, session=named),
    )
    assert numbers([session]) == [[[1, 2, 4, 5], [3]]]
    assert [t.kind for t in session.threads] == ["main", "side"]
    link = session.threads[0].links[2]
    assert link and (link.relation, link.echo.kind) == (Relation.COMPACTION, EchoKind.SUPERSEDED)
    assert "summary of exchange 3" in link.why


def test_a_compaction_that_keeps_the_tail_is_known_by_its_marker() -> None:
    head = user("<system>Previous context has been compacted. Here is the summary: …</system>")
    link = last_link(woven(*begun(), ask(3, [head, *TWO[1:]], DONE)))
    assert (link.relation, link.judged) == (Relation.COMPACTION, False)
    assert "Previous context has been compacted" in link.why


def test_a_marker_alone_ties_no_conversation_to_another() -> None:
    ok = assistant("Ok.")
    head = user("Previous context has been compacted. The garden was planned and dug.")
    first = ask(1, [user("Plan the house."), ok, TASK], FIRST, client="c:1")
    second = ask(2, [head, ok, user("And now the fence.")], DONE, client="c:2")
    assert numbers(woven(first, second)) == [[[1]], [[2]]]


def test_a_summary_asked_for_under_the_same_prompt_is_a_side_request() -> None:
    request = [*TWO, user("Write a summary of the conversation for the next agent.")]
    [session] = woven(*begun(), ask(3, request, DONE, tools=()), ask(4, TWO, DONE))
    assert numbers([session]) == [[[1, 2, 4], [3]]]


def test_after_a_summary_asked_for_under_the_same_prompt_the_main_thread_goes_on() -> None:
    request = [*TWO, user("Please summarize the conversation so far.")]
    root = [user("The summary so far:\n" + SUMMARY), user("Go on.")]
    [session] = woven(*begun(), ask(3, request, assistant(SUMMARY), tools=()), ask(4, root, DONE))
    assert numbers([session]) == [[[1, 2, 4], [3]]]
    link = session.threads[0].links[2]
    assert link and link.relation is Relation.COMPACTION


def test_a_summary_asked_for_without_tools_on_either_side_is_a_side_request_too() -> None:
    summariser = system("You summarise chats.")
    request = [TASK, DONE, user("Write a summary of the conversation so far.")]
    [session] = woven(
        ask(1, [TASK], DONE, tools=()),
        ask(2, request, assistant("Notes were summarised."), prompt=summariser, tools=()),
        ask(3, [TASK, DONE, user("Thank you.")], DONE, tools=()),
    )
    assert numbers([session]) == [[[1, 3], [2]]]


def test_the_report_of_a_sub_agent_in_a_new_prompt_is_no_compaction() -> None:
    report = assistant("The owner of the ledger is Zoe, and it has three rows of amounts.")
    helper = system("You are a helper.")
    sessions = woven(
        *begun(session="s"),
        ask(3, [user("Who is the owner?")], report, prompt=helper, session="s"),
        ask(4, [user("Translate: " + report["content"])], DONE, session="s"),
    )
    assert numbers(sessions) == [[[1, 2], [3], [4]]]


def test_a_summary_asked_for_with_the_whole_history_is_a_side_request() -> None:
    summariser = system("You are the component that summarizes internal chat history.")
    request = [*ONE, user("First reason, then generate the <state_snapshot>.")]
    [session] = woven(
        *begun(), ask(3, request, DONE, prompt=summariser, tools=()), ask(4, TWO, DONE)
    )
    assert numbers([session]) == [[[1, 2, 4], [3]]]
    assert session.threads[1].kind == "side"


def test_a_prompt_that_is_rebuilt_each_time_is_one_thread() -> None:
    shown = [user("Change get_factorial() to use math."), assistant("Here is how it is changed.")]
    ok = assistant("Ok, any changes that I propose will be to those files.")

    def files(text: str) -> Json:
        return user(f"I have added these files to the chat so you can edit them: {text}")

    asked = user("Write a summary of the notes into a file, and then check it.")
    edit = assistant("I create the summary.\n\nsummary.md\n<<<<\nowner: Zoe\n>>>>")
    one = [
        *shown,
        files("notes.txt owner ledger"),
        ok,
        user(asked["content"] + " RULES: be brief."),
    ]
    said = [*shown, asked, edit, user("I committed the changes as 6de0a88."), assistant("Ok.")]
    now = user("Now add a line. RULES: be brief.")
    two = [*said, files("notes.txt summary.md owner ledger"), ok, now]
    link = last_link(woven(ask(1, one, edit, tools=()), ask(2, two, DONE, tools=())))
    assert (link.relation, link.echo.kind, link.judged) == (Relation.REBUILT, EchoKind.SAME, False)


def test_two_runs_that_share_made_up_first_messages_are_two_threads() -> None:
    shown = [user("Change get_factorial() to use math."), assistant("Here is how it is changed.")]
    one = [*shown, user("Write the summary of the notes.")]
    two = [*shown, user("Which licence does this repository have?")]
    assert numbers(woven(ask(1, one, DONE, tools=()), ask(2, two, DONE, tools=()))) == [
        [[1]],
        [[2]],
    ]


def test_an_earlier_message_that_says_the_same_does_not_stand_for_the_lost_reply() -> None:
    done, first = (
        assistant("All of it is done now."),
        user("Write the notes into a summary, please."),
    )
    edited = user("Write the notes into a summary now, please.")
    one = [first, done, TASK]
    sessions = woven(
        ask(1, [first], done), ask(2, one, done), ask(3, [edited, *one[1:], TASK], DONE)
    )
    link = last_link(sessions)
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.MISSING)


def test_a_long_prompt_sent_again_at_once_though_its_reply_had_calls_is_a_retry() -> None:
    def long(clock: str) -> list[Json]:
        details = f"<environment_details>{clock}</environment_details>"
        return [user("Write the summary of the notes, with care. " * 6 + details)]

    soon = woven(ask(1, long("12:00"), FIRST), ask(2, long("12:01"), FIRST))
    assert last_link(soon).relation is Relation.RETRY
    later = woven(ask(1, long("12:00"), FIRST), ask(2, long("12:01"), FIRST, started_at=at(999)))
    assert numbers(later) == [[[1]], [[2]]]
    assert numbers(woven(ask(1, [TASK], FIRST), ask(2, [TASK], FIRST))) == [[[1]], [[2]]]


# -- what never links


@pytest.mark.parametrize("text", ["Warmup", "quota", "hi"])
def test_a_lone_short_first_message_never_links(text: str) -> None:
    sessions = woven(*(ask(n, [user(text)], assistant("Ready."), tools=()) for n in (1, 2, 3)))
    assert numbers(sessions) == [[[1]], [[2]], [[3]]]


def test_a_lone_first_message_with_somebody_elses_answer_is_another_thread() -> None:
    other = [user("hi"), assistant("Seven geese fly over the lake in autumn."), user("Where?")]
    sessions = woven(ask(1, [user("hi")], assistant("Hello! What can I do?")), ask(2, other, DONE))
    assert numbers(sessions) == [[[1]], [[2]]]


def test_a_lone_short_message_to_another_agent_is_another_conversation() -> None:
    other = ask(2, [user("hi"), user("Are you there?")], DONE, prompt=system("You are another."))
    assert numbers(woven(ask(1, [user("hi")], FIRST), other)) == [[[1]], [[2]]]


def test_a_title_request_with_the_same_first_message_is_a_side_request() -> None:
    titler = system("You generate a title. Output only the title, nothing else.")
    [session] = woven(
        ask(1, [TASK], assistant("Summary of notes"), prompt=titler, tools=()),
        *[ask(2, [TASK], FIRST), ask(3, ONE, DONE)],
    )
    assert numbers([session]) == [[[1], [2, 3]]]
    assert [t.kind for t in session.threads] == ["side", "main"]


def test_a_side_request_with_the_same_opening_is_not_continued_by_the_main_one() -> None:
    titler = system("You generate a title. Output only the title, nothing else.")
    opening = [user("Today is Sunday, and this is the folder."), assistant("Got it."), TASK]
    [session] = woven(
        ask(1, opening, assistant("Summary of notes"), prompt=titler, tools=()),
        ask(2, [*opening, user("(reminder: be brief)")], FIRST),
    )
    assert numbers([session]) == [[[1], [2]]]


def test_what_another_session_says_in_the_same_words_is_its_own() -> None:
    sessions = woven(ask(1, [TASK], FIRST, session="a"), ask(2, ONE, DONE, session="b"))
    assert numbers(sessions) == [[[1]], [[2]]]


def test_a_request_that_started_before_the_reply_had_ended_does_not_follow_it() -> None:
    sessions = woven(
        ask(1, [TASK], FAILED, status=500, started_at=at(0), duration_s=30),
        ask(2, [TASK], FIRST, started_at=at(5)),
    )
    assert numbers(sessions) == [[[1]], [[2]]]


def test_a_body_that_ends_after_its_last_event_does_not_break_the_thread() -> None:
    slow = ask(1, [TASK], FIRST, started_at=at(0), duration_s=4, stream=True)
    same = only(woven(slow, ask(2, ONE, DONE, started_at=at(2))))
    lost = only(woven(slow, ask(2, [TASK, assistant(""), user("Go on.")], DONE, started_at=at(2))))
    assert same.links[1] and same.links[1].echo.kind is EchoKind.SAME
    assert lost.links[1] and lost.links[1].echo.kind is EchoKind.BLANKED


def test_another_run_of_the_same_prompt_is_another_session_word_by_word() -> None:
    first = [*begun(client="c:1"), ask(3, TWO, DONE, client="c:1")]
    second = [
        ask(4, [TASK], FIRST, client="c:2"),
        ask(5, ONE, SECOND, client="c:2"),
        ask(6, TWO, DONE, client="c:2"),
    ]
    assert numbers(woven(*first, *second)) == [[[1, 2, 3]], [[4, 5, 6]]]


def test_two_runs_of_one_prompt_at_once_are_kept_apart_by_their_connections() -> None:
    runs = [
        ask(1, [TASK], FIRST, client="c:1"),
        ask(2, [TASK], FIRST, client="c:2"),
        ask(3, ONE, SECOND, client="c:1"),
        ask(4, ONE, SECOND, client="c:2"),
        ask(5, TWO, DONE, client="c:2"),
        ask(6, TWO, DONE, client="c:1"),
    ]
    assert numbers(woven(*runs)) == [[[1, 3, 6]], [[2, 4, 5]]]


def test_a_first_request_with_a_history_is_resumed() -> None:
    thread = only(woven(ask(1, TWO, DONE)))
    assert thread.resumed and thread.links == (None,)
    assert not only(woven(ask(1, [TASK, assistant("Got it."), TASK], DONE))).resumed
    long = [part for n in range(6) for part in (user(f"Question {n}?"), assistant(f"Answer {n}."))]
    assert only(woven(ask(1, [*long, TASK], DONE, tools=()))).resumed


def test_the_answer_of_one_agent_as_the_prompt_of_another_is_a_handoff() -> None:
    writer = system("You are an editor who polishes texts that others wrote.")
    [session] = woven(
        *begun(),
        ask(3, TWO, DONE),
        ask(
            4,
            [user(DONE["content"])],
            assistant("Polished."),
            prompt=writer,
            tools=[tool("polish")],
        ),
    )
    assert numbers([session]) == [[[1, 2, 3], [4]]]
    link = session.threads[1].links[0]
    assert link and (link.relation, link.parent.exchange) == (Relation.HANDOFF, 3)


def test_requests_of_different_apis_never_link() -> None:
    first, second = turns(*begun())
    other = replace(second, dialect="anthropic")
    assert numbers(weave([first, second])) == [[[1, 2]]]
    assert numbers(weave([first, other])) == [[[1]], [[2]]]


@pytest.mark.parametrize(
    "given_back",
    [
        lambda reply: [{**reply, "content": None}],
        lambda reply: [{**reply, "content": reply["content"] + "\nObservation:"}],
        lambda reply: [assistant(reply["content"]), assistant(None, *reply["tool_calls"])],
    ],
    ids=["without its text", "with a text appended", "in two messages"],
)
def test_of_two_runs_of_one_prompt_each_goes_on_with_its_own_rewritten_reply(
    given_back: Callable[[Json], list[Json]],
) -> None:
    prompt = user("List the files.")
    one = assistant("Next.", call("read_file", {"path": "a"}, "a1"), call("run", {"c": "x"}, "a2"))
    two = assistant("Step.", call("read_file", {"path": "b"}, "b1"), call("run", {"c": "y"}, "b2"))
    exchanges = [
        ask(1, [prompt], one, started_at=at(1)),
        ask(2, [prompt], two, started_at=at(1.1)),
        ask(3, [prompt, *given_back(one), result("1", "a1"), result("2", "a2")], DONE),
        ask(4, [prompt, *given_back(two), result("1", "b1"), result("2", "b2")], DONE),
    ]
    assert numbers(woven(*exchanges)) == [[[1, 3]], [[2, 4]]]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_runs_with_a_clock_in_their_prompt_each_goes_on_with_its_own_reply(
    turned: bool,
) -> None:
    def opening(clock: str) -> list[Json]:
        return [user(f"It is {clock} now. List the files."), FIRST, NOTES]

    def on(way: tuple[Json, str]) -> list[Json]:
        reply, mark = way
        return [{**reply, "content": None}, result("1", f"{mark}1"), result("2", f"{mark}2")]

    ways = [
        (
            assistant("Next.", call("read_file", {"path": m}, f"{m}1"), call("run", {}, f"{m}2")),
            m,
        )
        for m in ("a", "b")
    ]
    first, second = reversed(ways) if turned else ways
    sessions = woven(
        ask(1, opening("9:01")[:1], FIRST, started_at=at(1)),
        ask(2, opening("9:01")[:1], FIRST, started_at=at(1.1)),
        ask(3, opening("9:02"), ways[0][0], started_at=at(3)),
        ask(4, opening("9:02"), ways[1][0], started_at=at(3.1)),
        ask(5, [*opening("9:03"), *on(first)], DONE),
        ask(6, [*opening("9:04"), *on(second)], DONE),
    )
    follows = {
        turn.exchange: link
        for s in sessions
        for t in s.threads
        for turn, link in zip(t.turns, t.links, strict=True)
    }
    told = {n: follows[n].parent.exchange for n in (5, 6)}  # type: ignore[union-attr]
    assert told == ({5: 4, 6: 3} if turned else {5: 3, 6: 4})


def test_a_run_that_answered_in_text_is_not_blamed_for_the_lost_calls_of_another() -> None:
    prompt = user("List the files.")
    exchanges = [
        ask(1, [prompt], DONE, started_at=at(1)),
        ask(2, [prompt], SECOND, started_at=at(1.1)),
        ask(3, [prompt, assistant(""), user("(no result)")], DONE),
    ]
    assert numbers(woven(*exchanges)) == [[[1]], [[2, 3]]]
