"""Threads and sessions against each other: which turns stand for which, and where they part."""

from dataclasses import replace
from typing import Any

from kimitap.conversation import Tool
from kimitap.diff import (
    Comparison,
    compare_links,
    compare_sessions,
    compare_threads,
    compare_turns,
    diff_turns,
    parting,
)
from kimitap.diff.turns import TurnDiff
from kimitap.lineage import Mark, Session, Thread
from tests.support.chat import assistant, call, result, user
from tests.support.weaving import NOTES, READ, TASK, WRITE, WROTE, Json, ask, only, woven

LIST = call("run", {"command": "ls"}, "call_9")
DONE = assistant("The summary is written.")
STEPS: tuple[Json, ...] = (assistant("I read.", READ), NOTES, assistant(None, WRITE), WROTE, DONE)


def run(number: int, *steps: Json, first: Json = TASK, **fields: Any) -> Thread:
    """A thread of its own: `steps` are replies and, between them, what the agent answers."""
    said: list[Json] = [first]
    exchanges = []
    for step in steps:
        if step["role"] == "assistant":
            at = number + len(exchanges)
            exchanges.append(ask(at, list(said), step, session=f"s{number}", fields=fields))
        said.append(step)
    return only(woven(*exchanges))


def marks(compared: Comparison) -> str:
    [pair] = compared.threads
    return "".join(turn.mark for turn in pair.turns)


def said(compared: Comparison) -> str:
    return parting(compared.threads[0])


def test_identical_runs_are_the_same_though_their_ids_differ() -> None:
    other = assistant("I read.", {**READ, "id": "call_x"})
    answer = {**NOTES, "tool_call_id": "call_x"}
    compared = compare_threads(run(1, *STEPS), run(11, other, answer, *STEPS[2:]))
    assert marks(compared) == "==="
    assert compared.threads[0].parts_at is None
    assert said(compared) == "The same in all 3 turns."


def test_a_turn_more_is_told() -> None:
    longer = run(11, *STEPS, user("And check it."), assistant("It is right."))
    compared = compare_threads(run(1, *STEPS), longer)
    assert marks(compared) == "===>"
    assert said(compared) == "The same up to turn 4, where t11 goes on alone for 1 turn (#14)."
    assert marks(compare_threads(longer, run(1, *STEPS))) == "===<"


def test_a_turn_in_between_leaves_the_others_paired() -> None:
    looks = (assistant(None, LIST), result("notes.txt", "call_9"))
    compared = compare_threads(run(1, *STEPS), run(11, *looks, *STEPS))
    assert marks(compared) == "!>=="
    assert said(compared).startswith("Different from turn 1 on, where t1 calls read_file(")


def test_another_model_is_told_and_makes_no_other_turn() -> None:
    compared = compare_threads(run(1, *STEPS), run(11, *STEPS, model="glm-4.6"))
    assert marks(compared) == "==="
    assert said(compared).startswith("The same in all 3 turns. Models: ")
    assert "glm-4.6" in said(compared)
    settings = compared.turns[0].diff().settings
    assert [change.new for change in settings if change.field == "model"] == ["glm-4.6"]


def test_the_turn_at_which_two_runs_part_is_named_with_what_each_does() -> None:
    other = (*STEPS[:2], assistant(None, LIST), result("notes.txt", "call_9"), DONE)
    compared = compare_threads(run(1, *STEPS), run(11, *other))
    assert marks(compared) == "=!!"
    assert said(compared) == (
        "The same up to turn 2, where t1 calls write_file"
        '({"path":"summary.md","content":"# Summary"}) (#2), t11 calls run({"command":"ls"}) (#12).'
    )
    assert compared.turns[1].differs == ("reply",)


def test_what_the_agent_says_otherwise_is_named() -> None:
    other = (STEPS[0], result("another owner", "call_1"), *STEPS[2:])
    compared = compare_threads(run(1, *STEPS), run(11, *other))
    assert marks(compared) == "=!="
    assert compared.turns[1].differs == ("request",)
    assert 't1 is told "owner: Zoe, ledger: cafe" (#2), t11 "another owner" (#12)' in said(compared)


def test_calls_in_another_order_are_told_as_that() -> None:
    one, two = assistant(None, READ, LIST), assistant(None, LIST, READ)
    compared = compare_threads(run(1, one), run(11, two))
    assert said(compared) == (
        "Different from turn 1 on, "
        "where t1 (#1) and t11 (#11) call the same tools in another order."
    )


def test_only_a_pairs_own_messages_count_as_different() -> None:
    other = (STEPS[0], result("another owner", "call_1"), *STEPS[2:])
    compared = compare_threads(run(1, *STEPS), run(11, *other))
    diff = compared.turns[2].diff()
    assert [row.mark for row in diff.rows[: diff.earlier]] == list("===<>=")
    assert [row.mark for row in diff.rows[diff.earlier :]] == list("==")
    assert diff.rows[-1].is_reply


def test_a_fork_is_compared_from_where_it_left() -> None:
    begun = [TASK, STEPS[0], NOTES]
    sent = [
        ask(1, [TASK], STEPS[0], session="s"),
        ask(2, begun, STEPS[2], session="s"),
        ask(3, [*begun, STEPS[2], WROTE], DONE, session="s"),
        ask(4, [*begun[:2], user("Stop, only list them.")], assistant(None, LIST), session="s"),
    ]
    [session] = woven(*sent)
    [main, fork] = session.threads
    assert fork.kind == "fork"
    compared = compare_threads(main, fork)
    numbers = [(t.old and t.old.exchange, t.new and t.new.exchange) for t in compared.turns]
    assert numbers == [(1, 1), (2, 4), (3, None)]
    assert marks(compared) == "=!<"
    assert 'is told "owner: Zoe, ledger: cafe" (#2), t4 "Stop, only list them." (#4)' in said(
        compared
    )
    back = compare_threads(fork, main)
    assert [(t.old and t.old.exchange, t.new and t.new.exchange) for t in back.turns] == [
        (1, 1),
        (4, 2),
        (None, 3),
    ]


def test_threads_of_two_sessions_are_paired_by_what_they_are_about() -> None:
    aside = run(5, assistant("Notes"), first=user("Write a title for this talk in three words."))
    lone = run(8, assistant("Yes"), first=user("Is this a question about databases?"))
    main, again = run(1, *STEPS), run(11, *STEPS)
    old = Session(1, (main, replace(aside, kind="side")))
    later = run(15, assistant("Other"), first=user("Write a title for this talk in three words."))
    new = Session(8, (replace(lone, kind="side"), replace(later, kind="side"), again))
    compared = compare_sessions(old, new)
    assert [(pair.old, pair.new) for pair in compared.threads] == [
        ("t1", "t11"),
        ("t5", "t15"),
        ("", "t8"),
    ]
    assert [pair.parts_at for pair in compared.threads] == [None, 0, 0]
    assert parting(compared.threads[2]) == "Nothing stands for t8 (1 turn)."


def test_two_requests_are_compared_side_by_side() -> None:
    one, two = run(1, *STEPS[:3]).turns[1], run(11, *STEPS).turns[2]
    [pair] = compare_turns(one, two).turns
    diff = pair.diff()
    assert isinstance(diff, TurnDiff)
    assert [row.mark for row in diff.rows] == list("====>>!")
    assert (diff.rows[-1].old, diff.rows[-1].new) == (one.reply.message, two.reply.message)
    assert pair.differs == ("request", "reply")


def test_a_turn_without_counterpart_is_all_new_or_all_gone() -> None:
    turn = run(1, *STEPS).turns[0]
    assert {row.mark for row in diff_turns(None, turn).rows} == {Mark.NEW}
    assert {row.mark for row in diff_turns(turn, None).rows} == {Mark.GONE}


def test_tools_that_differ_are_settings() -> None:
    turn = run(1, *STEPS).turns[0]
    bare = replace(turn, tools=(*turn.tools[1:], Tool("grep", '{"name":"grep"}')))
    changed = {change.field for change in diff_turns(turn, bare).settings}
    assert changed == {"tools.read_file", "tools.grep"}


def test_the_pairs_of_a_thread_are_a_comparison_too() -> None:
    thread = run(1, *STEPS)
    compared = compare_links([link for link in thread.links if link], thread.name)
    assert [t.old and t.old.exchange for t in compared.turns] == [1, 2]
    assert marks(compared) == "=="


def test_long_runs_that_differ_everywhere_are_paired_in_their_order() -> None:
    def long(number: int, word: str) -> Thread:
        steps = [
            assistant(f"{word} {i}") if i % 2 == 0 else user(f"{word}, {i}") for i in range(159)
        ]
        return run(number, *steps)

    compared = compare_threads(long(1, "left"), long(201, "right"))
    assert marks(compared) == "!" * 80


def test_what_a_turn_adds_is_compared_without_its_history_and_keeps_its_places() -> None:
    other = assistant(None, LIST)
    old, new = run(1, *STEPS), run(11, *STEPS[:2], other, *STEPS[3:])
    for pair in compare_threads(old, new).threads[0].turns:
        whole, own = pair.diff(), pair.own_diff()
        systems = [
            row for row in whole.rows[: whole.earlier] if row.old and row.old.role == "system"
        ]
        assert own.rows[own.earlier :] == whole.rows[whole.earlier :]
        assert list(own.rows[: own.earlier]) == systems
        assert (own.old, own.new, own.settings) == (whole.old, whole.new, whole.settings)
