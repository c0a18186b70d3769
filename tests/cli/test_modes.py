"""Whatever Kimitap leaves on the disk is for its owner only, whatever the umask. Real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.proxy import (
    SCRIPT,
    Proxy,
    environment,
    fetch,
    free_port,
    mitmdump,
    request_bytes,
    upstream,
    wait_for,
)

SAMPLE = str(Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db")
PATIENCE_S = 60.0
UMASKS = (0o000, 0o022)


def laid(folder: Path) -> Iterator[Path]:
    """Everything below the folder."""
    for top, folders, files in os.walk(folder):
        yield from (Path(top) / name for name in (*folders, *files))


def assert_private(folder: Path, *, besides: Sequence[str] = ()) -> list[str]:
    """Every file is 0600, every folder 0700; the names of the files."""
    names = []
    for path in laid(folder):
        if any(part in besides for part in path.relative_to(folder).parts):
            continue
        mode = path.stat().st_mode & 0o777
        wanted = (0o700,) if path.is_dir() else (0o600, 0o700)  # a report's run.sh may be run
        assert mode in wanted, f"{path.relative_to(folder)} has {mode:o}"
        names.append(path.name)
    return names


def start(folder: Path, umask: int, words: Sequence[str], ready: str, port: int) -> Proxy:
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**environment(folder), "HOME": str(folder)},
        umask=umask,
    )
    proxy = Proxy(process, port, folder / "sessions" / "kimitap.db")
    proxy.read()
    proxy.said(ready, PATIENCE_S)
    return proxy


@pytest.mark.parametrize("umask", UMASKS, ids=["umask 000", "umask 022"])
@pytest.mark.parametrize("kind", ["record", "mitmdump"])
def test_a_recorder_makes_its_files_and_folders_for_their_owner_only(
    tmp_path: Path, kind: str, umask: int
) -> None:
    port = free_port()
    with upstream() as server:
        server.on("/v1/x", lambda peer: peer.answer(b"answer"))
        record = [sys.executable, "-m", "kimitap.cli", "record", "--upstream", server.url]
        record += ["--listen", f"127.0.0.1:{port}", "--keep", "30d"]
        script = mitmdump(
            *("-s", str(SCRIPT), "--mode", f"reverse:{server.url}", "-p", str(port)),
            *("--listen-host", "127.0.0.1", "--set", f"confdir={tmp_path / 'mitmproxy'}"),
        )
        words, ready = (record, "^ready: ") if kind == "record" else (script, "Kimitap")
        proxy = start(tmp_path, umask, words, ready, port)
        try:
            wait_for(lambda: fetch(port, request_bytes("/v1/x"))[1] == b"answer", "an answer")
            wait_for(lambda: proxy.where.with_name("kimitap.db-shm").exists(), "WAL", PATIENCE_S)
            while_it_records = assert_private(tmp_path, besides=["mitmproxy", ".mitmproxy"])
        finally:
            proxy.stop()
    assert {"kimitap.db", "kimitap.db-wal", "kimitap.db-shm", "sessions", "state"} <= set(
        while_it_records
    )
    assert "kimitap.db" in assert_private(tmp_path, besides=["mitmproxy", ".mitmproxy"])


MAKES: dict[str, Sequence[str]] = {
    "copy.db": ("backup", SAMPLE, "copy.db"),
    "saved.db": ("verify", SAMPLE, "--save", "saved.db"),
    "out.har": ("export", SAMPLE, "-o", "out.har"),
    "out.jsonl": ("export", SAMPLE, "--format", "jsonl", "-o", "out.jsonl"),
    "out.md": ("diff", SAMPLE, "2", "3", "--format", "markdown", "-o", "out.md"),
    "folder": ("report", SAMPLE, "--whole", "-o", "folder"),
    "report.zip": ("report", SAMPLE, "--whole", "-o", "report.zip"),
    "imported.db": ("import", "{jsonl}", "--db", "imported.db"),
    "below": ("import", "{jsonl}", "--db", "below/here/imported.db"),
    "small.db": ("shrink", SAMPLE, "-o", "small.db", "--seconds", "5"),
}


@pytest.fixture(scope="module")
def jsonl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jsonl") / "sample.jsonl"
    words = ("export", SAMPLE, "--format", "jsonl", "--redact", "none", "-o", str(path))
    done = kimitap(path.parent, words, 0o077)
    assert done.returncode == 0, done.stderr
    return path


def kimitap(folder: Path, words: Sequence[str], umask: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kimitap.cli", *words],
        cwd=folder,
        env={**environment(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        umask=umask,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("makes", MAKES)
def test_a_command_makes_its_files_for_their_owner_only(
    tmp_path: Path, makes: str, jsonl: Path
) -> None:
    done = kimitap(tmp_path, [word.format(jsonl=jsonl) for word in MAKES[makes]], umask=0)
    assert done.returncode in (0, 1), done.stderr
    assert makes in assert_private(tmp_path)
