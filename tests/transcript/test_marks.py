"""The mark at a reply: a symbol and a word for how it came back, where the reply begins."""

import pytest

from kimitap.lineage import EchoKind, Thread
from kimitap.transcript import EchoMark, Kind, Row, echo_mark, label, rows
from kimitap.transcript.echoes import MARKS
from tests.support.chat import assistant, call, result, system, user
from tests.support.weaving import ask, only, woven

TASK = user("Read the notes and write them up.")
READ = call("read_file", {"path": "notes.txt"}, "c1")
ASKS = assistant("I read them.", READ)
ANSWER = result("Ada owns it.", "c1")


def followed(*after: dict[str, object], reply: dict[str, object] = ASKS) -> Thread:
    """A turn that replied `reply`, and a request in which `after` follows the task."""
    head = [system("Be terse."), TASK]
    return only(
        woven(
            ask(1, head, reply, session="s"), ask(2, [*head, *after], assistant("."), session="s")
        )
    )


def marked(thread: Thread) -> list[Row]:
    return [row for row in rows(thread, []) if row.echo]


@pytest.mark.parametrize(
    ("after", "short", "kept"),
    [
        ((ASKS, ANSWER), "✓ same", True),
        ((assistant(""), user("Go on.")), "□ blanked", False),
        ((user("Go on."),), "∅ missing", False),
        ((assistant("No such words.", READ), ANSWER), "≠ altered", False),
    ],
)
def test_a_reply_has_the_mark_of_its_echo(
    after: tuple[dict[str, object], ...], short: str, kept: bool
) -> None:
    (row,) = marked(followed(*after))
    assert (row.exchange, row.kind, row.leads) == (1, Kind.TEXT, True)
    assert row.echo is not None
    assert (row.echo.short, row.echo.kept) == (short, kept)
    assert label(row).endswith(f"[{row.echo.long}]")


def test_the_mark_stands_where_the_reply_begins_to_speak() -> None:
    thinks = {**ASKS, "reasoning_content": "Where are the notes?"}
    (row,) = marked(followed(thinks, ANSWER, reply=thinks))
    assert row.kind is Kind.TEXT
    silent = {"role": "assistant", "content": "", "reasoning_content": "Hm."}
    (row,) = marked(followed(silent, user("Go on."), reply=silent))
    assert row.kind is Kind.REASONING


def test_the_last_reply_of_a_thread_has_none() -> None:
    thread = followed(ASKS, ANSWER)
    assert echo_mark(thread.link_after(2)) is None
    assert {row.exchange for row in marked(thread)} == {1}


def test_every_kind_has_a_symbol_of_its_own() -> None:
    assert set(MARKS) == set(EchoKind)
    assert len(set(MARKS.values())) == len(MARKS)
    assert EchoMark(EchoKind.STORED, "kept by the server for #2", True).short == "⇡ stored"
