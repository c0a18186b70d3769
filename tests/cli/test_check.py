"""`check` with its formats and a project's settings, as a CI job runs it."""

import json
import stat
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from junitparser import JUnitXml

from kimitap.cli import run
from kimitap.export.formats import FORMATS
from tests.support.checks import SECRET, hostile_session, lost_with
from tests.support.recordings import lost_tool_turn, recording

LOST = "tool-turn-lost"


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def home(tmp_path: Path) -> Path:
    recording(tmp_path / "lost.db", lost_tool_turn())
    return tmp_path


def kimitap(home: Path, *words: str) -> Done:
    """Run a command in `home`, in this process."""
    out, err = StringIO(), StringIO()
    with chdir(home), redirect_stdout(out), redirect_stderr(err):
        status = run(words)
    return Done(status, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_exits_with_the_same_status(home: Path, form: str) -> None:
    done = kimitap(home, "check", "lost.db", "--format", form)
    assert (done.returncode, done.stderr) == (1, "")
    assert LOST in done.stdout
    assert kimitap(home, "check", "lost.db", "--format", form, "--ignore", LOST).returncode == 0


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_tells_a_secret(tmp_path: Path, form: str) -> None:
    recording(tmp_path / "a.db", hostile_session())
    done = kimitap(tmp_path, "check", "a.db", "--format", form)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr


def test_the_old_flag_is_the_json_format(home: Path) -> None:
    plain = kimitap(home, "check", "lost.db", "--json")
    assert plain.stdout == kimitap(home, "check", "lost.db", "--format", "json").stdout
    assert kimitap(home, "check", "lost.db", "--json", "--format", "json").returncode == 1
    assert_refused(kimitap(home, "check", "lost.db", "--json", "--format", "sarif"), "not both")


@pytest.mark.parametrize("form", ["sarif", "junit", "json"])
def test_a_report_goes_into_a_file_of_the_owner(home: Path, form: str) -> None:
    out = home / "report"
    out.write_text("of an earlier run " * 9999)
    out.chmod(0o644)
    done = kimitap(home, "check", "lost.db", "--format", form, "--output", "report")
    assert done.returncode == 1
    assert done.stdout == "lost.db: 1 session, 1 thread, 2 turns: 1 error\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = out.read_text()
    if form == "junit":
        assert JUnitXml.fromstring(text.encode()).failures == 1
    else:
        assert json.loads(text)


def test_a_file_that_cannot_be_written_is_one_line(home: Path) -> None:
    done = kimitap(home, "check", "lost.db", "--output", "no/such/folder/report")
    assert_refused(done, "no/such/folder/report cannot be written")
    assert_refused(kimitap(home, "check", "lost.db", "--output", "."), "cannot be written")
    if Path("/dev/full").exists():
        full = kimitap(home, "check", "lost.db", "--output", "/dev/full")
        assert_refused(full, "/dev/full cannot be written")


def test_a_pyproject_s_settings_hold(home: Path) -> None:
    (home / "pyproject.toml").write_text(
        f'[tool.kimitap]\nfail-on = "error"\nseverity = {{ "{LOST}" = "warning" }}\n'
    )
    done = kimitap(home, "check", "lost.db")
    assert (done.returncode, "! warning: tool-turn-lost" in done.stdout) == (0, True)
    assert kimitap(home, "check", "lost.db", "--fail-on", "warning").returncode == 1
    assert kimitap(home, "check", "lost.db", "--no-config").returncode == 1
    assert kimitap(home, "check", "lost.db", "--grade", f"{LOST}=error").returncode == 1


def test_a_settings_file_may_be_named(home: Path) -> None:
    (home / "ci.toml").write_text(f'ignore = ["{LOST}"]')
    assert kimitap(home, "check", "lost.db", "--config", "ci.toml").returncode == 0
    named = kimitap(home, "check", "lost.db", "--config", "none.toml")
    assert_refused(named, "none.toml cannot be read")
    both = kimitap(home, "check", "lost.db", "--config", "ci.toml", "--no-config")
    assert_refused(both, "not both")


@pytest.mark.parametrize("command", ["check", "show", "diff", "tui"])
def test_a_wrong_setting_is_one_line_in_every_command(home: Path, command: str) -> None:
    (home / "kimitap.toml").write_text('ignore = ["tool-turn-lots"]')
    place = ["1"] if command == "diff" else []
    done = kimitap(home, command, "lost.db", *place)
    assert_refused(done, "kimitap.toml: no rule is named 'tool-turn-lots': did you mean " + LOST)


@pytest.mark.parametrize("words", [["--select", "tool-turn-lots"], ["--grade", f"{LOST}=bad"]])
def test_a_wrong_flag_is_one_line(home: Path, words: list[str]) -> None:
    assert_refused(kimitap(home, "check", "lost.db", *words), "tool-turn-lo")


def test_show_and_diff_tell_the_same_choice(home: Path) -> None:
    assert "✗ error: tool-turn-lost" in kimitap(home, "show", "lost.db").stdout
    (home / "kimitap.toml").write_text(f'severity = {{ "{LOST}" = "info" }}')
    assert "i info: tool-turn-lost" in kimitap(home, "show", "lost.db").stdout
    assert "**info, agent:**" in kimitap(home, "diff", "lost.db", "1").stdout
    gone = kimitap(home, "show", "lost.db", "--ignore", LOST).stdout
    assert LOST not in gone and "Write Test.md" in gone
    assert LOST not in kimitap(home, "diff", "lost.db", "1", "--ignore", LOST).stdout


def test_the_process_does_the_same(home: Path) -> None:
    words = [sys.executable, "-m", "kimitap.cli", "check", "lost.db", "--format"]
    for form in ("github", "sarif"):
        done = subprocess.run(
            [*words, form], cwd=home, capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (1, b"")
        assert done.stdout.decode() == kimitap(home, *words[3:], form).stdout


def in_bash(home: Path, command: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `kimitap` is this one."""
    line = f'kimitap() {{ "{sys.executable}" -m kimitap.cli "$@"; }}; {command}'
    return subprocess.run(
        ["bash", "-c", line], cwd=home, capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize("form", ["json", "sarif", "junit"])
def test_what_programs_read_is_utf_8_in_any_locale(tmp_path: Path, form: str) -> None:
    recording(tmp_path / "a.db", lost_with("é ✓ 😀"))
    said = f"PYTHONIOENCODING=latin-1 kimitap check a.db --format {form}"
    done = in_bash(tmp_path, said)
    assert (done.returncode, done.stderr) == (1, b"")
    assert "é ✓ 😀" in done.stdout.decode()
    if form == "junit":
        assert JUnitXml.fromstring(done.stdout).failures == 1
    else:
        assert json.loads(done.stdout)


def test_the_status_holds_though_nobody_reads(home: Path) -> None:
    done = in_bash(home, "kimitap check lost.db | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["check", "check --format json", "show", "check --watch"])
def test_a_full_disk_under_the_output_is_one_line(home: Path, command: str) -> None:
    done = in_bash(home, f"kimitap {command} lost.db > /dev/full")
    assert done.returncode == 2
    said = "kimitap: the output cannot be read or written: No space left on device"
    assert done.stderr.decode().splitlines()[-1] == said


@pytest.mark.parametrize("words", ["", "--no-config"])
def test_a_folder_that_was_taken_away_is_one_line(home: Path, words: str) -> None:
    gone = f"mkdir gone; cd gone; rmdir ../gone; kimitap check {home}/lost.db {words}"
    done = in_bash(home, gone)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


def test_the_output_never_overwrites_the_recording(home: Path) -> None:
    before = (home / "lost.db").read_bytes()
    (home / "link.db").symlink_to("lost.db")
    for words in ([], ["--watch"]):
        done = kimitap(home, "check", "lost.db", "--output", "link.db", *words)
        assert_refused(done, "would overwrite the recording")
    assert (home / "lost.db").read_bytes() == before


def test_help_names_the_formats_and_the_choice(home: Path) -> None:
    said = " ".join(kimitap(home, "check", "--help").stdout.split())
    for word in (*FORMATS, "--select", "--ignore", "--grade", "--config", "--watch", "--output"):
        assert word in said


def assert_refused(done: Done, word: str) -> None:
    """Exit status 2, and one line on stderr that holds `word`."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert word in done.stderr
