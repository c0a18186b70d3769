"""Weaving as turns come: late, again, in any order, and never more than what is new."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Reasoning,
    Reply,
    Scope,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.exchange import Outcome
from kimitap.lineage import EchoKind, Relation
from kimitap.weave import Weaver, relate, weave
from tests.support import chat
from tests.support.chat import assistant, user
from tests.support.weaving import (
    NOTES,
    READ,
    TASK,
    WRITE,
    WROTE,
    ask,
    at,
    numbers,
    only,
    rows,
    turns,
)

FIRST = assistant("I read the notes first.", READ)
SECOND = assistant("Now I write the summary.", WRITE)
ONE = [TASK, FIRST, NOTES]
TWO = [*ONE, SECOND, WROTE]
DONE = assistant("Done: summary.md holds the owner and the ledger.")
BACK = [*ONE, user("No, write it into README.md instead.")]


def a_day() -> list[Turn]:
    """Two runs side by side, with a retry, a fork, titles, a branch left, and a lost turn."""
    title = user("Generate a title for:\n" + TASK["content"])
    name = [TASK, user("Suggest a name.")]
    lost = [*ONE, assistant(""), user("<environment_details/>")]
    return turns(
        ask(1, [title], assistant("Notes"), tools=(), prompt=None, client="c:1"),
        ask(2, [TASK], FIRST, client="c:1"),
        ask(3, [TASK], FIRST, client="c:2", session="b"),
        ask(4, ONE, None, client="c:1", stream=True),
        ask(5, ONE, SECOND, client="c:1"),
        ask(6, name, DONE, client="c:2", session="b", duration_s=30),
        ask(7, TWO, DONE, client="c:1"),
        ask(8, BACK, DONE, client="c:1"),
        ask(9, [*TWO, DONE, user("Thanks.")], DONE, client="c:1"),
        ask(10, ONE, SECOND, client="c:2", session="b"),
        ask(11, lost, SECOND, client="c:2", session="b"),
    )


def growing(turn: Turn, length: int = 3) -> Turn:
    """The turn as it was while its reply came in."""
    half = Message("assistant", (Text(turn.reply.message.text[:length]),))
    return _with(turn, outcome=Outcome.IN_FLIGHT, ended_at=None, status=200, reply=Reply(half))


def _with(turn: Turn, **fields: object) -> Turn:
    return Turn(**{**turn.__dict__, **fields})


def test_the_day_is_woven_as_it_should_be() -> None:
    assert numbers(weave(a_day())) == [[[1], [2, 4, 5, 7, 9], [8]], [[3, 10, 11], [6]]]


@given(st.permutations(a_day()), st.lists(st.booleans(), min_size=11, max_size=11))
@settings(max_examples=150, deadline=None)
def test_any_order_of_arrival_gives_the_same_threads(
    arriving: Sequence[Turn], looking: list[bool]
) -> None:
    weaver = Weaver()
    for turn, look in zip(arriving, looking, strict=True):
        weaver.add(turn)
        if look:
            weaver.sessions()
    assert weaver.sessions() == weave(a_day())


@given(st.lists(st.integers(0, 10), max_size=30))
@settings(max_examples=100, deadline=None)
def test_turns_seen_under_way_and_again_give_the_same_threads(seen: list[int]) -> None:
    day = a_day()
    weaver = Weaver()
    for index in seen:
        weaver.add(growing(day[index]))
        weaver.sessions()
    for turn in day:
        weaver.add(turn)
    assert weaver.sessions() == weave(day)


def test_each_moment_of_a_live_view_is_what_a_reader_of_that_moment_would_see() -> None:
    day = a_day()
    weaver = Weaver()
    for n, turn in enumerate(day):
        weaver.add(growing(turn))
        assert weaver.sessions() == weave([*day[:n], growing(turn)])
        weaver.add(turn)
        assert weaver.sessions() == weave(day[: n + 1])


def test_names_stay_when_more_arrives() -> None:
    weaver = Weaver()
    named: dict[int, tuple[str, str]] = {}
    for turn in a_day():
        weaver.add(turn)
        for session in weaver.sessions():
            for thread in session.threads:
                first = thread.turns[0].exchange
                assert named.setdefault(first, (session.name, thread.name)) == (
                    session.name,
                    f"t{first}",
                )


def test_a_session_in_which_nothing_changed_is_the_same_object() -> None:
    weaver = Weaver()
    day = a_day()
    for turn in day[:-1]:
        weaver.add(turn)
    one, two = weaver.sessions()
    assert weaver.sessions() == (one, two)
    weaver.add(day[-1])
    again, other = weaver.sessions()
    assert again is one
    assert other is not two
    assert other.threads[1] is two.threads[1]


def test_a_reply_that_grows_is_shown_at_its_place() -> None:
    first, second = turns(ask(1, [TASK], FIRST), ask(2, ONE, SECOND))
    weaver = Weaver()
    weaver.add(first)
    weaver.add(growing(second))
    thread = only(weaver.sessions())
    assert thread.turns[1].in_flight
    weaver.add(growing(second, 9))
    thread = only(weaver.sessions())
    assert thread.turns[1].reply.message.text == "Now I wri"
    link = thread.links[1]
    assert link and link.child is thread.turns[1] and link.echo.kind is EchoKind.SAME
    weaver.add(second)
    assert only(weaver.sessions()).turns[1] is second


def test_a_turn_under_way_is_no_parent_until_its_reply_is_there() -> None:
    first, second = turns(
        ask(1, [TASK], FIRST, duration_s=15, started_at=at(0)),
        ask(2, ONE, SECOND, started_at=at(10)),
    )
    weaver = Weaver()
    weaver.add(growing(first))
    weaver.add(second)
    assert numbers(weaver.sessions()) == [[[1]], [[2]]]
    weaver.add(first)
    assert numbers(weaver.sessions()) == [[[1, 2]]]


def test_nothing_is_woven_from_nothing() -> None:
    assert weave([]) == ()
    assert Weaver().sessions() == ()
    empty = turns(ask(1, [], DONE, prompt=None, tools=()))
    assert numbers(weave(empty)) == [[[1]]]


def test_a_request_of_system_messages_alone_links_to_nothing() -> None:
    assert numbers(weave(turns(ask(1, [], DONE), ask(2, [], DONE)))) == [[[1]], [[2]]]


def long_run(length: int, clock: bool = False) -> list[Turn]:
    """A run of `length` tool turns whose messages are shared objects, as a decoder's memo gives."""
    system, task = (Message(role, (Text(f"the {role}'s words"),)) for role in ("system", "user"))
    history = [system, task]
    found = []
    for n in range(length):
        call = ToolCall("run", f'{{"command": "step {n}"}}', f"functions.run:{n}")
        reply = Message("assistant", (Text(f"Step {n} of many."), call))
        if clock:
            history[1] = Message("user", (Text(f"the user's words at {n}"),))
        began = chat.BEGIN + timedelta(seconds=10 * n)
        found.append(
            Turn(
                n + 1,
                "openai-chat",
                "/v1/chat/completions",
                began,
                began + timedelta(seconds=1),
                Outcome.COMPLETE,
                tuple(history),
                Reply(reply, "tool_calls", True),
                200,
            )
        )
        back = ToolCall("run", f'{{"command":"step {n}"}}', f"functions_run_{n}")
        echoed = Message("assistant", (Text(f"Step {n} of many."), back))
        result = Message("tool", (ToolResult(f"result {n}", f"functions_run_{n}"),))
        history = [*history, echoed, result]
    return found


def calls_to_weave(run: Sequence[Turn]) -> int:
    """How many function calls weaving takes."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        weave(run)
    finally:
        sys.setprofile(None)
    return count


def test_a_run_twice_as_long_costs_twice_as_much() -> None:
    assert calls_to_weave(long_run(400)) < 2.1 * calls_to_weave(long_run(200))


def test_a_link_of_a_long_run_holds_only_what_is_new() -> None:
    thread = only(weave(long_run(400)))
    assert sum(len(link.pairs) for link in thread.links if link) == 399 * 2


def test_a_message_edited_in_each_request_does_not_break_a_long_run() -> None:
    thread = only(weave(long_run(120, clock=True)))
    assert len(thread.turns) == 120
    assert {link.relation for link in thread.links if link} == {Relation.CONTINUES}
    assert all(link.echo.kind is EchoKind.SAME for link in thread.links if link)


def test_any_two_turns_can_be_compared() -> None:
    first, second, third, other = turns(
        ask(1, [TASK], FIRST),
        ask(2, ONE, SECOND),
        ask(3, TWO, DONE),
        ask(4, [user("Seven geese?")], DONE),
    )
    assert relate(first, second).relation is Relation.CONTINUES
    assert relate(first, third).prefix == 2
    assert rows(relate(first, third)) == ["=2/2", ">/3", ">/4", ">/5"]
    assert relate(second, second).relation is Relation.RETRY
    assert rows(relate(third, first)) == ["<2/", "<3/", "<4/", "<5/", "<6/"]
    assert rows(relate(first, other)) == ["<1/", "<2/", ">/1"]


texts = st.sampled_from(
    ["", " ", "hi", "Warmup", "the same long line of words as ever before", "{"]
)
calls = st.builds(
    ToolCall,
    st.sampled_from(["", "run", "agent"]),
    st.sampled_from(["", "null", "{", "[1]", '{"prompt": "the same long line of words as ever"}']),
    st.sampled_from([None, "", "a", "b"]),
)
parts = st.one_of(
    st.builds(Text, texts),
    st.builds(Reasoning, texts),
    calls,
    st.builds(ToolResult, texts, st.sampled_from([None, "", "a"])),
    st.just(Image("aa", 3)),
    st.just(Other("refusal", "{}")),
)
messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool", "", "critic"]),
    st.lists(parts, max_size=3).map(tuple),
)


@st.composite
def strange_turns(draw: st.DrawFn) -> list[Turn]:
    """Turns that share messages at random, in any order of time, ended in any way."""
    pool = draw(st.lists(messages, min_size=1, max_size=6))
    found = []
    for number in range(1, draw(st.integers(2, 9))):
        sent = draw(st.lists(st.sampled_from(pool), max_size=7))
        ended = draw(st.sampled_from([None, 0, 1, 30]))
        began = at(draw(st.integers(0, 40)))
        reply = Reply(draw(st.sampled_from(pool)), complete=draw(st.booleans()))
        found.append(
            Turn(
                number,
                "openai-chat",
                "/v1/chat/completions",
                began,
                None if ended is None else began + timedelta(seconds=ended),
                draw(st.sampled_from(Outcome)),
                tuple(sent),
                reply,
                draw(st.sampled_from([None, 200, 500])),
                scope=Scope(draw(st.sampled_from(["", "", "s"]))),
                tools=draw(st.sampled_from([(), (Tool("run", "{}"),)])),
            )
        )
    return found


@given(strange_turns(), st.randoms())
@settings(max_examples=400, deadline=None)
def test_whatever_comes_each_turn_stands_in_one_thread_and_each_link_is_whole(
    strange: list[Turn], dice: Random
) -> None:
    sessions = weave(strange)
    threads = [thread for session in sessions for thread in session.threads]
    placed = [turn.exchange for thread in threads for turn in thread.turns]
    assert sorted(placed) == sorted(turn.exchange for turn in strange)
    for thread in threads:
        assert len(thread.links) == len(thread.turns)
        for before, link, turn in zip(
            (None, *thread.turns), thread.links, thread.turns, strict=False
        ):
            if link is None:
                continue
            assert link.child is turn and (before is None or link.parent is before)
            new = [p.new for p in link.pairs if p.new is not None]
            assert new == list(range(link.prefix, len(turn.messages)))
            assert set(link.echo.slot) <= set(range(len(turn.messages)))
    mixed = list(strange)
    dice.shuffle(mixed)
    weaver = Weaver()
    for turn in mixed:
        weaver.add(turn)
        weaver.sessions()
    assert weaver.sessions() == sessions
