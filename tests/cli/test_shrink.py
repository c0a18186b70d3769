"""`kimitap shrink`: the smallest recording that shows a finding, as a file."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from kimitap.analysis import Analysis
from kimitap.cli import run
from kimitap.exchange import Exchange
from kimitap.rules.finding import Finding
from kimitap.store import Recording, RecordingWriter
from tests.support.leaking_server import answering, leaking
from tests.support.recorded import lost
from tests.support.recordings import recording

SAMPLE = str(Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db")
Capture = pytest.CaptureFixture[str]


def findings(where: Path | str) -> tuple[Finding, ...]:
    with Recording.open(str(where)) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
    return analysis.findings


def exchanges(where: Path | str) -> list[Exchange]:
    with Recording.open(str(where)) as opened:
        return list(opened.exchanges())


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return tmp_path / "small.db"


def test_the_worst_finding_is_shown_by_a_small_recording(small: Path, capsys: Capture) -> None:
    assert run(["shrink", SAMPLE, "-o", str(small)]) == 0
    out, err = capsys.readouterr()
    (finding,) = findings(small)
    assert (finding.rule, finding.place.exchange) == ("tool-turn-lost", 2)
    assert f"{small}: 2 exchanges, 4 messages" in out
    assert "of 4 exchanges, 16 messages" in out
    assert "exchange 1, which was 1: without it the finding is gone" in out
    assert "tool-turn-lost at exchange 2" in err
    assert "tried)" in err


def test_check_says_the_same_of_the_small_recording(small: Path, capsys: Capture) -> None:
    run(["shrink", SAMPLE, "-o", str(small)])
    capsys.readouterr()
    assert run(["check", str(small)]) == 1
    assert "error: tool-turn-lost  (exchange 2, message " in capsys.readouterr().out


def test_the_file_is_one_file_for_its_owner_only(small: Path) -> None:
    assert run(["shrink", SAMPLE, "-o", str(small)]) == 0
    assert stat.S_IMODE(small.stat().st_mode) == 0o600
    assert [path.name for path in small.parent.iterdir()] == ["small.db"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["1"], 2),
        (["4"], 4),
        (["s1"], 2),
        (["t1", "tool-turn-lost"], 2),
        (["tool-turn-lost", "3"], 3),
    ],
)
def test_a_finding_is_named_by_place_and_rule(
    words: list[str], number: int, small: Path, capsys: Capture
) -> None:
    assert run(["shrink", SAMPLE, *words, "-o", str(small)]) == 0
    assert f"which was {number}: the finding stands in it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tool-turn-los"], "did you mean tool-turn-lost?"),
        (["retry-storm"], "no finding of retry-storm that could be shown"),
        (["t7"], "has no t7; it has t1"),
        (["99"], "exchange 99 is not in it"),
        (["1", "2"], "one place and one rule at most, but got 1 2"),
        (["--least", "3"], "of 1 answers 3 cannot show it"),
    ],
)
def test_what_names_no_finding_is_refused(
    words: list[str], said: str, small: Path, capsys: Capture
) -> None:
    assert run(["shrink", SAMPLE, *words, "-o", str(small)]) == 2
    assert said in capsys.readouterr().err
    assert not small.exists()


def test_a_file_that_is_there_is_replaced_only_by_force(small: Path, capsys: Capture) -> None:
    small.write_text("mine")
    assert run(["shrink", SAMPLE, "-o", str(small)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert small.read_text() == "mine"
    assert run(["shrink", SAMPLE, "-o", str(small), "--force"]) == 0
    assert findings(small)


def test_the_recording_itself_and_one_in_use_are_never_replaced(
    tmp_path: Path, small: Path, capsys: Capture
) -> None:
    own = recording(tmp_path / "own.db", lost())
    assert run(["shrink", str(own), "-o", str(own), "--force"]) == 2
    assert "would overwrite the recording" in capsys.readouterr().err
    with RecordingWriter(str(small)):
        assert run(["shrink", str(own), "-o", str(small), "--force"]) == 2
    assert "open in another program" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "said"), [("", "is a folder"), ("no/small.db", "there is no such folder")]
)
def test_a_place_where_nothing_can_be_written_is_refused(
    tmp_path: Path, output: str, said: str, capsys: Capture
) -> None:
    assert run(["shrink", SAMPLE, "-o", str(tmp_path / output)]) == 2
    assert said in capsys.readouterr().err


def test_without_patience_it_says_that_it_may_get_smaller(small: Path, capsys: Capture) -> None:
    assert run(["shrink", SAMPLE, "-o", str(small), "--seconds", "0"]) == 0
    assert "ended early" in capsys.readouterr().out
    assert findings(small)


@pytest.mark.parametrize(("answers", "status"), [(0, 130), (2, 0)])
def test_ctrl_c_while_a_server_is_silent_writes_what_is_smallest_by_then(
    tmp_path: Path, small: Path, answers: int, status: int
) -> None:
    """Before the server has shown the finding once there is nothing to write."""
    with answering(tmp_path, hangs_after=answers) as (where, url, asked):
        words = ["shrink", str(where), "-o", str(small), "--server", url]
        command = [sys.executable, "-m", "kimitap.cli", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while len(asked) <= answers and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.3)
            os.kill(process.pid, signal.SIGINT)
            out, _ = process.communicate(timeout=30)
            assert process.returncode == status
    assert small.exists() == bool(answers)
    if answers:
        assert "ended early" in out
        assert [f.rule for f in findings(small)] == ["tool-call-in-content"]
    assert not list(tmp_path.glob(".small*"))


def test_a_server_is_asked_and_its_answer_kept(
    tmp_path: Path, small: Path, capsys: Capture
) -> None:
    with answering(tmp_path) as (where, url, asked):
        assert run(["shrink", str(where), "-o", str(small), "--server", url]) == 0
    (left,) = exchanges(small)
    sent = orjson.loads(left.request.content)
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["read_file"]
    assert "temperature" not in sent
    assert b'\\"path\\": \\"b\\"' in left.response
    assert sent in map(orjson.loads, asked)
    assert [f.rule for f in findings(small)] == ["tool-call-in-content"]


def test_a_server_that_does_not_show_it_is_told(
    tmp_path: Path, small: Path, capsys: Capture
) -> None:
    with answering(tmp_path, leaks=False) as (where, url, asked):
        assert run(["shrink", str(where), "-o", str(small), "--server", url, "-n", "3"]) == 2
    assert len(asked) == 3
    assert "do not show the tool-call-in-content" in capsys.readouterr().err
    assert not small.exists()


def test_a_server_that_is_not_there_is_told(small: Path, tmp_path: Path, capsys: Capture) -> None:
    where = recording(tmp_path / "leak.db", [leaking()])
    words = ["shrink", str(where), "-o", str(small), "--server", "http://127.0.0.1:9"]
    assert run(words) == 2
    assert "do not show" in capsys.readouterr().err


def test_nothing_leaves_this_machine_unasked(small: Path, tmp_path: Path, capsys: Capture) -> None:
    where = recording(tmp_path / "leak.db", [leaking()])
    words = ["shrink", str(where), "-o", str(small), "--server", "https://example.invalid"]
    assert run(words) == 2
    assert "say --yes to send this to https://example.invalid" in capsys.readouterr().err


def test_a_finding_in_a_request_is_not_asked_of_a_server(small: Path, capsys: Capture) -> None:
    words = ["shrink", SAMPLE, "-o", str(small), "--server", "http://127.0.0.1:9"]
    assert run(words) == 2
    assert "no server is needed" in capsys.readouterr().err
