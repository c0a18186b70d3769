"""The command in a real terminal: tmux, real keys, real bytes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kimitap.store import RecordingWriter
from tests.support.recorded import lost, next_turn, record

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed: the real terminal is not tested"
)


class Terminal:
    """One tmux session with a server of its own."""

    def __init__(self, folder: Path, command: str, size: tuple[int, int]) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
        width, height = map(str, size)
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC"}
        environment.pop("NO_COLOR", None)
        start = ["new-session", "-d", "-x", width, "-y", height, command]
        subprocess.run([*self._tmux, *start], check=True, env=environment)
        subprocess.run([*self._tmux, "set-option", "-g", "set-clipboard", "on"], check=True)

    def press(self, *keys: str) -> None:
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def clipboard(self) -> str:
        """What programs have put there by the terminal's sequence, OSC 52."""
        seen = subprocess.run(
            [*self._tmux, "show-buffer"], check=False, capture_output=True, text=True
        )
        return seen.stdout

    def screen(self) -> str:
        seen = subprocess.run(
            [*self._tmux, "capture-pane", "-p"], check=False, capture_output=True, text=True
        )
        return seen.stdout

    def until(self, true: Callable[[str], bool]) -> str:
        for _ in range(300):
            seen = self.screen()
            if true(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"it never came to that:\n{self.screen()}")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    return record(tmp_path / "a.db", lost())


@pytest.fixture
def terminal(tmp_path: Path, recording: str) -> Iterator[Terminal]:
    code = f"cd {tmp_path}; {sys.executable} -m kimitap.cli {recording}; echo status $?; sleep 60"
    opened = Terminal(tmp_path, code, (100, 30))
    yield opened
    opened.close()


def test_it_runs_in_a_real_terminal(terminal: Terminal, recording: str, tmp_path: Path) -> None:
    first = terminal.until(lambda seen: "LOST TURN" in seen and "n next" in seen)
    assert "finding 1/1 tool-turn-lost" in first
    terminal.press("d")
    terminal.until(lambda seen: "CAME BACK BLANK" in seen)
    terminal.press("q")
    terminal.until(lambda seen: "LOST TURN" in seen)
    with RecordingWriter(recording) as writer:
        writer.add(next_turn(4, "In May, says Ada."))
    terminal.until(lambda seen: "#4" in seen and "REC" in seen)
    terminal.press("e")
    terminal.until(lambda seen: "Report written" in seen)
    report = tmp_path / "kimitap-report-s1-3" / "report.md"
    assert report.stat().st_mode & 0o777 == 0o600
    terminal.press("q")
    terminal.until(lambda seen: "status 0" in seen)


def test_a_copy_reaches_the_terminals_clipboard_and_an_editor_gets_the_text(
    tmp_path: Path, recording: str
) -> None:
    editor, got = tmp_path / "editor.sh", tmp_path / "got"
    editor.write_text(f'#!/bin/sh\ncp "$1" {got}.new && mv {got}.new {got}\nread -r _\n')
    editor.chmod(0o700)
    code = f"cd {tmp_path}; EDITOR={editor} {sys.executable} -m kimitap.cli {recording}"
    terminal = Terminal(tmp_path, code, (100, 30))
    try:
        terminal.until(lambda seen: "LOST TURN" in seen and "n next" in seen)
        terminal.press("Y")
        terminal.until(lambda seen: "Copied the place" in seen)
        assert terminal.clipboard() == "exchange 3, message 4; s1 t1"
        terminal.press("o")
        terminal.until(lambda seen: got.exists())
        assert "read_file" in got.read_text()
        assert "LOST TURN" not in terminal.screen()
        terminal.press("Enter")
        terminal.until(lambda seen: "LOST TURN" in seen and "n next" in seen)
    finally:
        terminal.close()
