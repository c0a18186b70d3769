"""Where a request no longer repeats the history: edits, gaps, and what only looks like one."""

from kimitap.conversation import Message
from kimitap.lineage import Link
from kimitap.rules.gaps import Edit, Gap, differences
from kimitap.weave import relate
from tests.support.threads import assistant, call, result, system, turn, user

ASK, ON = user("Read both files, please."), user("Go on with it.")
ONE = assistant("I read the first of them.", call("read_file", '{"path":"a"}', "c1"))
TWO = assistant("Now the second one, too.", call("read_file", '{"path":"b"}', "c2"))
A, B = result("owner: Ada, and nobody else", "c1"), result("id,amount and three rows", "c2")
REPLY = assistant("Both are read: Ada owns three rows.")


def linked(old: list[Message], new: list[Message]) -> Link:
    """The link of a request with `new` to a turn that was asked `old` and said REPLY."""
    return relate(turn(1, old, REPLY), turn(2, new, assistant("Well.")))


def test_what_only_grew_has_no_differences() -> None:
    found = differences(linked([ASK, ONE, A], [ASK, ONE, A, REPLY, ON]))
    assert (found.edits, found.gaps) == ((), ())


def test_another_system_prompt_is_no_difference_of_the_history() -> None:
    old, new = [system("It is 10:00."), ASK], [system("It is noon."), ASK, REPLY, ON]
    assert differences(linked(old, new)).edits == ()


def test_a_turn_that_is_gone_leaves_a_gap_where_it_stood() -> None:
    old = [ASK, ONE, A, TWO, B]
    found = differences(linked(old, [ASK, ONE, A, REPLY, ON]))
    assert found.gaps == (Gap(3, (3, 4)),)
    assert found.edits == ()


def test_a_message_with_other_text_is_an_edit() -> None:
    other = user("Read both files, please, and be quick about it.")
    found = differences(linked([ASK, ONE, A], [other, ONE, A, REPLY, ON]))
    assert found.edits == (Edit(0, 0),)
    assert found.gaps == ()


def test_a_result_with_quite_other_text_is_still_the_result_of_its_call() -> None:
    other = result("Nothing of that kind was to be found anywhere.", "c1")
    found = differences(linked([ASK, ONE, A, TWO, B], [ASK, ONE, other, TWO, B, REPLY, ON]))
    assert (found.edits, found.gaps) == ((Edit(2, 2),), ())


def test_two_turns_in_like_words_are_two_by_their_ids() -> None:
    like = assistant("I read the first of them.", call("read_file", '{"path":"z"}', "c9"))
    old = [ASK, ONE, A, TWO, B]
    found = differences(linked(old, [ASK, like, result("z", "c9"), TWO, B, REPLY, ON]))
    assert found.edits == ()
    assert found.gaps == (Gap(1, (1, 2)),)


def test_what_a_request_ends_without_is_no_gap() -> None:
    assert differences(linked([ASK, ONE, A, ON], [ASK, ONE, A])).gaps == ()
