import random
import sqlite3
import stat
import tracemalloc
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from operator import is_
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.errors import DamagedRecording, RecordingUnavailable, UsageError
from kimitap.exchange import Body, Exchange, Outcome, Pauses, Segment, pauses_since, times_since
from kimitap.store import Loss, Recording, RecordingWriter, content
from tests.support.requests_made import START, asked, conversation, reply

HEAD = (("Server", "llama.cpp"), ("Content-Type", "text/event-stream"))


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "new" / "k.db")


def record(writer: RecordingWriter, body: bytes, parts, second: int = 0) -> int:
    number = writer.begin(asked(body, second))
    writer.respond(number, 200, "OK", HEAD, "HTTP/1.1", START + timedelta(seconds=second + 1))
    for start in range(0, len(parts), 7):
        writer.append(number, parts[start : start + 7])
    writer.finish(number, Outcome.COMPLETE, ended_at=START + timedelta(seconds=second + 2))
    return number


def test_what_was_written_is_read_byte_for_byte(where: str):
    body, parts = conversation(1)[0], reply(1)
    with RecordingWriter(where) as writer:
        number = record(writer, body, parts)
    with Recording.open(where) as recording:
        (read,) = recording.exchanges()
    data = b"".join(data for _, data in parts)
    assert read == replace(
        asked(body),
        number=number,
        request=read.request,
        outcome=Outcome.COMPLETE,
        status=200,
        reason="OK",
        response_headers=HEAD,
        response=data,
        segments=tuple(Segment(at_s, len(part)) for at_s, part in parts),
        headers_at=START + timedelta(seconds=1),
        ended_at=START + timedelta(seconds=2),
    )
    assert read.request.content == body
    assert [run.name for run in read.request.elements] == ["messages", "tools"]


def test_a_response_in_flight_is_read_as_far_as_it_came(where: str):
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        number = writer.begin(asked(b"{}"))
        assert recording.in_flight() == [number]
        assert recording.exchange(number).status is None
        writer.append(number, [(0.5, b"data: 1\n\n"), (0.75, b"data: ")])
        read = recording.exchange(number)
        assert read.outcome is Outcome.IN_FLIGHT
        assert read.ended_at is None
        assert read.response == b"data: 1\n\ndata: "
        assert read.segments == (Segment(0.5, 9), Segment(0.75, 6))
        writer.finish(number, Outcome.SERVER_CUT, "incomplete chunked read", lost_bytes=3)
        after = recording.exchange(number)
        assert recording.in_flight() == []
        assert (after.response, after.segments) == (read.response, read.segments)
        assert (after.outcome, after.detail, after.lost_bytes) == (
            Outcome.SERVER_CUT,
            "incomplete chunked read",
            3,
        )


def test_the_version_changes_when_somebody_writes_and_only_then(where: str):
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        before = recording.version()
        assert recording.version() == before
        writer.begin(asked(b"{}"))
        assert recording.version() != before


def test_equal_pieces_of_two_bodies_are_one_object(where: str):
    with RecordingWriter(where) as writer:
        for body in conversation(3):
            writer.begin(asked(body))
    with Recording.open(where) as recording:
        first, second, _ = recording.exchanges()
    old = {piece.key: piece for piece in first.request.pieces}
    shared = [piece for piece in second.request.pieces if piece.key in old]
    assert len(shared) == len(second.request.pieces) - 2
    assert all(old[piece.key] is piece for piece in shared)


def count(where: str, table: str) -> int:
    with sqlite3.connect(where) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_body_that_comes_again_adds_no_piece_and_no_list(where: str):
    body, parts = conversation(1)[0], reply(1)
    with RecordingWriter(where) as writer:
        record(writer, body, parts)
        before = count(where, "piece"), count(where, "body"), count(where, "pack")
        record(writer, body, parts)
    assert (count(where, "piece"), count(where, "body"), count(where, "pack")) == before
    assert count(where, "segment") == 0


def test_a_new_writer_goes_on_where_the_last_one_ended(where: str):
    bodies = conversation(6)
    for turn, body in enumerate(bodies):
        with RecordingWriter(where) as writer:
            record(writer, body, reply(turn), turn)
    with sqlite3.connect(where) as connection:
        query = "SELECT count(*) FROM body WHERE parent_id IS NOT NULL"
        assert connection.execute(query).fetchone() == (len(bodies) - 1,)
        query = "SELECT count(*) FROM pack WHERE dictionary_id IS NOT NULL"
        assert connection.execute(query).fetchone()[0] >= 2 * (len(bodies) - 1)
    with Recording.open(where) as recording:
        assert [read.request.content for read in recording.exchanges()] == bodies


def test_a_long_session_is_read_whole_and_one_by_one(where: str):
    bodies = conversation(300, words=10)
    with RecordingWriter(where) as writer:
        for turn, body in enumerate(bodies):
            record(writer, body, reply(turn, events=3), turn)
    with Recording.open(where) as recording:
        assert recording.numbers() == list(range(1, 301))
        assert [read.request.content for read in recording.exchanges()] == bodies
    for number in (1, 127, 128, 129, 130, 255, 300):
        with Recording.open(where) as recording:
            assert recording.exchange(number).request.content == bodies[number - 1]
            assert [read.number for read in recording.exchanges(after=number)] == list(
                range(number + 1, 301)
            )


def test_two_sessions_at_once_are_told_apart(where: str):
    one, two = conversation(40, seed=1), conversation(40, seed=2)
    mixed = [body for pair in zip(one, two, strict=True) for body in pair]
    with RecordingWriter(where) as writer:
        for body in mixed:
            writer.begin(asked(body))
    alone = sum(len(set(conversation_pieces(bodies))) for bodies in (one, two))
    assert count(where, "piece") <= alone + 1
    with Recording.open(where) as recording:
        assert [read.request.content for read in recording.exchanges()] == mixed


def conversation_pieces(bodies: list[bytes]) -> list[bytes]:
    from kimitap.store.cut import cut

    return [piece.key for body in bodies for piece in cut(body).pieces]


def finished(origin: str, **more: object) -> Exchange:
    data = b'{"choices":[]}'
    values: dict[str, object] = {
        "origin": origin,
        "outcome": Outcome.COMPLETE,
        "status": 200,
        "reason": "OK",
        "response_headers": HEAD,
        "response": data,
        "segments": (Segment(1.5, len(data)),),
        "headers_at": START + timedelta(seconds=1),
        "ended_at": START + timedelta(seconds=3),
        "http_version": "HTTP/2.0",
    }
    return asked(conversation(1)[0], **(values | more))


def test_an_exchange_of_a_capture_is_added_once(where: str):
    with RecordingWriter(where) as writer:
        assert writer.add(finished("flow-1")) == 1
        assert writer.add(finished("flow-1")) is None
        assert writer.add(finished("flow-2")) == 2
    with RecordingWriter(where) as writer:
        assert writer.add(finished("flow-1")) is None
    with Recording.open(where) as recording:
        first, second = recording.exchanges()
    assert first == replace(finished("flow-1"), number=1, request=first.request)
    assert second.origin == "flow-2"


def test_a_capture_without_an_answer_keeps_its_outcome(where: str):
    unanswered = asked(b"{}", outcome=Outcome.REFUSED, detail="connection refused", origin="f")
    with RecordingWriter(where) as writer:
        writer.add(unanswered)
    with Recording.open(where) as recording:
        (read,) = recording.exchanges()
        assert recording.in_flight() == []
    assert (read.outcome, read.status, read.ended_at) == (Outcome.REFUSED, None, START)


def test_a_live_exchange_is_recorded_even_if_its_origin_is_taken(where: str):
    with RecordingWriter(where) as writer:
        writer.add(finished("flow-1"))
        number = writer.begin(asked(b"{}", origin="flow-1"))
    with Recording.open(where) as recording:
        assert recording.exchange(number).origin == ""


def test_a_loss_is_marked(where: str):
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        assert recording.losses() == ()
        writer.lose(3, "the disk was full", START)
        assert recording.losses() == (Loss(START, 3, "the disk was full"),)


def test_an_exchange_that_is_not_there_is_the_users_error(where: str):
    with (
        RecordingWriter(where),
        Recording.open(where) as recording,
        pytest.raises(UsageError, match="no exchange 7"),
    ):
        recording.exchange(7)


def test_what_is_open_when_the_recorder_stops_is_interrupted(where: str):
    with RecordingWriter(where) as writer:
        number = writer.begin(asked(b"{}"))
        writer.append(number, [(0.5, b"half")])
    with Recording.open(where) as recording:
        read = recording.exchange(number)
    assert (read.outcome, read.response) == (Outcome.INTERRUPTED, b"half")


def test_numbers_are_never_used_twice(where: str):
    with RecordingWriter(where) as writer:
        first = record(writer, b"{}", reply(1))
    with sqlite3.connect(where) as connection:
        connection.execute("DELETE FROM arrivals")
        connection.execute("DELETE FROM exchange")
    with RecordingWriter(where) as writer:
        assert writer.begin(asked(b"{}")) == first + 1


def test_folder_and_files_are_for_their_owner_only(where: str):
    with RecordingWriter(where) as writer:
        writer.begin(asked(b"{}"))
        folder = Path(where).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"k.db": 0o600, "k.db-wal": 0o600, "k.db-shm": 0o600}


def test_a_database_moved_away_while_recording_is_made_anew(where: str):
    with RecordingWriter(where) as writer:
        writer.begin(asked(b"1"))
        for path in list(Path(where).parent.iterdir()):
            path.rename(path.with_name("old-" + path.name))
        writer.begin(asked(b"2"))
    with Recording.open(where) as recording:
        assert [read.request.content for read in recording.exchanges()] == [b"2"]


def test_hostile_text_is_stored(where: str):
    odd = asked(
        b"\xff\x00",
        path="/\udcff\x00",
        request_headers=(("X-Odd", "caf\udce9"), ("Date", "\udcff"), ("X-Odd", "")),
    )
    with RecordingWriter(where) as writer:
        writer.begin(odd)
    with Recording.open(where) as recording:
        (read,) = recording.exchanges()
    assert read.request_headers == odd.request_headers
    assert read.path == "/\\udcff\\x00"
    assert read.request == Body.whole(b"\xff\x00")


PARTS = st.lists(
    st.tuples(
        st.floats(0, 1e6).map(lambda s: round(s, 4)),
        st.sampled_from([b"", b"data: x\n\n", b"\n", b"da", b"\r\n\r\n", b"a\n\nb\n\n", b"a\n\nb"])
        | st.binary(max_size=9),
    ),
    max_size=30,
)


def rounded(pauses: Pauses | None):
    """Without `since_s`, of which there may be several where silences are equal to a hair."""
    return pauses and tuple(round(s, 4) for s in pauses[:3])


def test_the_longest_silence_is_placed_without_unpacking_the_segments(where: str):
    parts = [(at_s, b"data: x\n\n") for at_s in (0.5, 0.6, 3.7, 3.9)]
    with RecordingWriter(where) as writer:
        record(writer, b"{}", parts)
    with Recording.open(where) as recording:
        segments = recording.exchange(1).segments
    assert pauses_since(segments) == Pauses(0.5, 3.9, 3.1, 0.6)
    assert pauses_since(segments, len(parts[0][1]) * 2 + 1) == Pauses(3.7, 3.9, 0.2, 3.7)
    assert pauses_since(segments, 1000) is None


@given(st.lists(PARTS, min_size=1, max_size=4))
@settings(max_examples=40)
def test_any_segments_come_back(tmp_path_factory, flushes):
    where = str(tmp_path_factory.mktemp("segments") / "k.db")
    parts = [part for flush in flushes for part in flush]
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        number = writer.begin(asked(b"{}"))
        for flush in flushes:
            writer.append(number, flush)
        before = recording.exchange(number)
        writer.finish(number, Outcome.COMPLETE)
        after = recording.exchange(number)
    assert before.response == after.response == b"".join(data for _, data in parts)
    assert before.segments == tuple(Segment(at_s, len(data)) for at_s, data in parts)
    assert after.segments == before.segments
    for byte in (0, 1, 2, 9, 10, 11, len(after.response)):
        assert times_since(after.segments, byte) == times_since(before.segments, byte)
        assert rounded(pauses_since(after.segments, byte)) == rounded(
            pauses_since(before.segments, byte)
        )


def test_large_responses_are_not_all_read_at_once(where: str):
    large = [bytes([65 + turn]) * 9_000_000 for turn in range(4)]
    with RecordingWriter(where) as writer:
        for data in large:
            record(writer, b"{}", [(0.1, data)])
    with Recording.open(where) as recording:
        assert [read.response for read in recording.exchanges()] == large
        assert [read.number for read in recording.exchanges(after=2)] == [3, 4]


def test_a_database_moved_away_and_not_to_be_made_anew_is_said_until_it_can(tmp_path: Path):
    folder = tmp_path / "here"
    writer = RecordingWriter(str(folder / "k.db"))
    number = writer.begin(asked(b"1"))
    folder.rename(tmp_path / "there")
    folder.write_text("a file in the folder's place")
    with pytest.raises(RecordingUnavailable):
        writer.begin(asked(b"2"))
    with pytest.raises(RecordingUnavailable):
        writer.finish(number, Outcome.COMPLETE)
    folder.unlink()
    assert writer.begin(asked(b"3")) == 1
    writer.close()


def test_segments_that_are_unpacked_when_somebody_looks_are_like_a_tuple(where: str):
    parts = [(0.5 * i, b"data: %d\n\n" % i) for i in range(50)]
    with RecordingWriter(where) as writer:
        record(writer, b"{}", parts)
    with Recording.open(where) as recording:
        (exchange,) = recording.exchanges()
    segments, expected = exchange.segments, tuple(Segment(at, len(data)) for at, data in parts)
    assert len(segments) == 50
    assert (segments[3], segments[:3]) == (expected[3], expected[:3])
    assert list(segments) == list(expected)
    assert segments == expected
    assert expected == segments
    assert segments != expected[:-1]


def test_arrivals_that_are_not_those_of_the_response_are_said_to_whoever_looks(where: str):
    with RecordingWriter(where) as writer:
        record(writer, b"1", [(0.1, b"data: a\n\n"), (0.2, b"data: b\n\n")])
        record(writer, b"2", [(0.1, b"x")])
    with closing(sqlite3.connect(where)) as database, database:
        database.execute(
            "UPDATE arrivals SET data = (SELECT data FROM arrivals WHERE exchange_id = 1)"
        )
    with Recording.open(where) as recording:
        second = recording.exchange(2)
    assert second.response == b"x"
    with pytest.raises(DamagedRecording, match=r"is damaged .*restore it from a copy"):
        len(second.segments)


def test_bodies_are_whole_in_whatever_order_they_are_read(where: str):
    many = [conversation(30, seed) for seed in range(20)]
    bodies = [body for pair in zip(*many, strict=True) for body in pair]
    with RecordingWriter(where) as writer:
        for second, body in enumerate(bodies):
            record(writer, body, [(0.1, b"x")], second)
    order = list(range(1, len(bodies) + 1))
    random.Random(1).shuffle(order)
    with Recording.open(where) as recording:
        assert [e.request.content for e in recording.exchanges()] == bodies
        for number in order:
            assert recording.exchange(number).request.content == bodies[number - 1]


def test_late_bodies_are_whole_in_whatever_order_they_are_asked_for(where: str):
    many = [conversation(30, seed) for seed in range(20)]
    bodies = [body for pair in zip(*many, strict=True) for body in pair]
    with RecordingWriter(where) as writer:
        for second, body in enumerate(bodies):
            record(writer, body, [(0.1, b"x")], second)
    with Recording.open(where) as recording:
        late = list(recording.exchanges(late=True))
        at_once = list(recording.exchanges())
        assert [e.request for e in late] == [e.request for e in at_once]
        random.Random(2).shuffle(late)
        assert all(e.request.content == bodies[e.number - 1] for e in late)
        assert recording.exchange(7, late=True).request.content == bodies[6]


def test_late_pieces_hold_no_bytes_once_the_next_ones_were_read(
    where: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(content, "_CONTENTS", 256 * 1024)  # that is bounded by itself
    bodies = conversation(70, words=3000)
    with RecordingWriter(where) as writer:
        for second, body in enumerate(bodies):
            record(writer, body, [(0.1, b"x")], second)
    with Recording.open(where) as recording:
        tracemalloc.start()
        late = list(recording.exchanges(late=True))
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < len(bodies[-1]) / 2
        assert all(map(is_, late[-1].request.pieces[:9], late[-2].request.pieces[:9]))


def test_a_late_piece_whose_exchange_was_deleted_is_not_taken_for_another(where: str):
    with RecordingWriter(where) as writer:
        for second, body in enumerate(conversation(40)):
            record(writer, body, [(0.1, b"x")], second)
    with Recording.open(where) as recording:
        first = next(recording.exchanges(late=True))
        list(recording.exchanges(after=20, late=True))
        with closing(sqlite3.connect(where)) as database, database:
            database.execute("UPDATE piece SET digest = randomblob(16)")
        with pytest.raises(DamagedRecording):
            assert first.request.content
