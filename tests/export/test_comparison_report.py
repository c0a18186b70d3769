"""The report on two threads or sessions, as it is pasted into a bug tracker."""

import re
from dataclasses import replace

from kimitap.conversation import ToolCall, Turn
from kimitap.diff import compare_sessions, compare_threads
from kimitap.export.comparison import comparison_report
from kimitap.lineage import Session, Thread
from tests.support.threads import assistant, call, chain, result, turn, user

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"
HOSTILE = f"`| <img src=x> @everyone \x1b[2J {SECRET}"


def run(number: int, *calls: ToolCall, asked: str = "Go.", model: str = "kimi-k2-0905") -> Thread:
    """A thread whose replies make one call each."""
    said = [user(asked)]
    turns: list[Turn] = []
    for i, one in enumerate(calls):
        reply = assistant("", replace(one, id=f"c{number + i}"))
        turns.append(replace(turn(number + i, said, reply), model=model))
        said = [*said, reply, result("ok", f"c{number + i}")]
    return chain(*turns)


def looks(count: int) -> list[ToolCall]:
    return [call("look", f'{{"at":{i}}}', "") for i in range(count)]


def test_the_sentence_stands_first_and_same_turns_are_one_row() -> None:
    write, read = call("write", "{}", ""), call("read", "{}", "")
    report = comparison_report(compare_threads(run(1, *looks(6), write), run(11, *looks(6), read)))
    assert report.startswith(
        "## t1 against t11\n\n### t1 and t11\n\nThe same up to turn 7, where t1 calls write"
    )
    assert "| `=` | 1–6 | 1–6 | 11–16 | 6 the same |" in report
    assert "| `!` | 7 | 7 | 17 | `calls write({})` → `calls read({})` |" in report
    assert "#### Turn 7: request 7 against request 17" in report


def test_what_was_recorded_is_masked_and_cannot_change_the_page() -> None:
    one, two = call(HOSTILE, f'{{"key":"{SECRET}"}}', ""), call("b", HOSTILE, "")
    old, new = run(1, one, asked=HOSTILE, model=HOSTILE), run(11, two, asked=HOSTILE)
    report = comparison_report(compare_threads(old, new))
    assert SECRET[:12] not in report
    assert "\x1b" not in report
    outside = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", report)
    assert not re.search(r"(?<!\\)<img|@every|(?<!\\)\| <", outside)


def test_settings_that_differ_are_a_table() -> None:
    report = comparison_report(compare_threads(run(1, *looks(2)), run(11, *looks(2), model="glm")))
    assert "### Settings that differ" in report
    assert "| `model` | `kimi-k2-0905` | `glm` |" in report


def test_two_sessions_begin_with_all_their_threads() -> None:
    lone = replace(run(21, *looks(1), asked="A title for another matter, please."), kind="side")
    old, new = Session(1, (run(1, *looks(2)),)), Session(11, (run(11, *looks(3)), lone))
    report = comparison_report(compare_sessions(old, new))
    assert "| `!` | t1 | t11 | 2 of 3 | The same up to turn 3, where t11 goes on alone" in report
    assert "| `>` |  | t21 | 0 of 1 | Nothing stands for t21 (1 turn). |" in report
    assert "### t21" in report
