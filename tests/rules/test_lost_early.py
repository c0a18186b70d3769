"""What is lost on a thread's first turns, and what a history of text only loses of a task."""

import pytest

from kimitap.exchange import Exchange
from kimitap.lineage import Link, Relation
from kimitap.rules import check
from kimitap.rules.finding import Finding, Place, Severity
from tests.support.chat import assistant, call, result, system, tool, user
from tests.support.weaving import TOOLS, Json, ask, only, woven

ASKED = user("Which of these lakes is the deepest?")
ANSWER = assistant("The deepest of them all is the third lake, with 61 metres.")
ON = user("And which one is the warmest?")
RULES = "You measure lakes for a survey, with the tools that you are given. " * 6


def defects(*exchanges: Exchange) -> list[Finding]:
    found = [f for session in woven(*exchanges) for f in check(session)]
    return [f for f in found if f.severity is not Severity.INFO]


def sounding(n: int) -> tuple[Json, Json]:
    """A call for a lake's depth, and what came of it."""
    asked = call("read_file", {"path": f"lake-{n}.txt"}, f"call_{n}")
    return assistant(None, asked), result(f"lake {n}: {n * 7} metres deep", f"call_{n}")


def task(rounds: int) -> tuple[list[Exchange], list[Json]]:
    """The turns of a task that takes so many calls, and what stands before its answer."""
    told, run = [ASKED], []
    for n in range(rounds):
        made, came = sounding(n)
        run.append(ask(n + 1, told, made))
        told = [*told, made, came]
    return [*run, ask(rounds + 1, told, ANSWER)], told


def link_of(*exchanges: Exchange) -> Link:
    link = only(woven(*exchanges)).links[-1]
    assert link is not None
    return link


@pytest.mark.parametrize(
    ("clock", "tools"),
    [("07:31:50", TOOLS), ("07:30:02", [*TOOLS, tool("plumb_line")])],
    ids=["a clock in the prompt", "one more tool"],
)
@pytest.mark.parametrize("stead", [[assistant("")], []], ids=["blank", "missing"])
def test_the_first_tool_turn_of_a_short_task_is_lost(
    clock: str, tools: list[Json], stead: list[Json]
) -> None:
    before, after = system(f"{RULES}It is 07:30:02."), system(f"{RULES}It is {clock}.")
    [lost] = defects(
        ask(1, [ASKED], sounding(3)[0], prompt=before),
        ask(2, [ASKED, *stead, user("Go on.")], ANSWER, prompt=after, tools=tools),
    )
    assert lost.rule == "tool-turn-lost" and lost.place.exchange == 2


@pytest.mark.parametrize("rounds", [1, 2, 3, 8])
def test_a_history_of_text_only_drops_the_calls_that_an_answer_came_of(rounds: int) -> None:
    run, _ = task(rounds)
    last = ask(rounds + 2, [ASKED, ANSWER, ON], ANSWER)
    assert link_of(*run, last).relation is Relation.CONTINUES
    [dropped] = defects(*run, last)
    assert (dropped.rule, dropped.severity) == ("dropped-from-history", Severity.ERROR)
    assert dropped.place == Place(rounds + 2, 2)


def test_a_history_that_is_whole_drops_nothing() -> None:
    run, told = task(3)
    assert defects(*run, ask(5, [*told, ANSWER, ON], ANSWER)) == []


def test_a_window_that_keeps_the_latest_calls_drops_nothing() -> None:
    run, told = task(4)
    assert defects(*run, ask(6, [ASKED, *told[5:], ANSWER, ON], ANSWER)) == []


def test_calls_written_into_the_answer_are_not_dropped_with_their_task() -> None:
    run, _ = task(3)
    written = "<details>read_file lake-0 lake-1 lake-2: 0, 7 and 14 metres</details>\n"
    kept = assistant(written + ANSWER["content"])
    found = defects(*run, ask(5, [ASKED, kept, ON], ANSWER))
    assert "dropped-from-history" not in {finding.rule for finding in found}


def test_a_summary_in_the_place_of_the_calls_is_a_compaction() -> None:
    run, _ = task(3)
    note = user("Previous context has been compacted: three lakes were measured.")
    last = ask(5, [ASKED, note, ANSWER, ON], ANSWER)
    assert link_of(*run, last).relation is Relation.COMPACTION
    assert defects(*run, last) == []


def test_words_of_the_agents_own_in_the_place_of_the_calls_make_a_prompt_built_anew() -> None:
    run, _ = task(3)
    note = user("Depths so far: lake 0 has 0, lake 1 has 7, lake 2 has 14.")
    last = ask(5, [ASKED, note, ANSWER, ON], ANSWER)
    assert link_of(*run, last).relation is Relation.REBUILT
    assert defects(*run, last) == []
