"""`kimitap run`: a real recorder in a process of its own, a scripted server, real commands."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from kimitap.cli import run as kimitap
from kimitap.demo.upstream import Upstream
from kimitap.store import Recording
from tests.support.proxy import ROOT, free_port, wait_for
from tests.support.terminal import CTRL_C, Terminal

AGENT = [sys.executable, "-m", "tests.support.agent_command"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Upstream() as upstream:
        yield upstream.url


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("KIMITAP", "OPENAI"))]:
        monkeypatch.delenv(name)
    with chdir(ROOT):
        yield


def test_a_healthy_agent_passes_and_its_output_is_its_own(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    where = str(tmp_path / "run.db")
    assert kimitap(["run", "--upstream", server, "--db", where, "--", *AGENT, "healthy"]) == 0
    said = capfd.readouterr()
    assert said.out == "the agent took 5 turns\n"
    assert f"recording {server} into {where}" in said.err
    assert "1 session, 1 thread, 5 turns" in said.err
    with Recording.open(where) as recording:
        assert not recording.in_flight()
        assert recording.numbers() == [1, 2, 3, 4, 5]


def test_a_lost_turn_fails_the_run_and_only_this_run_is_told(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    where = str(tmp_path / "run.db")
    words = ["run", "--upstream", server, "--db", where]
    assert kimitap([*words, *AGENT, "lossy"]) == 1
    assert "✗ error: tool-turn-lost" in capfd.readouterr().err
    assert kimitap([*words, "--quiet", *AGENT, "healthy"]) == 0
    said = capfd.readouterr().err
    assert "tool-turn-lost" not in said
    assert said.splitlines() == [f"{where}: 1 session, 1 thread, 5 turns: nothing wrong found"]


def test_the_command_s_own_failure_comes_first(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db"), *AGENT, "lossy", "5"]
    assert kimitap(words) == 5
    assert "tool-turn-lost" in capfd.readouterr().err


def test_findings_are_chosen_graded_and_formatted_as_check_does(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db")]
    words += ["--grade", "tool-turn-lost=warning", "--select", "tool-turn-lost"]
    output = tmp_path / "found.json"
    words += ["--format", "json", "--output", str(output), *AGENT, "lossy"]
    assert kimitap(words) == 0
    told = json.loads(output.read_text())
    assert {f["rule"] for f in told["findings"]} == {"tool-turn-lost"}
    assert {f["severity"] for f in told["findings"]} == {"warning"}
    assert output.stat().st_mode & 0o777 == 0o600
    assert "warning" in capfd.readouterr().err


def test_a_finding_below_the_threshold_of_the_flag_fails_too(server: str, tmp_path: Path) -> None:
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db")]
    words += ["--grade", "tool-turn-lost=warning", "--fail-on", "warning", *AGENT, "lossy"]
    assert kimitap(words) == 1


def test_findings_that_cannot_be_written_cost_no_status(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db")]
    assert kimitap([*words, "--output", str(tmp_path), *AGENT, "healthy", "5"]) == 5
    assert "cannot be written" in capfd.readouterr().err


def test_a_command_that_asks_nobody_is_told_loudly(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db")]
    nothing = [sys.executable, "-c", "pass"]
    assert kimitap([*words, "--", *nothing]) == 2
    said = capfd.readouterr().err
    assert "NOTHING WENT THROUGH THE RECORDER" in said
    assert "OPENAI_BASE_URL" in said
    assert "API_KEY" not in said
    assert kimitap([*words, "--allow-empty", "--", *nothing]) == 0
    assert "the recording is empty" in capfd.readouterr().err


def test_the_address_stands_in_words_and_in_other_variables(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shows = "import os, sys; print(sys.argv[1], os.environ['MINE'])"
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db"), "--env", "MINE=/v1"]
    kimitap([*words, "--allow-empty", "--", sys.executable, "-c", shows, "--api={url}/v1"])
    flag, variable = capfd.readouterr().out.split()
    assert flag == f"--api={variable}"
    assert variable.startswith("http://127.0.0.1:")
    assert variable.endswith("/v1")


def test_a_server_that_is_down_is_said_and_the_command_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--upstream", f"http://127.0.0.1:{free_port()}"]
    words += ["--db", str(tmp_path / "run.db"), "--", sys.executable, "-c", "print('ran')"]
    assert kimitap(words) == 2
    said = capfd.readouterr()
    assert said.out == "ran\n"
    assert "nobody answers at" in said.err


def test_a_server_that_answers_nothing_is_not_taken_for_a_run_without_faults(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asks = (
        "import os, urllib.request as u\n"
        "url = os.environ['OPENAI_BASE_URL'] + '/chat/completions'\n"
        "try: u.urlopen(url, b'{\"messages\":[]}')\n"
        "except OSError: pass"
    )
    words = ["run", "--upstream", f"http://127.0.0.1:{free_port()}", "--db", str(tmp_path / "r.db")]
    assert kimitap([*words, "--", sys.executable, "-c", asks]) == 2
    assert "THE SERVER ANSWERED NO REQUEST" in capfd.readouterr().err
    assert kimitap([*words, "--allow-empty", "--", sys.executable, "-c", asks]) == 0


def test_a_command_that_cannot_be_started_gives_a_shell_s_status(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db"), "--quiet", "--"]
    assert kimitap([*words, "no-such-command-here"]) == 127
    assert capfd.readouterr().err == "kimitap: no-such-command-here: there is no such command\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--", "true"], "Missing option '--upstream'"),
        (["--upstream", "http://127.0.0.1:1"], "Missing argument 'COMMAND...'"),
        (["--upstream", "ftp://h", "true"], "ftp://h is no server's address"),
        (["--upstream", "foo", "true"], "foo is no server's address: say one like http://127"),
        (["--upstream", "8080", "true"], "8080 is no server's address"),
        (["--upstream", "http://h/v1", "true"], "has a path"),
        (["--upstream", "http://h", "--env", "X", "true"], "--env X names no variable"),
        (["--upstream", "http://h", "--db", ".", "true"], " is a folder"),
        (["--upstream", "http://h", "--output", "no/such/file", "true"], "there is no such folder"),
        (["--upstream", "http://h", "--select", "no-rule", "true"], "no rule is named"),
    ],
)
def test_wrong_use_is_one_line_and_runs_nothing(
    words: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kimitap(["run", *words]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line


def test_ctrl_c_in_a_terminal_is_the_command_s_and_all_is_recorded(
    server: str, tmp_path: Path
) -> None:
    where, ready = tmp_path / "run.db", tmp_path / "ready"
    code = (
        "import signal, sys, pathlib\n"
        "from tests.support.agent_command import main\n"
        "def leave(*_):\n    main('healthy')\n    sys.exit(9)\n"
        "signal.signal(signal.SIGINT, leave)\n"
        "main('healthy')\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "signal.pause()\n"
    )
    words = ["run", "--upstream", server, "--db", str(where), "--"]
    python = [sys.executable, "-c", code, str(ready)]
    terminal = Terminal([sys.executable, "-m", "kimitap.cli", *words, *python])
    wait_for(ready.exists, "the command", 60)
    terminal.type(CTRL_C)
    status, said = terminal.end()
    assert status == 9, said
    assert said.count("the agent took 5 turns") == 2
    assert "2 sessions, 2 threads, 10 turns" in said


def process_of(parent: int, word: str) -> str:
    """The child of `parent` whose command line holds `word`."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    if not children.exists():
        pytest.skip("needs Linux's /proc to find the command's process")
    for pid in children.read_text().split():
        if word in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    raise AssertionError(f"no child of {parent} has {word}")


def test_the_recorder_ends_where_kimitap_is_killed(server: str, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(1)"
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db"), "--"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kimitap.cli", *words, sys.executable, "-c", code, str(ready)],
        stderr=subprocess.DEVNULL,
    )
    wait_for(ready.exists, "the command", 60)
    recorder = process_of(process.pid, "kimitap.running.child")
    process.kill()
    process.wait(20)
    wait_for(lambda: not Path(f"/proc/{recorder}/cmdline").exists(), "the recorder's end", 60)


def test_a_recorder_that_dies_is_told_and_the_run_fails(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import os, signal, time\n"
        "from tests.cli.test_run import process_of\n"
        "from tests.support.agent_command import main\n"
        "main('healthy')\n"
        "os.kill(int(process_of(os.getppid(), 'kimitap.running.child')), signal.SIGKILL)\n"
        "time.sleep(0.5)\n"
    )
    words = ["run", "--upstream", server, "--db", str(tmp_path / "run.db")]
    assert kimitap([*words, "--", sys.executable, "-c", code]) == 2
    said = capfd.readouterr().err
    assert "the recorder ended before the command" in said
    assert "1 session, 1 thread, 5 turns" in said
