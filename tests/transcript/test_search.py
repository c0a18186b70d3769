"""Search over sessions: what is asked for, where it is found, and that it never hangs."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kimitap.conversation import Image, Message, Other, Reply
from kimitap.exchange import Outcome
from kimitap.lineage import Session
from kimitap.rules.finding import Finding, Place
from kimitap.transcript.passages import PassageKind, passages
from kimitap.transcript.query import Query, repeats_in
from kimitap.transcript.search import Hit, search
from kimitap.weave import Weaver
from tests.support.branches import branching
from tests.support.threads import assistant, call, chain, lost_turn, result, system, turn, user


def hits(typed: str, sessions: Sequence[Session], findings: Sequence[Finding] = ()) -> list[Hit]:
    return [hit for hit in search(sessions, findings, Query.parse(typed)) if hit is not None]


def where(found: Sequence[Hit]) -> list[tuple[str, int, int | None, str]]:
    return [
        (h.thread.name, h.passage.place.exchange, h.passage.place.message_index, h.passage.kind)
        for h in found
    ]


def one(*texts: str, reply: Message | None = None) -> Session:
    """A session of one turn whose request holds these texts of the user."""
    made = turn(1, [user(text) for text in texts], reply or assistant("ok"))
    return Session(1, (chain(made),))


def test_words_phrases_fields_and_patterns_are_told_apart() -> None:
    query = Query.parse('Foo "two  Words" role:tool tool:"my tool" sev:err /a.b/ /usr/bin role:')
    assert query.words == ("foo", "two words", "/usr/bin")
    assert (query.roles, query.tools, query.severities) == (("tool",), ("my tool",), ("err",))
    assert [pattern.seen.pattern for pattern in query.patterns] == ["a.b"]
    assert not query.empty and not query.complaint


@pytest.mark.parametrize("typed", ["", "  ", '"', "role:", '""', "tool:  sev:"])
def test_nothing_typed_is_nothing_asked(typed: str) -> None:
    assert Query.parse(typed).empty


def test_a_phrase_or_pattern_that_is_still_being_typed_is_taken_as_far_as_it_goes() -> None:
    assert Query.parse('"two wor').words == ("two wor",)
    assert Query.parse("/two").words == ("/two",)


@pytest.mark.parametrize(
    "source",
    ["(a+)+", "(a|a)*", "((ab)*c)+", "(a*){2,}", "(?:x+y)+", "(a|b)+", r"(\w?){24}!"],
)
def test_a_pattern_that_could_take_for_ever_is_refused(source: str) -> None:
    assert repeats_in(source) is None
    query = Query.parse(f"/{source}/")
    assert query.empty and "for ever" in query.complaint


@pytest.mark.parametrize(
    "source", [r"\(a+\)+", "[(a+)]+", "(ab)+", "a+b+", "(a|b)?", "[])]+x", r"(a\+)+", "[^]+]*"]
)
def test_a_pattern_without_a_repeat_of_repeats_is_taken(source: str) -> None:
    assert repeats_in(source) is not None


@pytest.mark.parametrize(
    "source", ["(", "[a", "a{2,1}", "*a", "a{99999999999}", "(?P<n>a)(?P<n>b)"]
)
def test_what_is_no_pattern_is_said(source: str) -> None:
    assert Query.parse(f"/{source}/").complaint


def test_two_patterns_with_groups_of_one_name_can_both_be_lit() -> None:
    query = Query.parse("word /(?P<n>a)/ /(?P<n>b)/")
    assert query.hit is not None and query.hit.search("a WORD")


def test_all_words_must_stand_in_one_text() -> None:
    session = one("red green", "red blue")
    assert where(hits("RED blue", [session])) == [("t1", 1, 1, "text")]
    assert len(hits("red", [session])) == 2
    assert hits("red yellow", [session]) == []


def test_a_phrase_is_found_over_the_end_of_a_line() -> None:
    assert len(hits('"red green"', [one("a red\n   green b"), one("green red")])) == 1


def test_a_hit_knows_where_it_is_and_how_often() -> None:
    (hit,) = hits("needle", [one("hay hay NEEDLE hay needle")])
    assert (hit.found.offset, hit.found.times) == (8, 2)
    assert hit.text[hit.found.offset :].startswith("NEEDLE")


def test_letters_that_grow_in_lower_case_do_not_move_the_place() -> None:
    (hit,) = hits("needle", [one("İİİİ Needle")])
    assert hit.found.offset == 5


def test_a_reply_that_came_back_is_found_once_and_one_that_did_not_is_found_where_it_was_said() -> (
    None
):
    sessions, _ = lost_turn()
    assert where(hits("failing test first", sessions)) == [("t1", 1, None, "text")]
    lost = hits("never stored", sessions)
    assert where(lost) == [("t1", 4, None, "text")]


def test_a_message_that_later_requests_repeat_is_found_where_it_was_first() -> None:
    sessions, _ = lost_turn()
    assert where(hits("test_migrate fails", sessions)) == [("t1", 1, 1, "text")]


def test_what_a_fork_took_over_is_found_in_the_thread_that_it_left() -> None:
    sessions, _ = branching()
    assert {h.thread.name for h in hits('"careful engineer"', sessions)} == {"t1"}
    assert {h.thread.name for h in hits('"remove migrate"', sessions)} == {"t9"}


def test_two_sessions_that_were_asked_the_same_are_both_found() -> None:
    message = user("The same task.")
    sessions = [Session(n, (chain(turn(n, [message], assistant("ok"))),)) for n in (1, 2)]
    found = hits("same task", sessions)
    assert [hit.session.name for hit in found] == ["s2", "s1"]


def test_a_message_of_many_sessions_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = user("The same task.")
    sessions = [
        Session(
            n,
            (
                chain(
                    turn(n, [message], assistant()),
                ),
            ),
        )
        for n in range(1, 50)
    ]
    looked: list[object] = []
    real = search.__globals__["find"]
    monkeypatch.setitem(
        search.__globals__, "find", lambda q, p, s: looked.append(p) or real(q, p, s)
    )
    assert len(hits("task", sessions)) == 49
    assert len(looked) == 1


def test_calls_and_results_are_found_by_tool_id_and_text() -> None:
    sessions, _ = lost_turn()
    assert {h.passage.kind for h in hits("tool:execute_command", sessions)} == {
        PassageKind.CALL,
        PassageKind.RESULT,
    }
    assert where(hits("call_02", sessions)) == [
        ("t1", 2, None, "call"),
        ("t1", 3, 5, "result"),
    ]
    assert [h.passage.tool for h in hits("role:tool VERSION", sessions)] == ["read_file"]


def test_roles_are_asked_for_by_their_beginning() -> None:
    session = Session(1, (chain(turn(1, [system("a fox"), user("a fox")], assistant("a fox"))),))
    assert {h.passage.role for h in hits("fox", [session])} == {"system", "user", "assistant"}
    assert [h.passage.role for h in hits("role:assist fox", [session])] == ["assistant"]


def test_a_severity_finds_the_findings_and_what_stands_where_they_point() -> None:
    sessions, findings = lost_turn()
    found = hits("sev:error", sessions, findings)
    assert [h.passage.kind for h in found].count(PassageKind.FINDING) == 2
    assert (4, None) in {(h.passage.place.exchange, h.passage.place.message_index) for h in found}
    assert hits("sev:info", sessions, findings) == []
    assert [h.passage.kind for h in hits("tool-turn-lost", sessions, findings)] == ["finding"] * 2


def test_errors_cuts_and_other_choices_are_found() -> None:
    failed = turn(1, [user("a")], assistant())
    failed = replace(failed, reply=Reply(assistant(), error="Jinja: cannot subscript null"))
    cut = turn(2, [user("b")], assistant("half"), outcome=Outcome.SERVER_CUT, complete=False)
    cut = replace(
        cut,
        detail="peer closed connection",
        reply=replace(cut.reply, others=(assistant("another choice"),)),
    )
    sessions = [Session(t.exchange, (chain(t),)) for t in (failed, cut)]
    assert where(hits("jinja", sessions)) == [("t1", 1, None, "error")]
    assert where(hits('"peer closed"', sessions)) == [("t2", 2, None, "error")]
    assert where(hits("another choice", sessions)) == [("t2", 2, None, "text")]


def test_parts_that_are_not_interpreted_are_found_and_images_do_no_harm() -> None:
    message = Message("user", (Image("d", 3), Other("video", '{"url":"x.mp4"}')))
    session = Session(1, (chain(turn(1, [message], assistant())),))
    assert where(hits("x.mp4", [session])) == [("t1", 1, 0, "other")]


def test_a_pattern_is_found_line_by_line_and_in_long_lines() -> None:
    long = "x" * 5000 + " id=4711 " + "y" * 5000
    assert len(hits(r"/id=\d+/", [one(long)])) == 1
    assert len(hits("/^second$/", [one("first\nsecond\nthird")])) == 1
    for at in range(1900, 2010):
        assert hits("/needle/", [one("x" * at + "needle" + "y" * 3000)]), at


@pytest.mark.parametrize("pattern", ["a.*b.*zz", r"\s*\S*\s*zz", "[^b]*b[^b]*zz", "a.*b.*a.*zz"])
def test_a_slow_pattern_can_be_stopped_and_holds_nobody_up(pattern: str) -> None:
    """Between two looks at the clock it does not hold the interpreter for long."""
    session = Session(1, (chain(turn(1, [user("a b " * 50_000)], assistant())),))
    began = last = time.perf_counter()
    slowest = 0.0

    def stopped() -> bool:
        nonlocal slowest, last
        now = time.perf_counter()
        slowest, last = max(slowest, now - last), now
        return now - began > 1

    assert not [hit for hit in search([session], (), Query.parse(f"/{pattern}/"), stopped) if hit]
    assert slowest < 0.5
    assert time.perf_counter() - began < 2


def test_a_thread_that_grew_keeps_the_passages_of_its_older_turns() -> None:
    (session,), _ = lost_turn()
    whole = session.threads[0]
    short = replace(whole, turns=whole.turns[:4], links=whole.links[:4])
    first = list(passages(short))
    grown = list(passages(whole))
    kept = [a is b for a, b in zip(first, grown, strict=False) if a.place.exchange < 4]
    assert kept and all(kept)
    assert len(grown) > len(first)
    assert grown == list(passages(replace(whole, notes={})))


def test_a_result_without_its_call_has_no_tool() -> None:
    session = Session(1, (chain(turn(1, [user("a"), result("fox", "nobody")], assistant())),))
    assert [hit.passage.tool for hit in hits("fox", [session])] == [""]


def test_findings_without_a_text_at_their_exchange_are_not_lost() -> None:
    sessions, findings = lost_turn()
    apart = replace(findings[0], place=Place(77))
    assert where(hits("tool-turn-lost", sessions, [apart])) == [("t1", 77, None, "finding")]


def test_hostile_text_is_searched_as_it_is() -> None:
    text = "\x1b]52;c;eA==\x07 \u202e [/nope] \ud800"
    assert len(hits("[/nope]", [one(text)])) == 1
    assert len(hits("\x1b]52", [one(text)])) == 1


def test_what_is_lit_is_what_was_asked_for() -> None:
    hit = Query.parse('red "a b" /\\d+/').hit
    assert hit is not None
    assert re.findall(hit, "Red a\nb 42") == ["Red", "a\nb", "42"]
    assert Query.parse("role:user").hit is None


def test_calls_without_an_id_are_found_too() -> None:
    made = turn(1, [user("a")], assistant("", call("bash", '{"cmd":"ls"}', "")))
    assert [h.passage.tool for h in hits("tool:bash ls", [Session(1, (chain(made),))])] == ["bash"]


def test_the_parts_of_several_choices_are_counted_through() -> None:
    made = turn(1, [user("a")], assistant("first", call("bash", "{}", "c1")))
    made = replace(made, reply=replace(made.reply, others=(assistant("second choice"),)))
    (hit,) = hits("second choice", [Session(1, (chain(made),))])
    assert hit.passage.place == Place(1, None, 2)


def test_a_call_that_came_back_with_another_id_is_found_by_both() -> None:
    asks = turn(1, [user("a")], assistant("x", call("bash", '{"cmd":"ls"}', "call_one")))
    renamed = assistant("x", call("bash", '{"cmd":"ls"}', "call_two"))
    answers = turn(2, [*asks.messages, renamed, result("ok", "call_two")], assistant("done"))
    weaver = Weaver()
    for made in (asks, answers):
        weaver.add(made)
    sessions = weaver.sessions()
    assert where(hits("call_one", sessions)) == [("t1", 1, None, "call")]
    assert where(hits("call_two", sessions)) == [("t1", 1, None, "call"), ("t1", 2, 2, "result")]
    assert [hit.passage.tool for hit in hits("ok", sessions)] == ["bash"]
    assert where(hits("ls", sessions)) == [("t1", 1, None, "call")]
