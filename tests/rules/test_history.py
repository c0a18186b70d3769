"""Calls and results within one request, and defects that stay in a history."""

from collections.abc import Hashable
from dataclasses import replace
from itertools import pairwise
from random import Random

from kimitap.conversation import Message
from kimitap.lineage import Thread
from kimitap.rules.history import _KEPT, first_shown
from kimitap.rules.request.orphan_tool_result import orphans
from kimitap.rules.request.unanswered_tool_call import unanswered
from kimitap.rules.rounds import Part, rounds
from kimitap.weave import relate
from tests.support.threads import assistant, call, chain, result, turn, user

ASK = user("Read both.")
ONE, TWO = call("read", '{"p":"a"}', "c1"), call("read", '{"p":"b"}', "c2")


def left(*messages: Message) -> tuple[list[str | None], list[str | None]]:
    """The ids of calls and of results that remain of the first round."""
    pairing = next(rounds(messages)).left
    return [c.id for _, _, c in pairing.calls], [r.call_id for _, _, r in pairing.results]


def test_rounds_join_neighbouring_assistants_and_end_at_any_other_message() -> None:
    messages = [ASK, assistant("", ONE), assistant("x"), result("a", "c1"), ASK, result("b", "c2")]
    found = [(one.start, one.results, one.stop) for one in rounds(messages)]
    assert found == [(1, 3, 4), (5, 5, 6)]


def test_each_result_is_paired_with_the_call_of_its_id() -> None:
    assert left(assistant("", ONE, TWO), result("b", "c2"), result("a", "c1")) == ([], [])
    assert left(assistant("", ONE, TWO), result("b", "c2")) == (["c1"], [])


def test_two_calls_of_one_id_need_two_results() -> None:
    twice = assistant("", ONE, call("read", '{"p":"b"}', "c1"))
    assert left(twice, result("a", "c1"), result("b", "c1")) == ([], [])
    assert left(twice, result("a", "c1")) == (["c1"], [])


def test_a_second_result_for_an_answered_call_is_no_orphan() -> None:
    assert left(assistant("", ONE), result("no", "c1"), result("yes", "c1")) == ([], [])


def test_a_call_or_result_without_an_id_is_paired_by_its_place() -> None:
    assert left(assistant("", ONE), result("a", "")) == ([], [])
    assert left(assistant("", call("read", "{}", "")), result("a", "made-up")) == ([], [])


def test_a_result_of_a_foreign_id_leaves_both_alone() -> None:
    assert left(assistant("", ONE), result("a", "c9")) == (["c1"], ["c9"])


BROKEN = [ASK, assistant("", ONE), user("On.")]


def grown(*histories: list[Message]) -> list[int]:
    """The exchanges whose requests first show an unanswered call."""
    turns = [turn(n, history, assistant("So.")) for n, history in enumerate(histories, 1)]
    return [t.exchange for t, _, _ in first_shown(chain(*turns), unanswered)]


def test_a_defect_that_stays_in_the_history_is_shown_once() -> None:
    more = [*BROKEN, assistant("So."), user("On.")]
    assert grown([ASK], BROKEN, more, [*more, assistant("So."), user("On.")]) == [2]


def test_the_same_defect_again_later_is_another_one() -> None:
    more = [*BROKEN, assistant("So."), user("Again."), assistant("", ONE), user("On.")]
    assert grown(BROKEN, more) == [1, 2]


def test_a_call_at_the_end_is_shown_as_unanswered_when_the_history_goes_on() -> None:
    trailing = [ASK, assistant("", ONE)]
    assert grown(trailing, [*trailing, assistant("So."), user("On.")]) == [2]
    assert grown(trailing, [*trailing, result("a", "c1"), user("On.")]) == []


def test_a_call_before_another_assistants_call_waits_for_no_result() -> None:
    ended = [ASK, assistant("", ONE), assistant("", TWO), result("b", "c2")]
    assert grown([ASK], ended, [*ended, assistant("So."), user("On.")]) == [2]
    assert grown([ASK, assistant("", ONE), assistant("", TWO)]) == [1]


def test_calls_that_are_all_left_without_results_are_shown_one_by_one() -> None:
    calls = [assistant("", call("read", '{"p":"a"}', f"c{n}")) for n in range(4)]
    assert grown(*([ASK, *calls[:n]] for n in range(1, 5))) == [2, 3, 4]


def test_a_block_of_results_that_grows_shows_each_orphan_once() -> None:
    results = [result("a", f"c{n}") for n in range(3)]
    turns = [turn(n, [ASK, *results[:n]], assistant("", ONE)) for n in (1, 2, 3)]
    shown = list(first_shown(chain(*turns), orphans))
    assert [(t.exchange, parts) for t, _, parts in shown] == [
        (1, [(1, 0)]),
        (2, [(2, 0)]),
        (3, [(3, 0)]),
    ]


def test_a_long_history_that_is_written_anew_each_time_shows_its_defect_once() -> None:
    long = [m for _ in range(_KEPT) for m in (assistant("", ONE), result("a", "c1"), ASK)]
    rewritten = [[ASK, assistant(f"Turn {n}."), ASK, *long] for n in range(3)]
    broken = [[*messages, assistant("", TWO), user("On.")] for messages in rewritten]
    histories = enumerate((rewritten[0], broken[1], broken[2]), 1)
    turns = [turn(n, messages, assistant("So.")) for n, messages in histories]
    thread = Thread(1, tuple(turns), (None, *(relate(a, b) for a, b in pairwise(turns))))
    assert [t.exchange for t, _, _ in first_shown(thread, unanswered)] == [2]


def test_a_fork_does_not_show_again_what_it_inherited() -> None:
    first = turn(1, BROKEN, assistant("So."))
    second = turn(2, [*BROKEN, assistant("So."), result("x", "c7")], assistant("So."))
    main = chain(first, second)
    fork = chain(first, turn(3, [*BROKEN, user("No.")], assistant("So.")))
    inherited = type(fork)(3, fork.turns[1:], fork.links[1:], "fork")
    assert [t.exchange for t, _, _ in first_shown(main, unanswered)] == [1]
    assert [t.exchange for t, _, _ in first_shown(main, orphans)] == [2]
    assert list(first_shown(inherited, unanswered)) == []


def test_what_a_thread_shows_is_the_same_however_it_grew_and_was_taken_back() -> None:
    history = [ASK]
    turns = []
    for n in range(1, 10):
        turns.append(turn(n, history, assistant("So.")))
        broken = [assistant("", call("read", f'{{"p":"{n}"}}', f"c{n}"))] if n % 3 else []
        history = [*history, assistant("So."), *broken, user("On.")]
    whole = chain(*turns)

    def part(length: int, notes: dict[Hashable, object]) -> Thread:
        return replace(whole, turns=whole.turns[:length], links=whole.links[:length], notes=notes)

    def shown(thread: Thread) -> list[tuple[int, list[Part]]]:
        return [(t.exchange, parts) for t, _, parts in first_shown(thread, unanswered)]

    expected = [shown(part(length, {})) for length in range(10)]
    assert len(expected[9]) > 3
    dice, notes = Random(5), dict[Hashable, object]()
    for _ in range(300):
        length = dice.randint(0, 9)
        some = part(length, notes)
        if length and dice.random() < 0.4:  # its last turn, as it was while it came in
            some = replace(some, turns=(*some.turns[:-1], replace(some.turns[-1])))
        assert shown(some) == expected[length]
