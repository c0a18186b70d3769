"""claude-tap, kvprof and llama-server's prompt logs: samples that the tools themselves wrote."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from kimitap.analysis import Analysis
from kimitap.dialects import decode
from kimitap.exchange import NO_REQUEST, Exchange, Outcome, header
from kimitap.interchange.incoming import claude_tap, kvprof, prompts
from kimitap.interchange.incoming.record import LeftOut, Read
from kimitap.store import Recording
from tests.support.recordings import recording

SAMPLES = Path(__file__).parent / "samples"
KEY = b"a key for tests"


def exchanges(read: Read) -> list[Exchange]:
    found = list(read)
    assert all(isinstance(one, Exchange) for one in found), found
    return [one for one in found if isinstance(one, Exchange)]


def left_out(read: Read) -> LeftOut:
    (one,) = read
    assert isinstance(one, LeftOut)
    return one


def record(path: Path, **changes: Any) -> Path:
    """A line of claude-tap's, changed."""
    value = json.loads((SAMPLES / "claude-tap.jsonl").read_text().splitlines()[0])
    path.write_text(json.dumps(value | changes))
    return path


def trace(path: Path, **changes: Any) -> Path:
    """kvprof's first trace, changed."""
    value = json.loads(kvprof.files(SAMPLES / "kvprof")[0].read_text())
    path.write_text(json.dumps(value | changes))
    return path


# --- claude-tap ---------------------------------------------------------------------------------


def test_claude_taps_turns_are_decoded() -> None:
    one, two = exchanges(claude_tap.read(SAMPLES / "claude-tap.jsonl", KEY))
    turn, after = decode(one), decode(two)
    assert turn and after
    (call,) = turn.reply.message.tool_calls
    assert call.name == "write_to_file" and turn.succeeded
    assert [m.role for m in after.messages] == ["system", "user", "assistant", "tool"]
    assert (one.host, one.port, one.path) == ("127.0.0.1", 44935, "/v1/chat/completions")
    assert one.ended_at
    assert (one.ended_at - one.started_at).total_seconds() == pytest.approx(0.578)
    assert one.started_at < two.started_at


def test_the_message_that_claude_tap_put_together_is_no_stream() -> None:
    one, _ = exchanges(claude_tap.read(SAMPLES / "claude-tap.jsonl", KEY))
    assert header(one.response_headers, "content-type") == "application/json"
    assert json.loads(one.response)["object"] == "chat.completion"


def test_the_events_that_claude_tap_kept_are_a_stream_again() -> None:
    (one,) = exchanges(claude_tap.read(SAMPLES / "claude-tap-events.jsonl", KEY))
    assert header(one.response_headers, "content-type") == "text/event-stream"
    assert one.response.startswith(b'data: {"choices"')
    turn = decode(one)
    assert turn and turn.reply.streamed and turn.reply.complete
    assert turn.reply.finish_reason == "tool_calls"


def test_a_request_has_the_length_that_its_client_sent() -> None:
    one, _ = exchanges(claude_tap.read(SAMPLES / "claude-tap.jsonl", KEY))
    assert len(one.request.content) == int(header(one.request_headers, "content-length"))


def test_a_compact_bundle_says_the_same_as_the_lines() -> None:
    lines = exchanges(claude_tap.read(SAMPLES / "claude-tap.jsonl", KEY))
    bundle = exchanges(claude_tap.read_bundle(SAMPLES / "claude-tap.compact.json", KEY))
    assert bundle[:2] == lines


def test_a_bundle_that_lacks_a_value_leaves_the_record_out(tmp_path: Path) -> None:
    value = json.loads((SAMPLES / "claude-tap.compact.json").read_text())
    path = tmp_path / "x.json"
    path.write_text(json.dumps(value | {"blobs": {}, "records": value["records"][:1]}))
    assert "does not hold" in left_out(claude_tap.read_bundle(path, KEY)).why


def test_a_websocket_is_left_out(tmp_path: Path) -> None:
    out = left_out(claude_tap.read(record(tmp_path / "x", transport="websocket"), KEY))
    assert out.where == "line 1" and "WebSocket" in out.why


def test_an_error_without_a_status_is_no_response(tmp_path: Path) -> None:
    path = record(tmp_path / "x", response={"status": 0, "error": "connection reset"})
    (one,) = exchanges(claude_tap.read(path, KEY))
    assert one.status is None
    assert (one.outcome, one.detail) == (Outcome.INTERRUPTED, "connection reset")


def test_a_named_event_keeps_its_name(tmp_path: Path) -> None:
    events = [
        {"event": "message_stop", "data": {"type": "message_stop"}},
        {"event": "x\ny", "data": "a\nb"},
    ]
    answer = {"status": 200, "headers": {}, "sse_events": events}
    (one,) = exchanges(claude_tap.read(record(tmp_path / "x", response=answer), KEY))
    expected = (
        b'event: message_stop\ndata: {"type":"message_stop"}\n\nevent: x y\ndata: a\ndata: b\n\n'
    )
    assert one.response == expected


# --- kvprof -------------------------------------------------------------------------------------


def test_kvprofs_folder_holds_the_lost_turn() -> None:
    one, two = exchanges(kvprof.read(SAMPLES / "kvprof", KEY))
    turn, after = decode(one), decode(two)
    assert turn and after
    assert turn.reply.message.tool_calls and turn.reply.streamed and turn.reply.complete
    assert [m.role for m in after.messages] == ["user", "assistant", "user"]
    assert after.messages[1].blank


def test_a_request_is_the_wires_where_its_digest_says_so() -> None:
    for path, one in zip(
        kvprof.files(SAMPLES / "kvprof"),
        exchanges(kvprof.read(SAMPLES / "kvprof", KEY)),
        strict=True,
    ):
        told = json.loads(path.read_text())["request"]["body_sha256"]
        assert hashlib.sha256(one.request.content).hexdigest() == told


def test_a_stream_has_all_its_bytes_and_two_times() -> None:
    path = kvprof.files(SAMPLES / "kvprof")[0]
    (one,) = exchanges(kvprof.read(path, KEY))
    told = json.loads(path.read_text())
    assert len(one.response) == told["response"]["bytes"]
    first, last = one.segments
    times = told["timing"]
    assert first.at_s == pytest.approx(times["t_first_event"] - times["t_request"])
    assert last.at_s == pytest.approx(times["t_last_byte"] - times["t_request"])
    assert first.length + last.length == len(one.response)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("client_disconnect", Outcome.CLIENT_HUNG_UP),
        ("upstream_closed", Outcome.SERVER_CUT),
        ("http_error", Outcome.HTTP_ERROR),
    ],
)
def test_kvprofs_outcomes_are_ours(tmp_path: Path, word: str, outcome: Outcome) -> None:
    (one,) = exchanges(kvprof.read(trace(tmp_path / "x.json", outcome=word), KEY))
    assert one.outcome is outcome


def test_a_request_without_an_end_is_left_for_later(tmp_path: Path) -> None:
    out = left_out(kvprof.read(trace(tmp_path / "x.json", outcome="inflight"), KEY))
    assert "had no end yet" in out.why


def test_a_body_that_kvprof_cut_is_said_to_be_cut(tmp_path: Path) -> None:
    asked = {"headers": {}, "body": {"_unparsed": "x" * 4096}, "body_bytes": 9000}
    answer = {"status": 200, "headers": {}, "sse_lines": None, "body_text": "y" * 10, "bytes": 50}
    path = trace(tmp_path / "x.json", request=asked, response=answer)
    (one,) = exchanges(kvprof.read(path, KEY))
    assert one.detail == NO_REQUEST and one.lost_bytes == 40


def test_kvprofs_own_analyses_are_no_traces(tmp_path: Path) -> None:
    for path in kvprof.files(SAMPLES / "kvprof"):
        shutil.copy(path, tmp_path)
        (tmp_path / f"{path.stem}.analysis.json").write_text("{}")
    (tmp_path / ".rawcache.json").write_text("{}")
    assert len(exchanges(kvprof.read(tmp_path, KEY))) == 2


# --- llama-server's prompts ---------------------------------------------------------------------


def logged(folder: Path) -> Path:
    """The sample's prompts, with the times at which they might have come."""
    for i, path in enumerate(sorted((SAMPLES / "llama-prompts").iterdir())):
        shutil.copy(path, folder)
        os.utime(folder / path.name, (1_780_000_000 + i, 1_780_000_000 + i))
    return folder


def test_a_logged_prompt_is_the_text_that_the_model_read(tmp_path: Path) -> None:
    one, two = exchanges(prompts.read(logged(tmp_path), KEY))
    turn = decode(one)
    assert turn
    (message,) = turn.messages
    assert message.text.startswith("<|im_system|>system<|im_middle|>You are Kimi")
    assert "Hallo é" in message.text
    assert (two.started_at - one.started_at).total_seconds() == 1


def test_nothing_is_made_up_beside_a_prompt(tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", exchanges(prompts.read(logged(tmp_path), KEY)))
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
        kept = list(opened.exchanges())
    assert len(analysis.turns) == 2 and analysis.findings == ()
    assert all(one.status is None and not one.response for one in kept)
    assert {one.host for one in kept} == {"llama-prompt-log.invalid"}


def test_a_prompt_is_known_again_in_another_copy_of_the_folder(tmp_path: Path) -> None:
    before = [one.origin for one in exchanges(prompts.read(SAMPLES / "llama-prompts", KEY))]
    after = [one.origin for one in exchanges(prompts.read(logged(tmp_path), KEY))]
    assert sorted(before) == sorted(after) and len(set(after)) == 2


def test_an_empty_prompt_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "000000000001.txt").touch()
    assert left_out(prompts.read(tmp_path, KEY)).where == "000000000001.txt"
