"""What `check` prints for people."""

import re
from dataclasses import replace
from pathlib import Path

from kimitap.export.formats import Checked, harmless
from kimitap.export.formats.github import github
from kimitap.export.formats.text import inert, summary, text
from kimitap.rules import RULES
from kimitap.rules.finding import LONGEST, Evidence, Finding
from tests.export.test_markdown import FINDING
from tests.support.checks import checked, hostile_session

COUNTS = {"sessions": 1, "threads": 2, "turns": 3}


def found(*findings: Finding) -> Checked:
    return Checked("a.db", "a.db", COUNTS, 0, (), findings, RULES)


def test_what_to_do_is_said_once_a_rule() -> None:
    other = replace(FINDING, rule="dropped-reply")
    lines = text(found(FINDING, other, FINDING)).splitlines()
    remedies = found().remedies
    assert [line.strip() for line in lines if "what to do" in line] == [
        f"what to do: {remedies['tool-turn-lost']}",
        f"what to do: {remedies['dropped-reply']}",
    ]
    assert len([line for line in lines if line.startswith("✗ error: ")]) == 3


def test_a_hostile_message_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    told = text(checked(tmp_path / "a.db", hostile_session()))
    assert "tool-turn-lost" in told
    assert not set("\x1b\x07\u202e") & set(told)


def test_no_recorded_line_feed_begins_a_line_of_its_own() -> None:
    forged = replace(FINDING, message="The call a\n::error::b\n\n✗ error: c is gone.")
    told = text(replace(found(*harmless([forged])), database="a\n::error::d.db"))
    assert "The call a ::error::b ✗ error: c is gone." in told
    assert not [line for line in told.splitlines() if line.lstrip().startswith("::")]
    assert len([line for line in told.splitlines() if line.startswith("✗ error: ")]) == 1


def test_no_recorded_text_is_a_command_to_a_ci_log() -> None:
    words = "##[error]a ##[group]b ##vso[task.setvariable variable=x]y ##teamcity[c] ###[d]"
    forged = replace(FINDING, message=words, evidence=(Evidence(1, words),))
    made = replace(found(*harmless([forged])), database=f"{words}.db")
    for told in (text(made), github(made)):
        assert not re.search(r"##\w*\[", told)
        assert told.count("## vso[task.setvariable variable=x]y") == 3
    assert "# a heading ## [1]" in inert("# a heading ## [1]")


def test_a_message_that_names_something_endless_is_cut() -> None:
    (made,) = harmless([replace(FINDING, message=f"The id {'x' * 99_999} is strange.")])
    assert len(made.message) == LONGEST
    assert made.message.endswith("…")


def test_what_is_harmless_stays_so() -> None:
    hostile = replace(FINDING, message="a\x1b]52;c;aGk=\x07 token sk-Ab3dEf6hIj9kLmN0pQrStUvW")
    (once,) = harmless([hostile])
    assert once.message == "a\\u001b]52;c;aGk=\\u0007 token [masked]"
    assert harmless([once]) == (once,)


def test_the_summary_counts_in_words() -> None:
    assert summary(found(FINDING)) == "a.db: 1 session, 2 threads, 3 turns: 1 error"
    empty = replace(found(), counts=dict.fromkeys(COUNTS, 0))
    assert summary(empty) == "a.db: the recording is empty"
    assert "1 other exchange:" in summary(replace(empty, others=1))
