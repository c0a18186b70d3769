"""What Kimitap itself sent again stands beside the conversation, and never in it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import orjson

from kimitap.analysis import Analysis
from kimitap.comparison import runs_of
from kimitap.diff import compare_sessions
from kimitap.exchange import REPLAY, Body, Exchange
from kimitap.lineage import Mark, Relation
from kimitap.store import Recording
from tests.support.recorded import lost, next_turn, record


def again(exchange: Exchange, number: int, mark: str) -> Exchange:
    """The request of `exchange`, sent again as exchange `number`."""
    later = next_turn(number, "Ada owns it.")
    fields = (*exchange.request_headers, (REPLAY, mark))
    times = {
        name: getattr(later, name)
        for name in ("number", "started_at", "headers_at", "ended_at", "origin")
    }
    return replace(exchange, request_headers=fields, **times)


def read(path: Path, exchanges: Iterable[Exchange]) -> Analysis:
    with Recording.open(record(path, exchanges)) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
    return analysis


def test_a_replay_is_a_thread_of_its_own_in_the_session_of_its_original(tmp_path: Path) -> None:
    turns = lost()
    analysis = read(tmp_path / "a.db", [*turns, again(turns[0], 4, "1"), again(turns[2], 5, "3")])
    (session,) = analysis.sessions
    assert [(t.kind, [turn.exchange for turn in t.turns]) for t in session.threads] == [
        ("main", [1, 2, 3]),
        ("replay", [4]),
        ("replay", [5]),
    ]
    links = [thread.links[0] for thread in session.threads[1:]]
    assert [link and (link.parent.exchange, link.relation) for link in links] == [
        (1, Relation.FORK),
        (3, Relation.FORK),
    ]


def test_a_replay_changes_nothing_in_what_is_found_of_the_conversation(tmp_path: Path) -> None:
    turns = lost()
    before = read(tmp_path / "a.db", turns)
    replays = [again(turn, 4 + i, str(turn.number)) for i, turn in enumerate(turns)]
    after = read(tmp_path / "b.db", [*turns, *replays, *(again(turns[2], n, "3") for n in (7, 8))])
    assert before.findings
    assert after.findings == before.findings


def test_the_conversation_goes_on_past_a_replay(tmp_path: Path) -> None:
    turns = lost()
    analysis = read(tmp_path / "a.db", [*turns, again(turns[2], 4, "3"), next_turn(5, "In May.")])
    assert [[turn.exchange for turn in t.turns] for t in analysis.threads] == [[1, 2, 3, 5], [4]]


def test_what_the_server_did_in_a_replay_is_found_all_the_same(tmp_path: Path) -> None:
    turns = lost()
    leaked = again(next_turn(4, "Ada owns it.<|im_end|>"), 4, "3; edited")
    found = read(tmp_path / "a.db", [*turns, leaked]).findings
    assert ("special-token-in-content", 4) in {(f.rule, f.place.exchange) for f in found}


def test_a_session_is_compared_without_its_replays(tmp_path: Path) -> None:
    turns = lost()
    (plain,) = read(tmp_path / "a.db", turns).sessions
    (played,) = read(tmp_path / "b.db", [*turns, again(turns[0], 4, "1")]).sessions
    compared = compare_sessions(plain, played)
    assert [(thread.old, thread.new) for thread in compared.threads] == [("t1", "t1")]
    assert {pair.mark for pair in compared.turns} == {Mark.SAME}


def test_a_run_is_without_its_replays_and_what_was_found_in_them(tmp_path: Path) -> None:
    turns = lost()
    (plain,) = runs_of(read(tmp_path / "a.db", turns))
    leaked = again(next_turn(4, "Ada owns it.<|im_end|>"), 4, "3; edited")
    (played,) = runs_of(read(tmp_path / "b.db", [*turns, leaked]))
    assert [thread.kind for thread in played.session.threads] == ["main"]
    assert played.findings == plain.findings


def test_a_replay_of_what_stands_elsewhere_is_a_session_of_its_own(tmp_path: Path) -> None:
    turns = lost()
    replays = [again(turns[0], 4, "elsewhere"), again(turns[0], 5, "77; edited")]
    analysis = read(tmp_path / "a.db", [*turns, *replays])
    assert [analysis.turns[n].replay_of for n in (1, 4, 5)] == [None, 0, 77]
    assert [[t.kind for t in session.threads] for session in analysis.sessions] == [
        ["main"],
        ["replay"],
        ["replay"],
    ]


def test_a_number_that_belongs_to_another_request_is_not_believed(tmp_path: Path) -> None:
    turns = lost()
    other = turns[0].request.content.replace(b"Be terse.", b"Be kind.").replace(b"Sum up", b"Burn")
    assert orjson.loads(other)
    stranger = again(turns[0], 4, "2")
    analysis = read(tmp_path / "a.db", [*turns, replace(stranger, request=Body.whole(other))])
    assert [[t.kind for t in session.threads] for session in analysis.sessions] == [
        ["main"],
        ["replay"],
    ]
