"""The command's process: its status and its signals. Real processes, a real terminal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kimitap.running import CannotStart, run_command
from tests.support.proxy import ROOT, wait_for
from tests.support.terminal import CTRL_C, Terminal

PASSES_ON = (  # a test run in the background may have been told to ignore Ctrl-C
    "import os, signal, sys; from kimitap.running import run_command; "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "sys.exit(run_command(sys.argv[1:], os.environ))"
)
WAITS = (
    "import signal, sys, pathlib, time\n"
    "def note(number, frame):\n"
    "    with open(sys.argv[1], 'a') as file: print(signal.Signals(number).name, file=file)\n"
    "for name in ('SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP'):\n"
    "    signal.signal(getattr(signal, name), note)\n"
    "with open(sys.argv[1], 'w') as file: print('ready', file=file)\n"
    "def done(said): return 'SIGTERM' in said or said.count('SIGINT') == 2\n"
    "while not done(pathlib.Path(sys.argv[1]).read_text()): time.sleep(0.02)\n"
    "sys.exit(7)\n"
)


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


def test_the_status_is_the_command_s() -> None:
    assert run_command(python("raise SystemExit(3)"), os.environ) == 3
    assert run_command(python("pass"), os.environ) == 0


def test_a_command_that_a_signal_ended_gives_what_a_shell_gives() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_command(python(code), os.environ) == 128 + signal.SIGKILL


def test_the_environment_is_the_one_that_is_given() -> None:
    code = "import os; raise SystemExit(int(os.environ['ANSWER']))"
    assert run_command(python(code), {**os.environ, "ANSWER": "42"}) == 42


def test_what_is_typed_and_what_is_said_pass_through() -> None:
    echoes = "import sys; print(sys.stdin.read().upper()); print('oh', file=sys.stderr)"
    done = subprocess.run(
        python(PASSES_ON, *python(echoes)),
        cwd=ROOT,
        input="tea\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("TEA\n\n", "oh\n")


def test_a_command_that_is_not_there_is_127() -> None:
    with pytest.raises(CannotStart, match="there is no such command") as raised:
        run_command(["no-such-command-here"], os.environ)
    assert raised.value.status == 127


def test_a_command_that_may_not_run_is_126(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no program")
    with pytest.raises(CannotStart, match="cannot be started") as raised:
        run_command([str(tmp_path / "notes")], os.environ)
    assert raised.value.status == 126


def test_a_word_that_no_command_can_take_is_126() -> None:
    with pytest.raises(CannotStart) as raised:
        run_command(["echo", "a\0b"], os.environ)
    assert raised.value.status == 126


def test_signals_go_on_to_the_command_and_its_end_is_waited_for(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    passing = subprocess.Popen(
        python(PASSES_ON, *python(WAITS, str(notes))), cwd=ROOT, start_new_session=True
    )
    wait_for(notes.exists, "the command")
    for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        passing.send_signal(number)
        wait_for(lambda n=number: signal.Signals(n).name in notes.read_text(), f"signal {number}")  # type: ignore[misc]
    assert passing.wait(20) == 7


def test_what_is_ignored_stays_ignored_for_both() -> None:
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); import os, sys; "
        "from kimitap.running import run_command; "
        "sys.exit(run_command(sys.argv[1:], os.environ))"
    )
    asks = "import signal; raise SystemExit(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    done = subprocess.run(python(code, *python(asks)), cwd=ROOT, check=False)
    assert done.returncode == 1


def test_keys_of_a_terminal_reach_the_command_once_each(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    terminal = Terminal(python(PASSES_ON, *python(WAITS, str(notes))))
    wait_for(notes.exists, "the command")
    terminal.type(CTRL_C)
    wait_for(lambda: "SIGINT" in notes.read_text(), "Ctrl-C")
    terminal.type(CTRL_C)
    status, _ = terminal.end()
    assert status == 7
    assert notes.read_text().split() == ["ready", "SIGINT", "SIGINT"]
