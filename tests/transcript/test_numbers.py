"""What a turn cost, in numbers; what nobody told stays unknown."""

from dataclasses import replace

from kimitap.conversation import Timings, Turn, Usage
from kimitap.lineage import Relation, Thread
from kimitap.transcript.numbers import first_token_s, numbers_of, turn_numbers_of
from tests.support.threads import assistant, link, turn, user

ASK = [user("Sum up the notes.")]


def told(number: int, prompt: int, cached: int, reply: int = 40, *more: Turn) -> Turn:
    """A turn with a server's counts; `more` are the turns before it."""
    before = [m for t in more for m in (*t.messages, t.reply.message)]
    made = turn(number, [*before, *ASK], assistant("Ada owns it."))
    usage = Usage(prompt, reply, cached)
    return replace(made, reply=replace(made.reply, usage=usage, timings=Timings(cache_n=cached)))


def test_what_was_cached_and_what_was_read_are_the_prompt() -> None:
    numbers = turn_numbers_of(told(1, 1000, 960))
    assert (numbers.prompt, numbers.cached, numbers.read) == (1000, 960, 40)
    assert numbers.cached_share == 96


def test_a_first_turn_reads_nothing_again() -> None:
    first = told(1, 1000, 0)
    numbers = numbers_of(Thread(1, (first,), (None,)))[0]
    assert numbers.read == 1000
    assert numbers.again is None


def test_what_the_server_had_and_read_once_more_is_read_again() -> None:
    first = told(1, 1000, 0)
    second = told(2, 1100, 100, 40, first)
    thread = Thread(1, (first, second), (None, link(first, second)))
    again = numbers_of(thread)[1].again
    assert again == 1000 + 40 - 1 - 100


def test_after_a_compaction_nothing_counts_as_read_again() -> None:
    first = told(1, 9000, 0)
    second = told(2, 700, 50, 40, first)
    thread = Thread(1, (first, second), (None, link(first, second, Relation.COMPACTION)))
    assert numbers_of(thread)[1].again is None


def test_what_no_server_told_is_unknown_and_not_zero() -> None:
    made = turn(1, ASK, assistant("Ada owns it."))
    silent = replace(made, reply=replace(made.reply, usage=Usage(), timings=Timings()))
    numbers = turn_numbers_of(silent)
    known = (numbers.prompt, numbers.cached, numbers.reply, numbers.first_s, numbers.speed)
    assert known == (None,) * 5
    assert numbers.read is None and numbers.cached_share is None


def test_more_cached_than_asked_is_all_of_it() -> None:
    numbers = turn_numbers_of(told(1, 100, 120))
    assert (numbers.read, numbers.cached_share) == (0, 100)


def timed(first_event_s: float | None, prompt_ms: float | None, *, streamed: bool = True) -> Turn:
    made = replace(told(1, 100, 0), first_event_s=first_event_s)
    times = Timings(prompt_ms=prompt_ms)
    return replace(made, reply=replace(made.reply, timings=times, streamed=streamed))


def test_the_first_token_comes_with_the_first_bytes_of_a_stream() -> None:
    assert first_token_s(timed(1.25, 900.0)) == 1.25
    assert first_token_s(timed(1.25, None)) == 1.25


def test_an_empty_event_before_the_prompt_was_read_is_no_token() -> None:
    assert first_token_s(timed(0.01, 4200.0)) == 4.2


def test_an_answer_in_one_piece_tells_no_time_to_first_token() -> None:
    assert first_token_s(timed(1.25, 900.0, streamed=False)) is None
    assert first_token_s(timed(None, 900.0)) is None
