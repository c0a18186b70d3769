"""The index of turns says what the sessions say, however they grew."""

from random import Random

from kimitap.conversation import Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.weave import Weaver, Whereabouts, weave
from tests.support.chat import assistant, user
from tests.support.weaving import NOTES, READ, TASK, WRITE, WROTE, ask, turns

FIRST = assistant("I read the notes first.", READ)
SECOND = assistant("Now I write the summary.", WRITE)
ONE = [TASK, FIRST, NOTES]
TWO = [*ONE, SECOND, WROTE]
DONE = assistant("Done: summary.md holds the owner and the ledger.")


def a_run() -> list[Turn]:
    """A thread, a branch that is set aside, a fork, and another session."""
    return turns(
        ask(1, [TASK], FIRST),
        ask(2, [*ONE, user("Suggest a name.")], DONE),
        ask(3, ONE, SECOND),
        ask(4, TWO, DONE),
        ask(5, [*ONE, user("No, write it into README.md instead.")], DONE),
        ask(6, [user("Plan the garden with me.")], DONE, client="c:9"),
        ask(7, [*TWO, DONE, user("Thanks.")], DONE),
    )


def told(sessions: tuple[Session, ...]) -> dict[int, tuple[Thread, Link | None, Link | None]]:
    """What the sessions say of each exchange: its thread, the link before it and the one after."""
    found: dict[int, tuple[Thread, Link | None, Link | None]] = {}
    for thread in (thread for session in sessions for thread in session.threads):
        after = [*thread.links[1:], None]
        for turn, before, next_link in zip(thread.turns, thread.links, after, strict=True):
            found[turn.exchange] = (thread, before, next_link)
    return found


def asked(index: Whereabouts, numbers: range) -> dict[int, tuple[Thread, Link | None, Link | None]]:
    """What the index says of the exchanges that it knows."""
    return {
        n: (thread, index.link_before(n), index.link_after(n))
        for n in numbers
        if (thread := index.thread_of(n)) is not None
    }


def test_the_index_says_what_the_sessions_say_in_whatever_order_turns_arrive() -> None:
    dice = Random(3)
    for _ in range(60):
        arriving = a_run()
        dice.shuffle(arriving)
        weaver, index = Weaver(), Whereabouts()
        for turn in arriving:
            weaver.add(turn)
            sessions = weaver.sessions()
            index.update(sessions)
            assert asked(index, range(9)) == told(sessions)
            assert index.threads == {t.number: t for s in sessions for t in s.threads}
            assert all(index.session(s.number) is s for s in sessions)


def test_what_is_gone_is_forgotten() -> None:
    index = Whereabouts()
    index.update(weave(a_run()))
    index.update(())
    assert (asked(index, range(9)), index.threads, index.session(1)) == ({}, {}, None)
