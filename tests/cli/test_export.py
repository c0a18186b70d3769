"""`kimitap export`: each format from a recording, masked by default, refused where it must be."""

import io
import json
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader

from kimitap.exchange import Exchange
from kimitap.store import Recording
from tests.support.captured import every_kind, told
from tests.support.chat import assistant, choice, exchange, request, user
from tests.support.checks import HOSTILE, SECRET, two_threads
from tests.support.collector import collector
from tests.support.commands import Command, Done, command
from tests.support.recordings import recording

TEXTS = ("har", "jsonl", "openai-jsonl", "otlp", "curl")


@pytest.fixture
def kimitap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run a command in the test's own folder."""
    monkeypatch.delenv("KIMITAP_DB", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return command(tmp_path, capsys)


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A lost tool turn (t1) and a healthy one (t3)."""
    return recording(tmp_path / "x.db", two_threads())


def secret_session() -> list[Exchange]:
    said = choice(assistant(f"I keep {SECRET} to myself. {HOSTILE}"))
    return [exchange(1, request(user(f"The key is {SECRET}.")), said, stream=True)]


def process(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """A command as a process of its own, for what standard output really is."""
    command = [sys.executable, "-m", "kimitap.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("kind", TEXTS)
def test_each_format_goes_to_standard_output_or_a_file(
    kimitap: Command, where: Path, tmp_path: Path, kind: str
) -> None:
    shown = process("export", where, "--format", kind)
    path = tmp_path / "out"
    done = kimitap("export", where, "--format", kind, "--output", path)
    assert (shown.returncode, done.returncode, done.stdout) == (0, 0, "")
    assert path.read_bytes() == shown.stdout and shown.stdout


def test_a_file_is_for_its_owner_only_and_replaced_as_a_whole(
    kimitap: Command, where: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.har"
    path.write_text("before")
    path.chmod(0o644)
    assert kimitap("export", where, "-o", path).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".x.har")] == []
    json.loads(path.read_text())


def test_a_failure_leaves_what_was_there(kimitap: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    path.write_text("before")
    done = kimitap("export", tmp_path / "none.db", "-o", path)
    assert done.returncode == 2 and path.read_text() == "before"


def test_the_suffix_tells_the_format(kimitap: Command, where: Path, tmp_path: Path) -> None:
    assert kimitap("export", where, "-o", tmp_path / "x.flow").returncode == 0
    with (tmp_path / "x.flow").open("rb") as file:
        assert len(list(FlowReader(file).stream())) == 4
    done = kimitap("export", where, "-o", tmp_path / "x.json")
    assert done.returncode == 2 and "say --format" in done.stderr


def test_a_flow_file_goes_through_a_pipe(where: Path) -> None:
    done = process("export", where, "--format", "flow")
    flows = list(FlowReader(io.BytesIO(done.stdout)).stream())
    assert all(isinstance(flow, HTTPFlow) for flow in flows) and len(flows) == 4


@pytest.mark.parametrize(
    ("place", "numbers"), [((), [1, 2, 3, 4]), (("t3",), [3, 4]), (("s1",), [1, 2]), (("4",), [4])]
)
def test_a_place_chooses_the_exchanges(
    kimitap: Command, where: Path, place: Sequence[str], numbers: list[int]
) -> None:
    done = kimitap("export", where, *place, "--format", "jsonl")
    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == numbers
    done = kimitap("export", where, *place, "--format", "jsonl", "--turns")
    assert [json.loads(line)["exchange"] for line in done.stdout.splitlines()] == numbers


def test_a_place_that_is_not_there_is_refused(kimitap: Command, where: Path) -> None:
    for place in ("t9", "99"):
        assert kimitap("export", where, place, "--format", "jsonl").returncode == 2
        assert kimitap("export", where, place, "--format", "otlp").returncode == 2


def test_threads_to_train_on_leave_out_what_broke(kimitap: Command, where: Path) -> None:
    done = kimitap("export", where, "--format", "openai-jsonl")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["messages"][-1] == {"role": "assistant", "content": "It says: it."}
    assert "t1 left out: tool-turn-lost at exchange 2" in done.stderr


@pytest.mark.parametrize("kind", TEXTS)
def test_secrets_are_masked_by_default(kimitap: Command, tmp_path: Path, kind: str) -> None:
    where = recording(tmp_path / "x.db", secret_session())
    words = ("--content",) if kind == "otlp" else ()
    done = kimitap("export", where, "--format", kind, *words)
    assert SECRET not in done.stdout + done.stderr and done.stdout
    if kind != "curl":
        assert "masked" in done.stderr


def test_a_secret_that_streamed_in_parts_is_masked(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", secret_session())
    done = kimitap("export", where, "--format", "jsonl", "--turns")
    assert SECRET not in done.stdout
    raw = kimitap("export", where, "--format", "jsonl")
    deltas = json.loads(raw.stdout)["response"]["text"]
    assert "Ab3dEf" not in deltas.replace('"}', "").replace('"', "")


def test_without_redaction_bodies_are_as_recorded(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", secret_session())
    done = kimitap("export", where, "--format", "jsonl", "--redact", "none")
    assert SECRET in json.loads(done.stdout)["request"]["text"]
    assert "read them before you pass them on" in done.stderr


def test_redacted_text_keeps_only_its_shape(kimitap: Command, where: Path) -> None:
    done = kimitap("export", where, "--format", "jsonl", "--turns", "--redact", "text")
    assert "What stands in the file?" not in done.stdout
    first, second = (json.loads(line) for line in done.stdout.splitlines()[:2])
    assert first["echo"] == "blanked"
    assert [f["rule"] for f in second["findings"]] == ["tool-turn-lost"]


@pytest.mark.parametrize("kind", ["har", "flow", "jsonl"])
def test_what_was_exported_comes_back(kimitap: Command, tmp_path: Path, kind: str) -> None:
    before = every_kind()
    where = recording(tmp_path / "x.db", before)
    path = tmp_path / "out"
    kimitap("export", where, "--format", kind, "--redact", "none", "-o", path)
    done = kimitap("import", path, "--db", tmp_path / "again.db")
    assert done.returncode == 0, done.stderr
    assert kimitap("import", path, "--db", where).stdout.startswith(f"{path}: 0 added")
    with Recording.open(str(where)) as one, Recording.open(str(tmp_path / "again.db")) as two:
        pairs = list(zip(one.exchanges(), two.exchanges(), strict=True))
    assert len(pairs) == len(before)
    for old, new in pairs:
        if kind == "flow":
            old, new = (replace(e, segments=(), lost_bytes=0) for e in (old, new))
        assert told(new) == told(old)


def test_curl_has_a_command_a_request(kimitap: Command, where: Path) -> None:
    done = kimitap("export", where, "s1", "--format", "curl")
    assert done.stdout.count("curl --no-buffer -X POST") == 2
    assert done.stdout.startswith("# exchange 1\n")


def test_spans_are_sent_to_a_collector_here(kimitap: Command, where: Path) -> None:
    with collector() as received:
        done = kimitap("export", where, "--format", "otlp", "--endpoint", received.url)
    assert done.returncode == 0 and "spans sent to" in done.stderr
    sent: Any = [s for r in received.requests for rs in r.resource_spans for s in rs.scope_spans]
    assert sum(len(scope.spans) for scope in sent) > 8


@pytest.fixture
def replayed(tmp_path: Path) -> Path:
    """A conversation (exchange 1), and its request sent again by Kimitap, twice."""
    asked, said = request(user("Who owns it?")), choice(assistant("Ada owns it."))
    mark = (("X-Kimitap-Replay", "1"),)
    again = [exchange(n, asked, choice(assistant("Bob.")), headers=mark) for n in (2, 3)]
    return recording(tmp_path / "again.db", [exchange(1, asked, said), *again])


@pytest.mark.parametrize("kind", ["openai-jsonl", "otlp"])
def test_what_kimitap_sent_again_is_left_out_and_said(
    kimitap: Command, replayed: Path, kind: str
) -> None:
    """Neither to train on nor in a trace of what the agent did; unless it is asked for."""
    done = kimitap("export", replayed, "--format", kind)
    assert "t2, t3 left out: sent again by Kimitap" in done.stderr
    assert _told_of(done.stdout, kind) == 1
    done = kimitap("export", replayed, "--format", kind, "--replays")
    assert "left out" not in done.stderr and _told_of(done.stdout, kind) == 3
    done = kimitap("export", replayed, "t2", "--format", kind)
    assert "left out" not in done.stderr and _told_of(done.stdout, kind) == 1
    done = kimitap("export", replayed, "s1", "--format", kind)
    assert "t2, t3 left out" in done.stderr and _told_of(done.stdout, kind) == 1


def _told_of(out: str, kind: str) -> int:
    """How many threads, or turns of a trace."""
    return len(out.splitlines()) if kind == "openai-jsonl" else out.count('"kimitap.exchange"')


@pytest.mark.parametrize("kind", ["har", "jsonl"])
def test_what_kimitap_sent_again_is_marked_in_exchanges(
    kimitap: Command, replayed: Path, kind: str
) -> None:
    said = kimitap("export", replayed, "--format", kind).stdout
    assert said.count("X-Kimitap-Replay") == 2


def test_a_collector_gets_no_replays(kimitap: Command, replayed: Path) -> None:
    with collector() as got:
        done = kimitap("export", replayed, "--format", "otlp", "--endpoint", got.url)
    assert "t2, t3 left out" in done.stderr and "3 spans sent" in done.stderr
    assert len(got.requests) == 1


def test_nothing_is_sent_elsewhere_without_a_word(
    kimitap: Command, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--format", "otlp", "--endpoint", "http://collector.invalid:4318")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    done = kimitap("export", where, *words)
    assert (done.returncode, done.stderr) == (
        2,
        "kimitap: nobody can be asked here: say --yes to send this to "
        "http://collector.invalid:4318\n",
    )
    done = kimitap("export", where, *words, "--yes")
    assert done.returncode == 2 and "took 0 spans" in done.stderr


def test_a_collectors_password_and_key_are_not_printed(kimitap: Command, where: Path) -> None:
    endpoint = "http://me:secretpw@127.0.0.1:9/otel?key=sk-abc"
    done = kimitap("export", where, "--format", "otlp", "--endpoint", endpoint)
    assert done.returncode == 2 and "http://127.0.0.1:9/otel cannot be reached" in done.stderr
    assert "secretpw" not in done.stderr + done.stdout and "sk-abc" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "har", "--turns"),
        ("--format", "jsonl", "--content"),
        ("--format", "har", "--endpoint", "http://127.0.0.1:1"),
        ("--format", "otlp", "--endpoint", "collector"),
        ("--format", "pdf"),
        ("--format", "har", "--redact", "some"),
        ("1", "2", "--format", "har"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    kimitap: Command, where: Path, words: Sequence[str]
) -> None:
    done: Done = kimitap("export", where, *words)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_a_collector_and_a_file_are_not_both_written(
    kimitap: Command, where: Path, tmp_path: Path
) -> None:
    words = ["--format", "otlp", "--endpoint", "http://127.0.0.1:9", "-o", tmp_path / "x.json"]
    done = kimitap("export", where, *words)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "say --endpoint or --output, not both" in done.stderr
    assert not (tmp_path / "x.json").exists()


def test_the_recording_is_never_overwritten(kimitap: Command, where: Path) -> None:
    before = where.read_bytes()
    done = kimitap("export", where, "--format", "har", "-o", where)
    assert done.returncode == 2 and where.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_line(
    kimitap: Command, where: Path, tmp_path: Path
) -> None:
    done = kimitap("export", where, "-o", tmp_path / "none" / "x.har")
    assert done.returncode == 2 and "cannot be written" in done.stderr
