"""A lone short first message under a prompt with a clock in it, or with one more tool declared."""

from typing import Any

import pytest

from kimitap.exchange import Exchange
from kimitap.lineage import EchoKind, Relation
from tests.support.chat import assistant, call, result, system, tool, user
from tests.support.weaving import TOOLS, Json, ask, at, last_link, numbers, woven

ASKED = user("Count the herons in ponds.csv.")
CALLED = assistant("I open the table.", call("read_file", {"path": "ponds.csv"}, "call_7"))
ANSWER = assistant("There are nine herons in that table, four of them grey.")
BLANK = assistant("")
NUDGE = user("Take the next step.")
RULES = "You help a warden to keep the books of a marsh, with the tools that you are given. " * 4


def prompt(clock: str, more: str = "") -> Json:
    return system(f"{RULES}It is {clock} now. {more}")


MORNING, NOON = prompt("09:14:03"), prompt("09:14:41")


def first(reply: Json = CALLED, **more: Any) -> Exchange:
    return ask(1, [ASKED], reply, **{"prompt": MORNING, **more})


def then(*after: Json, number: int = 2, **more: Any) -> Exchange:
    return ask(number, [ASKED, *after], ANSWER, **{"prompt": NOON, **more})


def apart(*exchanges: Exchange) -> bool:
    """True where each is a thread of its own."""
    return all(len(t.turns) == 1 for session in woven(*exchanges) for t in session.threads)


# -- what follows


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ([BLANK, NUDGE], EchoKind.BLANKED),
        ([NUDGE], EchoKind.MISSING),
        ([assistant("I open the table."), NUDGE], EchoKind.PARTIAL),
        ([assistant(None, *CALLED["tool_calls"]), result("9", "call_7")], EchoKind.ALTERED),
    ],
    ids=["blank", "missing", "without its call", "without its text"],
)
def test_a_clock_in_the_prompt_does_not_hide_that_the_first_reply_was_lost(
    after: list[Json], kind: EchoKind
) -> None:
    link = last_link(woven(first(), then(*after)))
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, kind)
    assert link.judged


@pytest.mark.parametrize("after", [[BLANK, NUDGE], [NUDGE]], ids=["blank", "missing"])
def test_nor_does_one_more_tool_that_came_up_in_between(after: list[Json]) -> None:
    more = [*TOOLS, tool("look_up")]
    link = last_link(woven(first(), then(*after, prompt=MORNING, tools=more)))
    assert link.judged and link.echo.kind in (EchoKind.BLANKED, EchoKind.MISSING)


def test_a_blank_message_in_place_of_a_text_is_enough_too() -> None:
    link = last_link(woven(first(ANSWER, tools=()), then(BLANK, NUDGE, tools=())))
    assert link.echo.kind is EchoKind.BLANKED


def test_a_tool_that_took_minutes_and_another_connection_part_no_turn_from_its_blank() -> None:
    late = then(BLANK, NUDGE, started_at=at(300), client="127.0.0.1:50001")
    assert last_link(woven(first(), late)).echo.kind is EchoKind.BLANKED


def test_of_two_users_with_the_same_words_each_is_told_by_the_connection() -> None:
    one, other = {"client": "10.0.0.5:400"}, {"client": "10.0.0.5:401"}
    exchanges = [
        first(**one),
        ask(2, [ASKED], CALLED, prompt=prompt("09:14:09"), **other),
        then(BLANK, NUDGE, number=3, **one),
        then(BLANK, user("Go on."), number=4, **other),
    ]
    assert numbers(woven(*exchanges)) == [[[1, 3]], [[2, 4]]]


def test_a_result_told_as_the_users_words_minutes_later_shows_that_its_call_was_made() -> None:
    told = user("[read_file for 'ponds.csv'] Result: nine herons")
    late = then(told, started_at=at(300), client="127.0.0.1:50001")
    link = last_link(woven(first(), late))
    assert (link.echo.kind, link.judged) == (EchoKind.FLATTENED, True)


# -- what does not


@pytest.mark.parametrize(
    "how",
    [
        {"client": "10.0.0.9:50000"},
        {"agent": "another-agent/2.0"},
        {"started_at": at(700)},
        {"prompt": system("You answer riddles about birds, in verse.")},
        {"tools": ()},
        {"tools": [tool("read_file"), tool("paint"), tool("sing"), tool("dance")]},
    ],
    ids=["machine", "agent", "an hour", "prompt", "no tools", "other tools"],
)
def test_a_lone_message_in_the_same_words_from_elsewhere_is_another_conversation(
    how: dict[str, object],
) -> None:
    assert apart(first(), then(BLANK, NUDGE, **how))


@pytest.mark.parametrize(
    "how",
    [
        {"started_at": at(90), "client": "127.0.0.1:50001"},
        {"prompt": prompt("noon", "The warden counts otters.")},
    ],
    ids=["later, on another connection", "words in the prompt"],
)
def test_where_nothing_stands_for_the_reply_more_has_to_agree(how: dict[str, object]) -> None:
    assert apart(first(), then(NUDGE, **how))


@pytest.mark.parametrize("names", [("one", "two"), ("1", "2")])
def test_two_agents_of_a_team_that_speak_alike_lose_nothing_to_each_other(
    names: tuple[str, str],
) -> None:
    one, other = (system(f"{RULES}You are agent {name} of the team.") for name in names)
    told = {**user("Nine herons, says the table."), "name": "one"}
    assert apart(first(prompt=one), then(told, prompt=other))


def test_an_answer_without_calls_is_not_missed_where_the_prompt_changed() -> None:
    assert apart(first(ANSWER), then(NUDGE))


def test_somebody_elses_answer_after_the_same_words_is_somebody_elses() -> None:
    other = assistant("Ponds are counted on Thursdays only.")
    assert apart(first(), then(other, NUDGE))
    assert apart(first(ANSWER), then(other, NUDGE))


def test_a_second_run_of_a_script_does_not_follow_the_first_one() -> None:
    again = [
        ask(2, [ASKED], CALLED, prompt=NOON),
        ask(3, [ASKED, CALLED, result("9", "call_7")], ANSWER, prompt=prompt("09:15:00")),
    ]
    assert numbers(woven(first(), *again)) == [[[1]], [[2, 3]]]


def test_a_title_asked_for_under_the_same_prompt_takes_no_turn_away() -> None:
    titled = then(user("Write a title for this conversation."))
    assert numbers(woven(first(), titled))[0] == [[1]]


@pytest.mark.parametrize("word", ["Warmup", "quota"])
def test_a_probe_under_a_clock_never_links(word: str) -> None:
    probes = [
        ask(n, [user(word)], assistant("Ready."), tools=(), prompt=prompt(f"09:1{n}:00"))
        for n in (1, 2, 3)
    ]
    assert numbers(woven(*probes)) == [[[1]], [[2]], [[3]]]


# -- a first request that was refused


def refused(*after: Json, number: int = 1, **more: Any) -> Exchange:
    told = {"prompt": prompt(f"09:14:0{number}"), **more}
    return ask(number, [ASKED, *after], None, status=500, **told)


def test_a_refused_first_request_that_grows_under_a_clock_is_one_thread() -> None:
    again = refused(NUDGE, number=2), refused(NUDGE, user("Please."), number=3)
    assert numbers(woven(refused(), *again)) == [[[1, 2, 3]]]


@pytest.mark.parametrize(
    "how",
    [
        {"started_at": at(90), "client": "127.0.0.1:50001"},
        {"prompt": prompt("noon", "The warden counts otters.")},
        {"tools": ()},
        {"agent": "other-agent/2"},
    ],
    ids=["later, on another connection", "words in the prompt", "no tools", "agent"],
)
def test_a_refused_request_is_gone_on_with_by_none_but_its_own_agent(how: dict[str, Any]) -> None:
    assert apart(refused(), refused(NUDGE, number=2, **how))


def test_somebody_elses_answer_after_refused_words_is_somebody_elses() -> None:
    assert apart(refused(), refused(assistant("Ponds are counted on Thursdays."), NUDGE, number=2))
