"""Flow files: by `import_capture` and by `mitmdump -n -r`, with the same result."""

import gzip
import json
import lzma
import random
import resource
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mitmproxy import http, tcp
from mitmproxy.connection import Client, Server
from mitmproxy.flow import Error, Flow
from mitmproxy.io import FlowWriter
from mitmproxy.websocket import WebSocketData

from kimitap.errors import CaptureError
from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Exchange, Outcome, Segment
from kimitap.recorder import Imported, import_capture
from kimitap.store import Recording
from tests.support.proxy import SCRIPT, environment, mitmdump

START = 1_750_000_000.25
EVENTS = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":null}]}\n\n'
DONE = b"data: [DONE]\n\n"


def flow(path: str, **settings: object) -> http.HTTPFlow:
    """A finished exchange, one second long; `settings` change its response, or leave it out."""
    client = Client(peername=("127.0.0.1", 50123), sockname=("127.0.0.1", 9090), state=0)
    server = Server(address=("127.0.0.1", 8080), timestamp_tcp_setup=START, state=0)
    made = http.HTTPFlow(client, server)
    made.request = http.Request.make(
        "POST",
        f"http://127.0.0.1:8080{path}",
        b'{"messages":[{"role":"user","content":"' + path.split("?")[0].encode() + b'"}]}',
        {"Content-Type": "application/json", "Authorization": "Bearer planted-secret-1"},
    )
    made.request.timestamp_start = START
    made.request.timestamp_end = START + 0.001
    if settings.get("response", True):
        status, content = settings.get("status", 200), settings.get("content", b'{"choices":[]}')
        kind = settings.get("kind", "application/json")
        made.response = http.Response.make(status, b"", {"Content-Type": kind})  # type: ignore[arg-type]
        made.response.raw_content = content  # type: ignore[assignment]
        made.response.headers["Content-Length"] = "14"
        made.response.timestamp_start = START + 0.5
        made.response.timestamp_end = START + 1
    if error := settings.get("error"):
        made.error = Error(str(error), START + 1.5)
    return made


def tcp_flow() -> tcp.TCPFlow:
    made = tcp.TCPFlow(
        Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2)),
        Server(address=("127.0.0.1", 3)),
    )
    made.messages = [tcp.TCPMessage(True, b"hello")]
    return made


def websocket() -> http.HTTPFlow:
    made = flow("/socket", status=101, content=None)
    made.websocket = WebSocketData()
    return made


def refused() -> http.HTTPFlow:
    made = flow("/refused", response=False, error="[Errno 111] Connect call failed")
    made.server_conn.timestamp_tcp_setup = None
    return made


STREAM = {"kind": "text/event-stream"}


def all_kinds() -> list[Flow]:
    gone = "Client disconnected."
    return [
        flow("/whole"),
        flow("/error", status=500, content=b'{"error":{}}'),
        flow("/stream", content=EVENTS + DONE, **STREAM),
        flow("/left-at-done", content=EVENTS + DONE, error=gone, **STREAM),
        flow("/left", content=EVENTS, error=gone, **STREAM),
        flow("/cut", content=EVENTS, error="peer closed connection", **STREAM),
        refused(),
        flow("/unanswered", response=False),
        flow("/no-body", content=None, **STREAM),
        flow("/empty", content=b""),
        tcp_flow(),
        websocket(),
        flow("/query?api_key=planted-secret-2"),
    ]


OUTCOMES = {
    "/whole": Outcome.COMPLETE,
    "/error": Outcome.HTTP_ERROR,
    "/stream": Outcome.COMPLETE,
    "/left-at-done": Outcome.COMPLETE,
    "/left": Outcome.CLIENT_HUNG_UP,
    "/cut": Outcome.SERVER_CUT,
    "/refused": Outcome.REFUSED,
    "/unanswered": Outcome.INTERRUPTED,
    "/no-body": Outcome.COMPLETE,
    "/empty": Outcome.COMPLETE,
    "/socket": Outcome.COMPLETE,
}


def write(path: Path, flows: Iterable[Flow]) -> Path:
    with path.open("wb") as file:
        writer = FlowWriter(file)
        for one in flows:
            writer.add(one)
    return path


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write(tmp_path / "capture.flow", all_kinds())


@pytest.fixture(autouse=True)
def state(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same digest key here as in the processes that the tests start."""
    monkeypatch.setenv("XDG_STATE_HOME", environment(home)["XDG_STATE_HOME"])


def read(where: Path) -> list[Exchange]:
    with Recording.open(str(where)) as recording:
        return list(recording.exchanges())


def test_a_capture_comes_in_with_its_own_times_and_outcomes(capture: Path, tmp_path: Path) -> None:
    where = tmp_path / "kimitap.db"
    assert import_capture(capture, str(where)) == Imported(12, passed_over=1, bodiless=1)
    exchanges = {e.path: e for e in read(where)}
    assert {path: exchanges[path].outcome for path in OUTCOMES} == OUTCOMES
    whole = exchanges["/whole"]
    assert whole.started_at == datetime.fromtimestamp(START, UTC)
    assert whole.headers_at == datetime.fromtimestamp(START + 0.5, UTC)
    assert whole.ended_at == datetime.fromtimestamp(START + 1, UTC)
    assert whole.client == "127.0.0.1:50123"
    assert whole.request.content == b'{"messages":[{"role":"user","content":"/whole"}]}'
    assert whole.response == b'{"choices":[]}'
    assert whole.segments == (Segment(1.0, 14),)
    assert exchanges["/left"].response == EVENTS
    assert exchanges["/left"].detail == "Client disconnected."
    assert exchanges["/refused"].status is None
    assert exchanges["/socket"].status == 101


def test_a_body_that_the_capture_lacks_is_named_as_lost(capture: Path, tmp_path: Path) -> None:
    where = tmp_path / "kimitap.db"
    import_capture(capture, str(where))
    lacking = next(e for e in read(where) if e.path == "/no-body")
    assert lacking.response == b""
    assert lacking.lost_bytes == 14
    assert lacking.detail == lacking.unkept == NO_RESPONSE


def test_a_capture_that_left_the_bodies_out_says_so_of_both_sides(tmp_path: Path) -> None:
    made, where = flow("/streamed", content=None), tmp_path / "k.db"
    made.request.raw_content = None
    capture = write(tmp_path / "streamed.flow", [made])
    assert import_capture(capture, str(where)) == Imported(added=1, bodiless=1)
    (exchange,) = read(where)
    assert exchange.detail == f"{NO_REQUEST}; {NO_RESPONSE}"


def test_a_capture_of_a_client_that_left_lacks_the_body_for_that(tmp_path: Path) -> None:
    left = flow("/left", content=None, error="Client disconnected.", **STREAM)
    where = tmp_path / "k.db"
    import_capture(write(tmp_path / "left.flow", [left]), str(where))
    (exchange,) = read(where)
    assert (exchange.outcome, exchange.detail) == (Outcome.CLIENT_HUNG_UP, "Client disconnected.")


def test_credentials_of_a_capture_do_not_reach_the_disk(capture: Path, tmp_path: Path) -> None:
    where = tmp_path / "kimitap.db"
    import_capture(capture, str(where))
    exchanges = read(where)
    marks = {dict(e.request_headers)["Authorization"] for e in exchanges}
    assert len(marks) == 1
    assert marks.pop().startswith("Bearer [masked:")
    assert any(e.path.startswith("/query?api_key=[masked:") for e in exchanges)
    for file in tmp_path.glob("kimitap.db*"):
        assert b"planted-secret" not in file.read_bytes()


def test_the_same_capture_again_adds_nothing(capture: Path, tmp_path: Path) -> None:
    where = tmp_path / "kimitap.db"
    import_capture(capture, str(where))
    assert import_capture(capture, str(where)) == Imported(added=0, skipped=12, passed_over=1)
    assert len(read(where)) == 12


def run_mitmdump(
    capture: Path, where: Path | str, home: Path, status: int = 0, largest_file: int = -1
) -> str:
    """What mitmdump says while it reads `capture` into `where`, and ends with `status`."""
    command = mitmdump(
        *("-n", "-r", str(capture), "-s", str(SCRIPT)),
        *("--set", f"confdir={home / 'mitmproxy'}", "--set", f"kimitap_db={where}"),
    )
    done = subprocess.run(
        command,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, -1)),
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


def test_mitmdump_reads_a_capture_with_the_same_result_and_says_what_it_did(
    capture: Path, tmp_path: Path, home: Path
) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    import_capture(capture, str(ours))
    said = run_mitmdump(capture, theirs, home)
    assert "12 exchanges added from the capture, 1 flow passed over, being no HTTP" in said
    assert "connection_strategy" not in said
    assert [replace(e, number=0) for e in read(theirs)] == [
        replace(e, number=0) for e in read(ours)
    ]
    said = run_mitmdump(capture, theirs, home)
    assert "0 exchanges added from the capture, 12 skipped, being there already" in said
    assert len(read(theirs)) == 12


@pytest.mark.parametrize(
    "where", ["notes.txt", "postgresql+psycopg://127.0.0.1:1/x", "file/kimitap.db"]
)
def test_mitmdump_exits_with_1_if_the_capture_cannot_be_added(
    capture: Path, tmp_path: Path, home: Path, where: str
) -> None:
    (tmp_path / "notes.txt").write_text("my notes\n" * 50)
    (tmp_path / "file").touch()
    said = run_mitmdump(capture, where if "://" in where else tmp_path / where, home, status=1)
    assert said.count("Kimitap cannot record") == 1
    assert "12 NOT or not wholly recorded" in said


@pytest.mark.parametrize("wrong", ["missing", "notes", "cut"])
def test_mitmdump_names_a_file_that_it_cannot_read_without_a_traceback(
    capture: Path, tmp_path: Path, home: Path, wrong: str
) -> None:
    capture.write_bytes({"cut": capture.read_bytes()[:-40], "notes": b"my notes"}.get(wrong, b""))
    if wrong == "missing":
        capture.unlink()
    said = run_mitmdump(capture, tmp_path / "kimitap.db", home, status=1)
    assert "`kimitap import FILE` says more" in said


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file's limit ends the process")
def test_mitmdump_exits_with_1_if_only_a_part_of_the_capture_could_be_added(
    tmp_path: Path, home: Path
) -> None:
    noise = random.Random(1).randbytes(1_000_000)
    capture = write(tmp_path / "big.flow", [flow("/one"), flow("/big", content=noise)])
    where = tmp_path / "kimitap.db"
    said = run_mitmdump(capture, where, home, status=1, largest_file=400_000)
    assert "Kimitap does NOT record" in said
    assert "1 exchange added from the capture, 1 NOT or not wholly recorded" in said
    assert [exchange.path for exchange in read(where)] == ["/one"]


@pytest.mark.parametrize(("suffix", "opener"), [("xz", lzma.open), ("gz", gzip.open)])
def test_a_compressed_capture_is_read_as_it_is(
    capture: Path, tmp_path: Path, suffix: str, opener: type
) -> None:
    packed = tmp_path / f"capture.flow.{suffix}"
    with opener(packed, "wb") as file:
        file.write(capture.read_bytes())
    assert import_capture(packed, str(tmp_path / "kimitap.db")).added == 12


def test_a_har_is_read_too(tmp_path: Path) -> None:
    entry = {
        "startedDateTime": "2026-01-02T03:04:05.000Z",
        "time": 1000,
        "timings": {"connect": -1, "ssl": -1, "send": 1, "receive": 1, "wait": 998},
        "serverIPAddress": "127.0.0.1",
        "connection": "8080",
        "request": {
            "method": "POST",
            "url": "http://127.0.0.1:8080/v1/chat/completions",
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "postData": {"mimeType": "application/json", "text": '{"messages":[]}'},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"size": 2, "mimeType": "application/json", "text": "{}"},
        },
    }
    har = tmp_path / "capture.har"
    har.write_text(json.dumps({"log": {"entries": [entry]}}))
    where = tmp_path / "kimitap.db"
    assert import_capture(har, str(where)).added == 1
    (exchange,) = read(where)
    assert exchange.path == "/v1/chat/completions"
    assert exchange.response == b"{}"


def test_a_capture_that_breaks_off_keeps_what_came_before_and_says_how_much(
    capture: Path, tmp_path: Path
) -> None:
    whole = capture.read_bytes()
    first_two = write(tmp_path / "two.flow", all_kinds()[:2]).stat().st_size
    capture.write_bytes(whole[: first_two + 500])
    where = tmp_path / "kimitap.db"
    with pytest.raises(CaptureError) as caught:
        import_capture(capture, str(where))
    assert str(caught.value) == (
        f"{capture} breaks off or is damaged; the 2 flows before that were read and kept"
    )
    assert len(read(where)) == 2


def test_a_compressed_capture_that_breaks_off_says_so_too(capture: Path, tmp_path: Path) -> None:
    packed = tmp_path / "capture.flow.xz"
    packed.write_bytes(lzma.compress(capture.read_bytes() * 30)[:-40])
    with pytest.raises(CaptureError, match=r"breaks off or is damaged; the [0-9]+ flows before"):
        import_capture(packed, str(tmp_path / "kimitap.db"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"my notes\n" * 20, "holds no whole flow"),
        (b"12345678901234567890", "holds no whole flow"),
        (b"\xfd7zXZ\x00garbage", "holds no whole flow"),
        (b'{"log": 1}', "holds no whole flow"),
        (b"4:null,", "holds no whole flow"),
    ],
)
def test_a_file_that_is_no_capture_is_named_in_one_line(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.flow"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        import_capture(path, str(tmp_path / "kimitap.db"))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_capture_and_a_folder_are_named_in_one_line(tmp_path: Path) -> None:
    where = str(tmp_path / "kimitap.db")
    with pytest.raises(CaptureError, match=r"none\.flow cannot be read: No such file"):
        import_capture(tmp_path / "none.flow", where)
    with pytest.raises(CaptureError, match="cannot be read: Is a directory"):
        import_capture(tmp_path, where)


def test_an_empty_capture_adds_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.flow"
    empty.touch()
    assert import_capture(empty, str(tmp_path / "kimitap.db")) == Imported()


def test_a_file_that_cannot_be_read_makes_no_recording(tmp_path: Path) -> None:
    with pytest.raises(CaptureError):
        import_capture(tmp_path / "nosuch.flow", str(tmp_path / "made" / "x.db"))
    assert not (tmp_path / "made").exists()
