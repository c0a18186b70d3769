"""A recording read, woven and checked, on real database files."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from kimitap import analysis as analysing
from kimitap.analysis import Analysis
from kimitap.errors import UsageError
from kimitap.exchange import Exchange, Outcome
from kimitap.places import PlaceWord, parse_place
from kimitap.store import Recording, RecordingWriter
from tests.support import chat
from tests.support.chat import (
    assistant,
    call,
    choice,
    exchange,
    request,
    result,
    system,
    tool,
    user,
)
from tests.support.recordings import healthy_tool_turn, lost_tool_turn, recording


def test_refresh_reads_only_what_is_new(tmp_path: Path) -> None:
    first, second = lost_tool_turn()
    where = recording(tmp_path / "a.db", [first])
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        assert analysis.refresh() == {1}
        assert analysis.findings == ()
        assert analysis.refresh() == frozenset()
        recording(where, [second])
        kept = analysis.turns[1]
        assert analysis.refresh() == {2}
        assert analysis.turns[1] is kept
        assert [f.rule for f in analysis.findings] == ["tool-turn-lost"]


def test_an_exchange_in_flight_grows_until_it_has_ended(tmp_path: Path) -> None:
    one = healthy_tool_turn()[0]
    where = str(tmp_path / "a.db")
    with RecordingWriter(where) as writer:
        number = writer.begin(one)
        with Recording.open(where) as opened:
            analysis = Analysis(opened)
            assert analysis.refresh() == {number}
            assert analysis.turns[number].in_flight
            writer.respond(number, 200, "OK", one.response_headers, "HTTP/1.1", one.started_at)
            writer.append(number, [(0.5, one.response)])
            writer.finish(number, Outcome.COMPLETE, ended_at=one.started_at + timedelta(seconds=1))
            assert analysis.refresh() == {number}
            assert analysis.turns[number].reply.message.tool_calls
            assert analysis.refresh() == frozenset()


def test_what_no_dialect_speaks_is_known_by_its_head_only(tmp_path: Path) -> None:
    where = recording(tmp_path / "a.db", [exchange(1, {}, {}, path="/props", status=404)])
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
    assert analysis.turns == {}
    assert analysis.others[1].path == "/props"
    assert analysis.others[1].response == b""


def test_a_place_of_a_thread_compares_where_it_broke(tmp_path: Path) -> None:
    where = recording(tmp_path / "a.db", lost_tool_turn())
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
    link = analysis.link_at(parse_place("t1"))
    assert link is not None
    assert (link.parent.exchange, link.child.exchange) == (1, 2)
    assert analysis.link_at(parse_place("2")) is None
    assert analysis.link_between(parse_place("1"), parse_place("2")) is link
    assert analysis.link_between(parse_place("2"), parse_place("1")).parent.exchange == 2


@pytest.mark.parametrize("word", ["t2", "s9", "77"])
def test_a_place_that_is_not_there_says_what_is(tmp_path: Path, word: str) -> None:
    where = recording(tmp_path / "a.db", lost_tool_turn())
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
    with pytest.raises(UsageError, match=r"a\.db"):
        analysis.threads_at(parse_place(word))


@pytest.mark.parametrize(
    ("word", "kind", "number"), [("41", "", 41), ("t7", "t", 7), ("s3", "s", 3)]
)
def test_a_place_is_a_word(word: str, kind: str, number: int) -> None:
    assert parse_place(word) == PlaceWord(kind, number)


@pytest.mark.parametrize("word", ["", "0", "t0", "T7", "7t", "t", "1.5", "-1", "٣", "41 "])
def test_any_other_word_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="names no place"):
        parse_place(word)


def test_prompts_of_verbose_answers_are_kept_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysing, "MOST_PROMPTS", 60)
    said = chat.choice(chat.assistant("Hello."))
    verbose = {"__verbose": {"prompt": "<|im_user|>Hi.<|im_end|>"}}
    asked = [chat.request(chat.user(f"Hi {n}.")) for n in range(3)]
    made = [chat.exchange(n, one, said, extra=verbose) for n, one in enumerate(asked, 1)]
    with Recording.open(str(recording(tmp_path / "a.db", made))) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
        kept = [len(turn.reply.prompt) for turn in analysis.turns.values()]
        again = [len(analysis.with_prompt(turn).reply.prompt) for turn in analysis.turns.values()]
    assert kept == [24, 24, 0]
    assert again == [24, 24, 24]


def test_a_prompt_that_was_asked_for_is_taken_in_and_checked(tmp_path: Path) -> None:
    where = recording(tmp_path / "a.db", healthy_tool_turn())
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
        last = max(analysis.turns)
        assert b'"messages"' in analysis.body(last)
        analysis.learn({last: "<|im_user|>Nothing of that.<|im_end|>"})
    assert {f.rule for f in analysis.findings} == {"hidden-from-model"}
    assert {f.place.exchange for f in analysis.findings} == {last}


def test_a_prompt_that_was_asked_for_stays_when_the_turn_ends(tmp_path: Path) -> None:
    where = str(tmp_path / "a.db")
    with RecordingWriter(where) as writer:
        number = writer.begin(healthy_tool_turn()[0])
        with Recording.open(where) as opened:
            analysis = Analysis(opened)
            analysis.refresh()
            analysis.learn({number: "<|im_user|>Nothing of that.<|im_end|>"})
            writer.finish(number, Outcome.CLIENT_HUNG_UP, ended_at=chat.BEGIN)
            assert analysis.refresh() == {number}
    assert analysis.turns[number].ended_at is not None
    assert analysis.turns[number].reply.prompt == "<|im_user|>Nothing of that.<|im_end|>"


def long_run(length: int) -> list[Exchange]:
    """A run of `length` tool turns."""
    history = [system("You are an agent."), user("Do all of the steps, please.")]
    tools = [tool("run", command={"type": "string"})]
    made = []
    for n in range(length):
        reply = assistant(f"Step {n}.", call("run", {"command": f"make {n}"}, f"c{n}"))
        made.append(exchange(n + 1, request(*history, tools=tools), choice(reply), stream=True))
        history += [reply, result(f"done {n}", f"c{n}")]
    return made


def calls_to_refresh(where: Path, length: int) -> int:
    """How many Python functions a refresh after one new turn calls, in a run of that length."""
    run = long_run(length)
    recording(where, run[:-1])
    count = 0

    def counted(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event == "call"

    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
        recording(where, run[-1:])
        sys.setprofile(counted)
        try:
            assert analysis.refresh() == {length}
        finally:
            sys.setprofile(None)
    assert len(analysis.threads) == 1
    return count


def test_a_refresh_costs_what_arrived_and_next_to_nothing_for_what_was_there(
    tmp_path: Path,
) -> None:
    short, long = (calls_to_refresh(tmp_path / f"{n}.db", n) for n in (40, 160))
    assert (long - short) / 120 < 80, "calls for each turn that was there already"
