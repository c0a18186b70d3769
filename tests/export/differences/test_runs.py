"""Runs against runs: which sessions stand for one another, and where and how often they part."""

import json
from typing import Any

import pytest

from kimitap.diff import Run, compare_runs
from kimitap.export.differences import RUNS, RunsDocument, runs_document
from kimitap.lineage import Mark, Thread
from tests.support.two_runs import HOSTILE, SECRET, calls, session, thread

LOOK, WRITE, READ = calls(["look", "write", "read"])


def run(name: str, made: Thread, **findings: int) -> Run:
    return Run(name, session(made), findings)


def tea(number: int, *more: Any, **fields: Any) -> Thread:
    return thread(number, LOOK, *(more or (WRITE,)), asked="Write about tea.", **fields)


def rain(number: int, **fields: Any) -> Thread:
    return thread(number, LOOK, asked="Write about rain.", **fields)


def document(old: list[Run], new: list[Run]) -> RunsDocument:
    return runs_document("old", "new", compare_runs(old, new))


def paired(found: RunsDocument) -> list[tuple[str, str, str]]:
    return [(line.old, line.new, line.how) for line in found.lines]


def test_sessions_of_one_task_stand_for_one_another_in_any_order() -> None:
    found = document(
        [run("a", tea(1)), run("b", rain(11))], [run("c", rain(21)), run("d", tea(31))]
    )
    assert paired(found) == [("a", "d", "same task"), ("b", "c", "same task")]
    assert found.same
    assert found.summary == "No pair of sessions parts (2 compared)."


def test_runs_of_a_task_that_was_run_often_are_paired_in_their_order() -> None:
    old = [run("a", tea(1)), run("b", tea(11))]
    found = document(old, [run("c", tea(21)), run("d", tea(31)), run("e", tea(41))])
    assert paired(found) == [("a", "c", "same task"), ("b", "d", "same task"), ("", "e", "")]
    assert [line.mark for line in found.lines] == [Mark.SAME, Mark.SAME, Mark.NEW]


def test_the_same_words_count_before_the_order() -> None:
    old = [run("a", tea(1, prompt="You are version 1.")), run("b", rain(11))]
    new = [run("c", thread(21, asked="Something else.")), run("d", tea(31, prompt="Version 2!"))]
    found = document(old, new)
    assert paired(found) == [("a", "d", "same first words"), ("b", "c", "by order")]
    assert found.lines[0].settings == ["system"]


@pytest.mark.parametrize(
    ("new", "turn", "part", "same"),
    [
        (tea(11, READ), 2, "calls", 2),
        (tea(11, says="It is cold."), 3, "text", 2),
        (tea(11, WRITE, READ), 3, "turn", 3),
        (thread(11, asked="Write about tea.", says="No."), 1, "calls", 0),
    ],
)
def test_it_says_where_a_pair_parts_and_in_what(
    new: Thread, turn: int, part: str, same: int
) -> None:
    (line,) = document([run("a", tea(1))], [run("b", new)]).lines
    assert (line.mark, line.turn, line.part) == (Mark.CHANGED, turn, part)
    assert line.same == same
    assert (
        "Different from turn 1" if turn == 1 else f"The same up to turn {turn}"
    ) in line.sentence


def test_how_often_they_part_and_what_was_found_is_counted_over_all() -> None:
    old = [run("a", tea(1)), run("b", rain(11)), run("c", thread(21, asked="Third."))]
    new = [
        run("d", tea(31, READ), **{"tool-turn-lost": 2}),
        run("e", rain(41, says="No.")),
        run("f", thread(51, asked="Third.")),
    ]
    found = document(old, new)
    assert (found.paired, found.parted) == (3, 2)
    assert found.by_turn == {2: 2}
    assert found.by_part == {"calls": 1, "text": 1}
    assert found.findings == (("tool-turn-lost", 0, 2),)
    assert found.summary == "2 of 3 pairs of sessions part."


def test_every_format_tells_the_same() -> None:
    found = document(
        [run("a.db:s1", tea(1), **{"empty-reply": 1}), run("b.db:s1", rain(11))],
        [run("a.db:s1", tea(21, READ), **{"empty-reply": 3})],
    )
    for form in ("text", "markdown", "html"):
        page = RUNS[form](found)
        assert "1 of 1 pairs of sessions part; 1 only before." in page
        assert "turn 2: what the reply calls" in page
        assert "1 → 3" in page
        assert "empty-reply" in page
    told = json.loads(RUNS["json"](found))
    assert (told["paired"], told["parted"], told["only_old"], told["only_new"]) == (1, 1, 1, 0)
    assert told["findings"] == {"empty-reply": {"old": 1, "new": 3}}
    first, second = told["sessions"]
    assert (first["change"], first["parts_at"], first["part"]) == ("changed", 2, "calls")
    assert (first["old_exchange"], first["new_exchange"]) == (2, 22)
    assert (second["change"], second["new"], second["parts_at"]) == ("gone", "", None)


@pytest.mark.parametrize("form", [*RUNS])
def test_no_format_tells_a_secret_or_holds_what_a_terminal_acts_on(form: str) -> None:
    old = run(HOSTILE, thread(1, asked=HOSTILE, model=HOSTILE, says=HOSTILE))
    found = runs_document(HOSTILE, "new", compare_runs([old], [run("b", rain(11))]))
    page = RUNS[form](found)
    assert SECRET[:16] not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<img" not in page or form in {"text", "json"} or "\\<img" in page


def test_nothing_against_nothing_is_no_crash() -> None:
    for form in RUNS.values():
        assert "No session stands for another." in form(document([], []))
