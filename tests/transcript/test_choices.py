"""The further choices of a reply (n > 1): each part a row, findings where they are."""

from dataclasses import replace

from kimitap.lineage import Session
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.transcript import Kind, plain, rows
from tests.support.threads import assistant, call, chain, turn, user


def two_choices() -> tuple[Session, ...]:
    first = assistant("I look first.", call("read_file", '{"path":"a"}', "call_1"))
    second = assistant("Let me see.", call("read_file", '{"path": nothing}', "call_2"))
    asked = turn(1, [user("What is in a?")], first)
    both = replace(
        asked, reply=replace(asked.reply, others=(second,), other_reasons=("tool_calls",))
    )
    return (Session(1, (chain(both),)),)


def test_every_part_of_a_further_choice_is_a_row() -> None:
    (session,) = two_choices()
    shown = [(r.kind, r.title, r.part) for r in rows(session.threads[0], ()) if r.role == "ASST"]
    assert shown == [
        (Kind.TEXT, "", 0),
        (Kind.CALL, "", 1),
        (Kind.TEXT, "choice 2", 2),
        (Kind.CALL, "", 3),
    ]


def test_a_finding_in_a_further_choice_stands_at_its_call() -> None:
    sessions = two_choices()
    checker = Checker(RULES)
    checker.update(sessions)
    found = [f for f in checker.findings if f.rule == "malformed-tool-arguments"]
    assert len(found) == 1
    marked = [r for r in rows(sessions[0].threads[0], found) if r.findings]
    assert [(r.kind, r.part) for r in marked] == [(Kind.CALL, 3)]


def test_a_further_choice_is_printed_by_its_number() -> None:
    (session,) = two_choices()
    assert any("choice 2  Let me see." in line for line in plain(rows(session.threads[0], ())))
