"""Sessions as trees: where a history left another, who was started by whom, what was cut short."""

from dataclasses import replace
from itertools import pairwise

import pytest

from kimitap.lineage import EchoKind, Link, Mark, Pair, Relation, Session, Thread
from kimitap.transcript.starters import Starter, starters
from kimitap.transcript.task import task_of
from kimitap.transcript.tree import BranchKind, branches
from tests.support.branches import branching
from tests.support.threads import assistant, call, chain, link, result, system, turn, user


def drawn(session: Session) -> list[str]:
    return [f"{branch.lead}{branch.title}" for branch in branches(session)]


def run() -> Session:
    return branching()[0][0]


def test_each_thread_hangs_at_the_turn_where_it_left_another() -> None:
    assert drawn(run()) == [
        "├─ t1 main",
        "│  ├─ t14 fork at #1",
        "│  ├─ t4 sub-agent of #3",
        "│  ├─ t9 fork at #6",
        "│  │  ╰─ t13 fork at #9",
        "│  ┼ #15 compaction",
        "╰─ 2 side requests",
        "   ├─ t2 side",
        "   ╰─ t11 side",
    ]


def test_side_requests_are_inside_their_common_line() -> None:
    assert [b.title for b in branches(run()) if b.inside] == ["t2 side", "t11 side"]
    asides = next(b for b in branches(run()) if b.kind is BranchKind.ASIDES)
    assert [thread.number for thread in asides.threads] == [2, 11]


def test_a_fork_says_how_much_of_the_history_it_kept() -> None:
    texts = {branch.title: branch.text for branch in branches(run())}
    assert texts["t9 fork at #6"] == "all 7 messages kept"
    assert texts["#15 compaction"] == "11 messages gave way to a summary"
    thread = chain(turn(5, [system("s"), user("a"), user("other")], assistant("b")), kind="fork")
    parent = turn(1, [system("s"), user("a"), assistant("x"), user("y")], assistant("z"))
    left = Link(
        parent,
        thread.turns[0],
        Relation.FORK,
        2,
        (Pair(Mark.GONE, 2, None), Pair(Mark.GONE, 3, None), Pair(Mark.NEW, None, 2)),
        link(parent, turn(2, parent.messages, assistant())).echo,
    )
    session = Session(1, (chain(parent), replace(thread, links=(left,))))
    fork = next(b for b in branches(session) if b.title.startswith("t5"))
    assert (fork.title, fork.text, fork.task) == ("t5 fork at #1", "2 of 5 messages kept", "other")


def test_a_lone_side_request_is_not_folded() -> None:
    session = run()
    lone = replace(session, threads=tuple(t for t in session.threads if t.number != 2))
    assert drawn(lone)[-1] == "╰─ t11 side"
    assert not any(branch.inside for branch in branches(lone))


def windows(count: int) -> Thread:
    """A thread whose every request leaves out one message more."""
    turns = [turn(n, [system("s"), user("a")], assistant(f"{n}")) for n in range(1, count + 1)]
    echo = replace(link(turns[0], turns[1]).echo, kind=EchoKind.SUPERSEDED)
    links = [
        Link(a, b, Relation.WINDOW, 1, (Pair(Mark.GONE, 1, None),), echo)
        for a, b in pairwise(turns)
    ]
    return Thread(1, tuple(turns), (None, *links))


def test_windows_that_slide_turn_by_turn_are_one_line() -> None:
    lines = list(branches(Session(1, (windows(6),))))
    assert [line.title for line in lines] == ["t1 main", "#2 to #6 window"]
    assert lines[1].text == "5 messages fell out, 5 times"
    assert (lines[1].kind, lines[1].exchange) == (BranchKind.EVENT, 2)


def test_the_call_that_started_a_sub_agent_is_known_by_its_prompt() -> None:
    assert starters(run()) == {4: Starter(3, "task")}


@pytest.mark.parametrize("arguments", ['{"prompt":"Something else altogether."}', "[[[", "[1]"])
def test_a_sub_agent_that_nobody_seems_to_have_started_stands_apart(arguments: str) -> None:
    asks = turn(1, [user("Do all of it.")], assistant("", call("task", arguments, "c1")))
    helper = chain(turn(2, [user("Count the lines of each file.")], assistant("7")))
    session = Session(1, (chain(asks), replace(helper, kind="sub-agent")))
    assert starters(session) == {}
    assert drawn(session) == ["├─ t1 main", "╰─ t2 sub-agent"]


def test_forks_of_forks_are_not_indented_for_ever() -> None:
    threads = [chain(turn(1, [user("a")], assistant("b")))]
    for n in range(2, 2000):
        made = turn(n, [user(f"{n}")], assistant("b"))
        parent = threads[-1].turns[0]
        echo = link(parent, turn(n, parent.messages, assistant())).echo
        left = Link(parent, made, Relation.FORK, 0, (), echo)
        threads.append(Thread(n, (made,), (left,), "fork"))
    lines = drawn(Session(1, tuple(threads)))
    assert len(lines) == 1999
    assert max(map(len, lines)) < 60


@pytest.mark.parametrize(
    ("said", "task"),
    [
        ("<system-reminder>\nBe good.\n</system-reminder>\n\nMend it.", "Mend it."),
        ("<task>\nMend it.\n</task>", "Mend it. </task>"),
        ("<b>Mend</b> it.", "<b>Mend</b> it."),
        ("<system-reminder>Never closed", "<system-reminder>Never closed"),
    ],
)
def test_a_preamble_is_no_task(said: str, task: str) -> None:
    assert task_of(chain(turn(1, [system("s"), user(said)], assistant("b")))) == task


def test_where_the_user_only_sets_up_the_next_message_is_the_task() -> None:
    setting = "This is the Qwen Code. We are setting up the context for our chat."
    messages = [user(setting), assistant("Got it."), user("Mend it.")]
    assert task_of(chain(turn(1, messages, assistant("b")))) == "Mend it."


def test_a_thread_without_a_user_has_no_task() -> None:
    assert task_of(chain(turn(1, [system("s"), result("r", "1")], assistant("b")))) == ""
