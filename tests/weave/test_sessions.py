"""Which threads are one run of an agent."""

from dataclasses import replace

from tests.support.chat import assistant, call, result, system, tool, user
from tests.support.weaving import NOTES, READ, TASK, ask, at, numbers, woven

FIRST = assistant("I read the notes first.", READ)
ONE = [TASK, FIRST, NOTES]
DONE = assistant("Done: summary.md holds the owner and the ledger.")
TITLER = system("You generate a title for a conversation. Output only the title.")
HELPER = system("You are a helper that works for another agent and reports back to it.")
PIECE = "Read the file notes.txt and report who the owner of the ledger is."
DELEGATE = assistant(None, call("agent", {"description": "a piece", "prompt": PIECE}, "call_9"))
REPORT = assistant("The owner of the ledger is Zoe.")


def title(number: int, about: str, **more: object):  # type: ignore[no-untyped-def]
    """A side request that quotes `about`."""
    request = user(f"Generate a title for this conversation:\n{about}")
    reply = assistant("Summary of notes")
    return ask(number, [request], reply, prompt=TITLER, tools=(), **more)  # type: ignore[arg-type]


def test_the_same_name_is_the_same_session_and_another_is_another() -> None:
    sessions = woven(
        ask(1, [TASK], FIRST, session="a"),
        ask(2, [TASK], FIRST, session="b"),
        ask(3, ONE, DONE, session="b"),
        ask(4, ONE, DONE, session="a"),
        title(5, "something else altogether", session="a"),
    )
    assert numbers(sessions) == [[[1, 4], [5]], [[2, 3]]]
    assert [s.name for s in sessions] == ["s1", "s2"]


def test_two_agents_through_one_proxy_are_two_sessions() -> None:
    other = system("You are another agent, of another make.")
    sessions = woven(
        ask(1, [TASK], FIRST, agent="alpha/1", client="c:1"),
        ask(2, [TASK], FIRST, agent="beta/2", client="c:2", prompt=other),
        ask(3, ONE, DONE, agent="alpha/1", client="c:1"),
        ask(4, ONE, DONE, agent="beta/2", client="c:2", prompt=other),
    )
    assert numbers(sessions) == [[[1, 3]], [[2, 4]]]
    assert [s.agent for s in sessions] == ["alpha 1", "beta 2"]


def test_a_side_request_that_shares_the_opening_belongs_to_it_for_a_while() -> None:
    opening = [user("hi there"), assistant("Hello."), user("sum it up")]

    def aside(**more: object):  # type: ignore[no-untyped-def]
        asked = [*opening, user("Name it.")]
        return ask(2, asked, DONE, prompt=TITLER, tools=(), client="c:2", **more)  # type: ignore[arg-type]

    first = ask(1, opening, FIRST, client="c:1")
    assert numbers(woven(first, aside())) == [[[1], [2]]]
    assert numbers(woven(first, aside(started_at=at(3600)))) == [[[1]], [[2]]]
    assert numbers(woven(first, aside(agent="other/1"))) == [[[1]], [[2]]]


def test_another_run_with_the_same_opening_is_another_session_though_its_prompt_changed() -> None:
    def prompt(day: str):  # type: ignore[no-untyped-def]
        return system(f"You are a careful agent that works in a repository. Today is {day}.")

    opening = [user("This is the folder: notes.txt, data.csv."), assistant("Got it."), TASK]
    monday, friday = prompt("Monday"), prompt("Friday")
    sessions = woven(
        ask(1, opening, DONE, prompt=monday),
        ask(2, opening, DONE, prompt=friday),
    )
    assert numbers(sessions) == [[[1]], [[2]]]


def test_a_title_request_that_quotes_the_prompt_is_a_side_request_of_its_session() -> None:
    [session] = woven(ask(1, [TASK], FIRST), title(2, TASK["content"]), ask(3, ONE, DONE))
    assert numbers([session]) == [[[1, 3], [2]]]
    assert [t.kind for t in session.threads] == ["main", "side"]


def test_a_title_request_may_come_first_and_the_session_bears_its_number() -> None:
    [session] = woven(title(1, TASK["content"]), ask(2, [TASK], FIRST), ask(3, ONE, DONE))
    assert numbers([session]) == [[[1], [2, 3]]]
    assert [t.kind for t in session.threads] == ["side", "main"]
    assert (session.name, session.threads[1].name) == ("s1", "t2")


def test_title_and_main_may_overlap_and_end_out_of_order() -> None:
    [session] = woven(
        title(1, TASK["content"], started_at=at(0), duration_s=9),
        ask(2, [TASK], FIRST, started_at=at(0.01), duration_s=2),
        ask(3, ONE, DONE, started_at=at(4)),
    )
    assert numbers([session]) == [[[1], [2, 3]]]


def test_a_title_of_another_conversation_is_no_part_of_this_one() -> None:
    sessions = woven(
        ask(1, [TASK], FIRST, client="c:1"), title(2, "Plan the garden.", client="c:2")
    )
    assert numbers(sessions) == [[[1]], [[2]]]


def test_a_title_asked_for_by_another_program_is_no_part_of_this_session() -> None:
    sessions = woven(ask(1, [TASK], FIRST), title(2, TASK["content"], agent="other/1"))
    assert numbers(sessions) == [[[1]], [[2]]]


def test_of_two_sessions_with_one_prompt_the_connection_tells_whose_title_it_is() -> None:
    sessions = woven(
        ask(1, [TASK], FIRST, client="c:1"),
        ask(2, [TASK], FIRST, client="c:2"),
        title(3, TASK["content"], client="c:1"),
    )
    assert numbers(sessions) == [[[1], [3]], [[2]]]


def test_a_request_without_tools_over_the_connection_of_a_session_is_its_side_request() -> None:
    quota = ask(2, [user("quota")], assistant("#"), prompt=None, tools=(), client="c:1")
    later = ask(2, [user("quota")], assistant("#"), prompt=None, tools=(), started_at=at(3600))
    first = ask(1, [TASK], FIRST, client="c:1")
    assert numbers(woven(first, quota)) == [[[1], [2]]]
    assert numbers(woven(first, later)) == [[[1]], [[2]]]


def test_an_agent_without_tools_has_side_requests_too() -> None:
    commit = system("You write concise commit messages.")
    diff = user(f"USER: {TASK['content']}\nASSISTANT: …\n+owner")
    [session] = woven(
        ask(1, [TASK], DONE, tools=()), ask(2, [diff], assistant("docs"), prompt=commit, tools=())
    )
    assert [t.kind for t in session.threads] == ["main", "side"]


def test_a_sub_agent_whose_answer_becomes_the_tool_result_is_part_of_the_session() -> None:
    asked = [user(PIECE)]
    [session] = woven(
        ask(1, [TASK], DELEGATE),
        ask(2, asked, assistant(None, READ), prompt=HELPER, tools=[tool("read_file")]),
        ask(3, [*asked, assistant(None, READ), NOTES], REPORT, prompt=HELPER, tools=[tool("r")]),
        ask(4, [TASK, DELEGATE, result(REPORT["content"], "call_9")], DONE),
    )
    assert numbers([session]) == [[[1, 4], [2, 3]]]
    assert [t.kind for t in session.threads] == ["main", "sub-agent"]


def test_a_prompt_that_an_answered_call_held_is_another_conversation() -> None:
    sessions = woven(
        ask(1, [TASK], DELEGATE, client="c:1"),
        ask(2, [TASK, DELEGATE, result(REPORT["content"], "call_9")], DONE, client="c:1"),
        ask(3, [user(PIECE)], DONE, client="c:2"),
    )
    assert numbers(sessions) == [[[1, 2]], [[3]]]


def test_a_sub_agent_may_stand_between_context_and_reminders() -> None:
    context, reminder = user("This is the agent. Today is Sunday."), user("(reminder: be brief)")
    asked = [context, assistant("Got it."), user(PIECE), reminder]
    [session] = woven(ask(1, [TASK], DELEGATE), ask(2, asked, REPORT, prompt=HELPER))
    assert [t.kind for t in session.threads] == ["main", "sub-agent"]


def test_two_sub_agents_at_once_belong_to_the_call_that_started_them() -> None:
    other = PIECE.replace("notes.txt", "data.csv")
    both = assistant(
        None, call("agent", {"prompt": PIECE}, "c1"), call("agent", {"prompt": other}, "c2")
    )
    [session] = woven(
        ask(1, [TASK], both),
        ask(2, [user(PIECE)], REPORT, prompt=HELPER, duration_s=30),
        ask(3, [user(other)], REPORT, prompt=HELPER, duration_s=30),
        ask(6, [TASK, both, result("Zoe", "c1"), result("Zoe", "c2")], DONE),
    )
    assert numbers([session]) == [[[1, 6], [2], [3]]]
    assert [t.kind for t in session.threads] == ["main", "sub-agent", "sub-agent"]


def test_a_summary_of_a_written_file_is_no_sub_agent() -> None:
    content = "The notes name the owner and the ledger, and nothing else of any importance."
    write = assistant(None, call("write_file", {"path": "summary.md", "content": content}))
    told = user("Here is the conversation so far. " + "And so it went on. " * 20 + content)
    [session] = woven(
        ask(1, [TASK], write, session="s"), ask(2, [told], DONE, tools=(), session="s")
    )
    assert [t.kind for t in session.threads] == ["main", "side"]


def test_a_sub_agent_that_names_its_parent_is_part_of_the_parents_session() -> None:
    parent = (("X-Parent-Session-Id", "a"),)
    child = ask(2, [user("Look.")], REPORT, session="b")
    child = replace(child, request_headers=(*child.request_headers, *parent))
    [session] = woven(ask(1, [TASK], DELEGATE, session="a"), child)
    assert [t.kind for t in session.threads] == ["main", "sub-agent"]


def test_a_sessions_model_and_agent_are_its_main_threads() -> None:
    [session] = woven(title(1, TASK["content"]), ask(2, [TASK], FIRST))
    assert (session.agent, session.model) == ("test-agent 1.0", "kimi-k2")


def codex(exchange, window: str, thread: str = "", session: str = "run"):  # type: ignore[no-untyped-def]
    """The exchange with the headers that Codex sends."""
    headers = {"session-id": session, "thread-id": thread or session, "x-codex-window-id": window}
    named = (*exchange.request_headers, *headers.items())
    return replace(exchange, request_headers=named)


def test_a_window_id_that_rises_tells_a_compaction_without_any_marker() -> None:
    wrote = result("Wrote 9 bytes.", "call_2")
    write = assistant("Now I write.", call("write_file", {"path": "summary.md"}, "call_2"))
    two = [*ONE, write, wrote]
    told = user("Another model has begun this work. It read the notes and wrote the file.")
    new = [TASK, told, user("Go on.")]
    run = [ask(1, [TASK], FIRST), ask(2, ONE, write), ask(3, two, DONE), ask(4, new, DONE)]
    windows = ["run:0", "run:0", "run:0", "run:1"]
    [session] = woven(*map(codex, run, windows))
    assert numbers([session]) == [[[1, 2, 3, 4]]]
    link = session.threads[0].links[3]
    assert link and (link.relation.value, link.why) == (
        "compaction",
        "compacted: context window 1",
    )
    assert not link.judged


def test_a_sub_agent_that_has_an_id_of_its_own_is_a_thread_of_the_same_session() -> None:
    helper = [user("Look after the ledger.")]
    read = assistant(None, READ)
    [session] = woven(
        codex(ask(1, [TASK], DELEGATE), "run:0"),
        codex(ask(2, helper, read, prompt=HELPER), "sub:0", "sub"),
        codex(ask(3, [*helper, read, NOTES], REPORT, prompt=HELPER), "sub:0", "sub"),
        codex(ask(4, [TASK, DELEGATE, result("Zoe", "call_9")], DONE), "run:0"),
    )
    assert numbers([session]) == [[[1, 4], [2, 3]]]
    assert [t.kind for t in session.threads] == ["main", "sub-agent"]


def test_the_same_history_under_another_agents_id_is_not_the_same_thread() -> None:
    sessions = woven(
        codex(ask(1, [TASK], FIRST), "run:0"), codex(ask(2, ONE, DONE), "sub:0", "sub")
    )
    assert numbers(sessions) == [[[1], [2]]]


def test_a_session_resumed_a_day_later_is_the_session_that_it_was() -> None:
    later = ask(3, [*ONE, DONE, user("Good morning. And now?")], DONE, started_at=at(86_400))
    begun = [ask(1, [TASK], FIRST), ask(2, ONE, DONE)]
    assert numbers(woven(*begun, later)) == [[[1, 2, 3]]]
