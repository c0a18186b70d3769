"""Each finding is told once, whatever becomes of it while a recording grows."""

from dataclasses import replace

import orjson

from kimitap.export.news import Event, Ledger, as_line, as_text
from kimitap.rules.finding import Finding, Place, Severity, Side

LOOP = Finding(
    "repeated-tool-call", Severity.WARNING, Side.MODEL, "Again.", Place(3), "s1", "t1", (Place(2),)
)
LOST = Finding("tool-turn-lost", Severity.ERROR, Side.AGENT, "Gone.", Place(4, 1), "s1", "t1")


def test_a_finding_is_told_once() -> None:
    ledger = Ledger()
    assert [n.event for n in ledger.take([LOOP])] == [Event.FOUND]
    assert ledger.take([LOOP]) == []
    assert [n.finding for n in ledger.take([LOOP, LOST])] == [LOST]


def test_one_that_moved_is_not_told_again() -> None:
    ledger = Ledger()
    ledger.take([LOOP])
    assert ledger.take([replace(LOOP, place=Place(4), related=(Place(2), Place(3)))]) == []
    other = replace(LOOP, place=Place(9), related=())
    assert [n.event for n in ledger.take([other])] == [Event.FOUND, Event.WITHDRAWN]


def test_one_that_got_worse_says_so() -> None:
    ledger = Ledger()
    ledger.take([LOOP])
    (news,) = ledger.take([replace(LOOP, severity=Severity.ERROR)])
    assert (news.event, list(as_text(news, {}))) == (
        Event.REGRADED,
        ["✗ error: repeated-tool-call  (exchange 3; was warning)"],
    )
    assert orjson.loads(as_line(news))["was"] == "warning"


def test_one_that_became_part_of_another_is_withdrawn() -> None:
    ledger = Ledger()
    ledger.take([LOOP])
    found, gone = ledger.take([replace(LOST, related=(Place(3),))])
    assert (found.event, gone.event) == (Event.FOUND, Event.WITHDRAWN)
    (line,) = as_text(gone, {})
    why = "part of tool-turn-lost at exchange 4, message 1"
    assert line == f"~ withdrawn: repeated-tool-call  (exchange 3; {why})"
    assert orjson.loads(as_line(gone))["part_of"] == {"rule": "tool-turn-lost", "exchange": 4}


def test_one_that_is_explained_later_is_withdrawn_and_may_come_again() -> None:
    ledger = Ledger()
    ledger.take([LOST])
    (gone,) = ledger.take([])
    assert "what was recorded since explains it" in "".join(as_text(gone, {}))
    assert [n.event for n in ledger.take([LOST])] == [Event.FOUND]


def test_no_secret_and_no_control_character_is_told() -> None:
    hostile = replace(LOST, message="\x1b[2J key sk-Ab3dEf6hIj9kLmN0pQrStUvW")
    (news,) = Ledger().take([hostile])
    for told in (as_line(news), "".join(as_text(news, {}))):
        assert "sk-Ab3" not in told and "\x1b" not in told
