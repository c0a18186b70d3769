"""What a report is about: the worst finding of a place, or the place itself."""

from pathlib import Path

import pytest

from kimitap.errors import UsageError
from kimitap.evidence import subject_at, subject_between
from kimitap.places import parse_place
from kimitap.rules.finding import Severity
from tests.support import chat
from tests.support.evidence import analysed, read
from tests.support.recorded import OPENING, READ, TOOLS, lost, record

LOST = "sessions/lost-tool-turn.db"


def test_without_a_place_it_is_the_first_of_the_gravest_findings(tmp_path: Path) -> None:
    with read(LOST) as analysis:
        subject = subject_at(analysis)
    assert subject.finding is not None
    assert (subject.finding.rule, subject.exchange) == ("tool-turn-lost", 2)
    assert subject.word == "s1-2"


@pytest.mark.parametrize(("place", "exchange"), [("s1", 2), ("t1", 2), ("3", 3), ("1", 2)])
def test_a_place_has_its_own_worst_finding(place: str, exchange: int) -> None:
    """At an exchange where nothing stands it is what the comparison with the next request shows."""
    with read(LOST) as analysis:
        subject = subject_at(analysis, parse_place(place))
    assert subject.finding is not None and subject.finding.place.exchange == exchange


def test_a_pair_on_a_screen_is_reported_by_what_its_second_request_lost() -> None:
    with read(LOST) as analysis:
        subject = subject_between(analysis, parse_place("2"))
    assert subject.finding is not None and subject.finding.place.exchange == 3


def test_an_error_comes_before_an_earlier_warning(tmp_path: Path) -> None:
    leaky = chat.choice(chat.assistant("I read them.<|im_end|>", READ))
    told = chat.exchange(1, chat.request(*OPENING, tools=TOOLS), leaky, stream=True)
    with analysed(tmp_path / "x.db", [told, *lost()[1:]]) as analysis:
        subject = subject_at(analysis)
        assert analysis.findings[0].severity is not Severity.ERROR
    assert subject.finding is not None and subject.finding.severity is Severity.ERROR


def test_a_place_without_findings_is_itself_the_subject() -> None:
    with read("sessions/healthy-tool-turn.db") as analysis:
        assert subject_at(analysis).finding is None
        assert subject_at(analysis).place == parse_place("s1")
        assert subject_at(analysis, parse_place("2")).exchange == 2


def test_a_place_that_is_not_there_is_refused() -> None:
    with read(LOST) as analysis:
        for word in ("99", "t99", "s99"):
            with pytest.raises(UsageError):
                subject_at(analysis, parse_place(word))


def test_a_recording_without_a_conversation_is_refused(tmp_path: Path) -> None:
    props = chat.exchange(1, chat.request(*OPENING), None, path="/props")
    for exchanges in ((), (props,)):
        where = record(tmp_path / f"{len(exchanges)}.db", exchanges)
        with read(where) as analysis, pytest.raises(UsageError, match="no conversation"):
            subject_at(analysis)
