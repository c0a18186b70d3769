"""What waits for the disk is weighed, kept until it is there, and told anew to another scribe."""

from datetime import UTC, datetime

from kimitap.exchange import Exchange, Outcome
from kimitap.recorder.ledger import DEATHS, Ledger
from kimitap.recorder.slips import AnySlip, Arrived, Begun, Captured, Ended, Missed, Resumed

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXCHANGE = Exchange(0, START, "POST", "http", "127.0.0.1", 8080, "/")


def begun(ticket: int) -> Begun:
    return Begun(ticket, EXCHANGE, b"{}")


def arrived(ticket: int, start: int = 0) -> Arrived:
    return Arrived(ticket, [(0.1, b"ab")], 2, start)


def with_two() -> Ledger:
    ledger = Ledger()
    for ticket in (1, 2):
        ledger.open(ticket, f"flow {ticket}")
        ledger.put(ticket, begun(ticket), 100)
        ledger.put(ticket, arrived(ticket), 10)
    return ledger


def again(ledger: Ledger) -> tuple[list[tuple[int, str]], list[AnySlip]]:
    (first, _), *rest = ledger.again()
    assert isinstance(first, Resumed)
    return first.under_way, [slip for slip, _ in rest]


def test_what_is_freed_weighs_nothing_and_what_is_settled_is_forgotten() -> None:
    ledger = with_two()
    assert ledger.weight == 220
    ledger.free(1, 1)
    assert ledger.weight == 120
    assert again(ledger) == (
        [(1, "flow 1"), (2, "flow 2")],
        [arrived(1), begun(2), arrived(2)],
    )
    assert ledger.close(1)
    assert not ledger.close(1)
    ledger.free(1, 1)  # told after it was settled
    assert ledger.weight == 110
    ledger.free(2, 2)
    assert (ledger.weight, ledger.waits, ledger.exchanges) == (0, False, 1)
    assert again(ledger) == ([(2, "flow 2")], [])
    ledger.close(2)
    assert again(ledger) == ([], [])


def test_a_slip_that_belongs_to_no_exchange_is_forgotten_once_it_is_freed() -> None:
    ledger = Ledger()
    for ticket, slip in ((1, Captured(1, EXCHANGE)), (2, Missed(2, 1, "why", START))):
        ledger.open(ticket)
        ledger.put(ticket, slip, 100)
    assert ledger.exchanges == 1
    assert again(ledger)[0] == []
    for ticket in (1, 2):
        ledger.free(ticket, 1)
        assert not ledger.is_open(ticket)
    assert ledger.weight == 0


def test_it_knows_how_far_a_response_has_come() -> None:
    ledger = with_two()
    assert [ledger.reach(1, 5), ledger.reach(1, 7), ledger.reach(2, 1), ledger.reach(1, 1)] == [
        *(0, 5, 0, 12)
    ]


def test_a_request_is_told_to_be_on_disk_once() -> None:
    ledger = with_two()
    assert [ledger.keep(1), ledger.keep(1), ledger.keep(7)] == [True, False, False]


def test_only_what_waited_while_scribe_after_scribe_died_is_given_up() -> None:
    ledger = with_two()
    ledger.open(3)
    ledger.put(3, Missed(3, 1, "why", START), 1)
    ledger.free(2, 2)  # under way, but nothing of it waits
    for _ in range(DEATHS - 1):
        assert ledger.bereave() == 0
    assert ledger.bereave() == 1
    assert again(ledger) == ([(2, "flow 2")], [Missed(3, 1, "why", START)])
    assert ledger.weight == 1


def test_a_death_counts_no_more_once_another_has_written_something() -> None:
    ledger = with_two()
    for _ in range(5):
        for _ in range(DEATHS - 1):
            assert ledger.bereave() == 0
        for ticket in (1, 2):
            ledger.free(ticket, 1)
            ledger.put(ticket, Ended(ticket, Outcome.COMPLETE, "", START), 10)
