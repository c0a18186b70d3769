"""`check --watch` beside a real recorder: each finding once, as it happens."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from kimitap.store import RecordingWriter
from tests.support.chat import request, user
from tests.support.checks import lost_with
from tests.support.proxy import (
    Peer,
    Upstream,
    environment,
    fetch,
    request_bytes,
    start_proxy,
    upstream,
    wait_for,
)
from tests.support.recordings import healthy_tool_turn, lost_tool_turn, recording

CHAT = "/v1/chat/completions"


class Watcher:
    """A real `kimitap check --watch` process, and what it has said."""

    def __init__(self, home: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kimitap.cli", "check", "--watch", *words],
            cwd=home,
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        self.out: list[str] = []
        self.notes: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.notes))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe: Any, lines: list[str]) -> None:
        for line in pipe:
            lines.append(line.rstrip("\n"))

    def said(self, word: str) -> str:
        """Wait for a line on stdout that holds `word`."""
        return wait_for(lambda: next((x for x in self.out if word in x), ""), f"{word} in {self}")

    def noted(self, word: str) -> str:
        """The same on stderr."""
        return wait_for(lambda: next((x for x in self.notes if word in x), ""), f"{word} in {self}")

    def __str__(self) -> str:
        return "\n".join((*self.out, "--", *self.notes))

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C, and the exit status."""
        self.process.send_signal(by)
        status = self.process.wait(20)
        for reader in self._readers:
            reader.join(20)
        return status

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out]


@contextmanager
def watching(home: Path, *words: str) -> Iterator[Watcher]:
    watcher = Watcher(home, *words)
    try:
        yield watcher
    finally:
        if watcher.process.poll() is None:
            watcher.process.kill()
            watcher.process.wait(20)


def answering(bodies: list[bytes]) -> Callable[[Peer], None]:
    left = iter(bodies)
    return lambda peer: peer.answer(next(left), extra="Content-Type: application/json\r\n")


def ask(port: int, body: bytes) -> None:
    head, _ = fetch(port, request_bytes(CHAT, body))
    assert b" 200 " in head.split(b"\r\n")[0]


def test_findings_are_told_while_a_real_recorder_writes(tmp_path: Path) -> None:
    first, second = lost_with("hello")
    where = tmp_path / "live.db"
    server: Upstream
    with upstream() as server, watching(tmp_path, str(where)) as watcher:
        watcher.noted("no recording is there yet")
        server.on(CHAT, answering([first.response, second.response, second.response]))
        proxy = start_proxy(server.url, where, tmp_path)
        try:
            watcher.noted("watching")
            ask(proxy.port, first.request.content)
            time.sleep(0.7)
            assert watcher.out == []
            ask(proxy.port, second.request.content)
            watcher.said("✗ error: tool-turn-lost  (exchange 2, message 1;")
            told = len(watcher.out)
            aside = request(user("And what is 2 + 2?"))
            ask(proxy.port, orjson.dumps(aside))
            time.sleep(1.0)
            assert len(watcher.out) == told, "told again, though nothing more is wrong"
            assert watcher.stop() == 1
            assert "3 turns: 1 error" in watcher.out[-1]
        finally:
            proxy.stop()


def test_lines_of_json_are_one_event_each(tmp_path: Path) -> None:
    where = recording(tmp_path / "a.db", lost_tool_turn()[:1])
    with watching(tmp_path, "a.db", "--format", "json") as watcher:
        watcher.noted("watching")
        with RecordingWriter(str(where)) as writer:
            writer.add(lost_tool_turn()[1])
        watcher.said("tool-turn-lost")
        assert watcher.stop() == 1
    found, end = watcher.events
    assert (found["event"], found["rule"], found["exchange"]) == ("found", "tool-turn-lost", 2)
    assert end == {"event": "end", "sessions": 1, "threads": 1, "turns": 2, "findings": 1}


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_without_a_finding_it_ends_with_0(tmp_path: Path, by: signal.Signals) -> None:
    recording(tmp_path / "a.db", healthy_tool_turn())
    with watching(tmp_path, "a.db") as watcher:
        watcher.noted("watching")
        assert watcher.stop(by) == 0
    assert "nothing wrong found" in watcher.out[-1]


def test_the_settings_hold_while_watching(tmp_path: Path) -> None:
    recording(tmp_path / "a.db", lost_tool_turn())
    (tmp_path / "kimitap.toml").write_text('severity = { "tool-turn-lost" = "warning" }')
    with watching(tmp_path, "a.db") as watcher:
        watcher.said("! warning: tool-turn-lost")
        assert watcher.stop() == 0


def test_a_recording_that_is_taken_away_is_said_and_waited_for(tmp_path: Path) -> None:
    where = recording(tmp_path / "a.db", lost_tool_turn())
    with watching(tmp_path, "a.db") as watcher:
        watcher.said("tool-turn-lost")
        where.unlink()
        watcher.noted("taken away")
        recording(where, healthy_tool_turn())
        wait_for(
            lambda: sum("watching" in note for note in watcher.notes) == 2,
            f"a new start: {watcher}",
        )
        assert watcher.stop() == 1, "what was found before the loss counts"
    assert "5 turns" not in watcher.out[-1] and "nothing wrong found" in watcher.out[-1]


def test_stopped_while_the_recording_is_away_it_concludes_all_the_same(tmp_path: Path) -> None:
    where = recording(tmp_path / "a.db", lost_tool_turn())
    with watching(tmp_path, "a.db", "--json") as watcher:
        watcher.said("tool-turn-lost")
        where.unlink()
        watcher.noted("taken away")
        assert watcher.stop() == 1
    end = {"event": "end", "sessions": 1, "threads": 1, "turns": 2, "findings": 1}
    assert watcher.events[-1] == end


def test_a_recording_that_never_came_is_no_success(tmp_path: Path) -> None:
    with watching(tmp_path, "a.db", "--json") as watcher:
        watcher.noted("no recording is there yet")
        assert watcher.stop() == 2
    assert watcher.out == []
    assert watcher.notes[-1] == "kimitap: a.db: no recording came, so nothing was checked"


def test_what_is_no_recording_is_refused_at_once(tmp_path: Path) -> None:
    old = tmp_path / "notes.txt"
    old.write_text("no database at all " * 40)
    os.utime(old, (1, 1))
    with watching(tmp_path, "notes.txt") as watcher:
        assert watcher.process.wait(20) == 2
    wait_for(lambda: watcher.notes, "a line")
    assert "notes.txt is no Kimitap recording" in watcher.notes[0]


def test_a_form_that_cannot_grow_is_refused(tmp_path: Path) -> None:
    with watching(tmp_path, "a.db", "--format", "sarif") as watcher:
        assert watcher.process.wait(20) == 2


def test_it_writes_into_a_file_of_the_owner(tmp_path: Path) -> None:
    recording(tmp_path / "a.db", lost_tool_turn())
    out = tmp_path / "events.jsonl"
    with watching(tmp_path, "a.db", "--json", "--output", str(out)) as watcher:
        wait_for(lambda: out.exists() and "tool-turn-lost" in out.read_text(), "the finding")
        assert watcher.stop() == 1
    assert out.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["event"] for line in out.read_text().splitlines()] == ["found", "end"]


def test_it_costs_next_to_nothing_while_nobody_writes(tmp_path: Path) -> None:
    recording(tmp_path / "a.db", lost_tool_turn())
    with watching(tmp_path, "a.db") as watcher:
        watcher.said("tool-turn-lost")
        time.sleep(0.5)
        before = _cpu_s(watcher.process.pid)
        time.sleep(3)
        assert _cpu_s(watcher.process.pid) - before < 0.15
        watcher.stop()


def _cpu_s(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        pytest.skip("needs Linux's /proc")
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_reply_that_is_still_to_come_is_no_finding(tmp_path: Path) -> None:
    where = tmp_path / "a.db"
    with RecordingWriter(str(where)) as writer, watching(tmp_path, "a.db") as watcher:
        watcher.noted("watching")
        writer.begin(lost_tool_turn()[0])
        time.sleep(0.6)
        assert watcher.out == []
        assert watcher.stop() == 0
