"""What `check` prints."""

from dataclasses import replace

from kimitap.export.checked import as_text, summary
from tests.export.test_markdown import FINDING


def test_what_to_do_is_said_once_a_rule() -> None:
    other = replace(FINDING, rule="dropped-reply")
    lines = list(as_text([FINDING, other, FINDING], {"tool-turn-lost": "A", "dropped-reply": "B"}))
    assert [line.strip() for line in lines if "what to do" in line] == [
        "what to do: A",
        "what to do: B",
    ]
    assert len([line for line in lines if line.startswith("✗ error: ")]) == 3


def test_a_hostile_message_cannot_act_on_the_terminal() -> None:
    hostile = replace(FINDING, message="a\x1b]52;c;aGk=\x07b")
    assert not any("\x1b" in line or "\x07" in line for line in as_text([hostile], {}))


def test_the_summary_counts_in_words() -> None:
    counts = {"sessions": 1, "threads": 2, "turns": 3}
    assert summary("a.db", counts, [FINDING]) == "a.db: 1 session, 2 threads, 3 turns: 1 error"
    assert summary("a.db", dict.fromkeys(counts, 0), []) == "a.db: the recording is empty"
