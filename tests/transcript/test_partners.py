"""Which row belongs to which: a call and its result, something lost and where it was said."""

from kimitap.transcript import Kind, Row, partner, rows
from tests.support.threads import assistant, call, chain, lost_turn, result, system, turn, user


def row_of(found: list[Row], title_or_text: str, exchange: int, kind: Kind) -> int:
    return next(
        i
        for i, row in enumerate(found)
        if row.exchange == exchange
        and row.kind is kind
        and title_or_text in f"{row.title} {row.text}"
    )


def test_a_call_leads_to_its_result_and_back() -> None:
    (session,), findings = lost_turn()
    found = rows(session.threads[0], findings)
    asked = row_of(found, "execute_command", 2, Kind.CALL)
    answered = row_of(found, "src/db.py:41", 3, Kind.RESULT)
    assert partner(found, asked) == answered
    assert partner(found, answered) == asked


def test_a_lost_call_leads_to_its_ghost_and_back() -> None:
    (session,), findings = lost_turn()
    found = rows(session.threads[0], findings)
    asked = row_of(found, "write_to_file", 4, Kind.CALL)
    ghost = row_of(found, "LOST CALL", 5, Kind.GHOST)
    assert partner(found, asked) == ghost
    assert partner(found, ghost) == asked


def test_a_lost_turn_leads_to_the_reply_and_not_to_its_thoughts() -> None:
    (session,), findings = lost_turn()
    found = rows(session.threads[0], findings)
    ghost = row_of(found, "LOST TURN", 5, Kind.GHOST)
    at = partner(found, ghost)
    assert at is not None
    assert (found[at].exchange, found[at].kind) == (4, Kind.TEXT)


def test_text_and_headers_belong_to_nothing() -> None:
    (session,), findings = lost_turn()
    found = rows(session.threads[0], findings)
    alone = {Kind.TEXT, Kind.TURN, Kind.TOOLS, Kind.BLANK}
    assert all(partner(found, i) is None for i, row in enumerate(found) if row.kind in alone)


def test_ids_that_start_again_pair_within_their_turn() -> None:
    """Kimi K2 counts its calls anew in some agents' histories: `functions.ls:0` comes twice."""
    first, second = (call("ls", f'{{"path":"{p}"}}', "functions.ls:0") for p in "ab")
    opening = [system("Be brief."), user("List a, then b.")]
    one = [*opening, assistant("", first), result("a.txt", "functions.ls:0")]
    two = [*one, assistant("", second), result("b.txt", "functions.ls:0")]
    found = rows(
        chain(
            turn(1, opening, assistant("", first)),
            turn(2, one, assistant("", second)),
            turn(3, two, assistant("Done.")),
        ),
        (),
    )
    pairs = {
        found[i].text: found[at].text
        for i, row in enumerate(found)
        if row.kind is Kind.CALL and (at := partner(found, i)) is not None
    }
    assert pairs == {'ls(path="a")': "a.txt", 'ls(path="b")': "b.txt"}
    back = [i for i, row in enumerate(found) if row.kind is Kind.RESULT]
    assert [found[partner(found, i) or 0].text for i in back] == list(pairs)


def test_calls_without_an_id_belong_to_no_result() -> None:
    asks = assistant("", call("ls", "{}", ""))
    opening = [user("List.")]
    history = [*opening, asks, result("a.txt", "")]
    found = rows(chain(turn(1, opening, asks), turn(2, history, assistant("Done."))), ())
    assert all(partner(found, i) is None for i in range(len(found)))
