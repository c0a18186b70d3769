"""The comparison on a report's page: runs folded, words that differ marked, all of it bounded."""

from kimitap.conversation import Message, Text
from kimitap.diff import diff_link
from kimitap.export.html.difference import MOST, difference, gist
from kimitap.export.html.texts import Budget
from kimitap.lineage import Echo, EchoKind, Link, Mark, Pair, Relation
from tests.support.threads import assistant, chain, lost_turn, system, turn, user


def edited(old: str, new: str) -> Link:
    """A request in which one user's message differs from the one before it."""
    first = turn(1, [system("Be terse."), user(old)], assistant("Yes."))
    second = turn(2, [system("Be terse."), user(new), assistant("Yes."), user("?")], assistant())
    pairs = (Pair(Mark.CHANGED, 1, 1), Pair(Mark.SAME, 2, 2), Pair(Mark.NEW, None, 3))
    return Link(first, second, Relation.CONTINUES, 1, pairs, Echo(EchoKind.SAME, 2, (2,)))


def test_only_the_words_that_differ_are_marked() -> None:
    made = difference(
        diff_link(edited("Look at the cat there.", "Look at the dog there.")), Budget()
    )
    line = next(one for one in made.lines if one.word == "changed")
    assert line.old is not None and line.new is not None
    assert [text for text, differs in line.old.pieces if differs] == ["cat"]
    assert [text for text, differs in line.new.pieces if differs] == ["dog"]
    assert "".join(text for text, _ in line.new.pieces).strip() == "Look at the dog there."


def test_where_nearly_all_differs_nothing_is_marked() -> None:
    made = difference(diff_link(edited("Look at the cat.", "Brew strong green tea now!")), Budget())
    line = next(one for one in made.lines if one.word == "changed")
    assert line.old is not None and line.old.pieces == ()


def test_a_run_of_repeated_messages_is_one_row() -> None:
    told = [system("Be terse."), *(user(f"{n}") for n in range(9))]
    thread = chain(
        turn(1, told, assistant("Yes.")),
        turn(2, [*told, assistant("Yes."), user("?")], assistant("No.")),
    )
    link = thread.links[1]
    assert link is not None
    first, *_ = difference(diff_link(link), Budget()).lines
    assert (first.folded, first.note) == (10, "messages 0 to 9 are repeated")


def test_what_a_reply_became_is_said_in_a_sentence() -> None:
    (session,), _ = lost_turn()
    link = session.threads[0].links[4]
    assert link is not None
    diff = diff_link(link)
    assert "blanked in #5" in difference(diff, Budget()).sentence
    assert gist(diff).startswith("Of the 9 messages that exchange 4 left behind")


def test_rows_beyond_the_bound_are_counted() -> None:
    old = [Message("user", (Text(f"old {n} {'x' * n}"),)) for n in range(MOST + 50)]
    first = turn(1, old, assistant("Yes."))
    second = turn(2, [user("?")], assistant("No."))
    gone = (Pair(Mark.GONE, n, None) for n in range(len(old) + 1))
    pairs = (*gone, Pair(Mark.NEW, None, 0))
    link = Link(first, second, Relation.CONTINUES, 0, pairs, Echo(EchoKind.MISSING, 0))
    made = difference(diff_link(link), Budget())
    assert len(made.lines) == MOST
    assert made.more == len(old) + 2 - MOST


LONG = "You are an agent. Follow the house's rules.\n" * 300


def test_of_a_long_text_that_changed_the_place_is_seen_where_it_did() -> None:
    old, new = (f"{LONG}The date is the {day}.\n{LONG}" for day in ("1st", "2nd"))
    made = difference(diff_link(edited(old, new)), Budget())
    line = next(one for one in made.lines if one.word == "changed")
    assert line.old is not None and line.new is not None
    assert "The date is the 1st." in line.old.text.head
    assert "The date is the 2nd." in line.new.text.head
    skipped = len(LONG) - len(line.new.text.head.partition("The date")[0])
    assert line.new.text.before == skipped
    assert line.new.text.whole == new


def test_a_text_that_changed_near_its_beginning_is_seen_from_there() -> None:
    made = difference(diff_link(edited(f"Be terse. {LONG}", f"Be brief. {LONG}")), Budget())
    line = next(one for one in made.lines if one.word == "changed")
    assert line.old is not None
    assert line.old.text.head.startswith("Be terse.") and line.old.text.before == 0
