"""`kimitap import` of everything but mitmproxy's files: told by content, added once, honest."""

import gzip
import json
import lzma
import shutil
from pathlib import Path

import pytest

from kimitap.interchange.incoming import detect
from kimitap.interchange.outgoing.har import har
from kimitap.interchange.outgoing.jsonl import lines
from kimitap.store import Recording
from tests.support.captured import every_kind
from tests.support.commands import Command

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A file of each kind, under a name that tells nothing."""
    made = {kind: tmp_path / f"a-{i}" for i, kind in enumerate(("har", "jsonl", "claude-tap"))}
    made["har"].write_text("".join(har(every_kind())), encoding="utf-8")
    made["jsonl"].write_text("".join(lines(every_kind())), encoding="utf-8")
    made["claude-tap"].write_bytes((SAMPLES / "claude-tap.jsonl").read_bytes())
    made["claude-tap bundle"] = SAMPLES / "claude-tap.compact.json"
    made["kvprof"] = SAMPLES / "kvprof"
    made["llama-prompts"] = SAMPLES / "llama-prompts"
    return made


def test_each_kind_is_told_by_its_content(files: dict[str, Path]) -> None:
    assert {kind: detect.kind_of(path) for kind, path in files.items()} == {k: k for k in files}


def test_one_file_of_a_folder_is_told_too() -> None:
    assert detect.kind_of(next((SAMPLES / "kvprof").iterdir())) == "kvprof"
    assert detect.kind_of(next((SAMPLES / "llama-prompts").iterdir())) == "llama-prompts"


def test_a_second_import_adds_nothing(
    files: dict[str, Path],
    kimitap: Command,
    tmp_path: Path,
) -> None:
    for path in files.values():
        where = tmp_path / "x.db"
        first = kimitap("import", path, "--db", where)
        again = kimitap("import", path, "--db", where)
        assert (first.returncode, again.returncode) == (0, 0), first.stderr
        assert first.stdout.startswith(f"{path}: ") and " 0 added" not in first.stdout
        assert f"{path}: 0 added to {where}" in again.stdout
        where.unlink()


def test_a_har_and_jsonl_of_one_recording_are_the_same_exchanges(
    files: dict[str, Path],
    kimitap: Command,
    tmp_path: Path,
) -> None:
    done = kimitap("import", files["har"], files["jsonl"], "--db", tmp_path / "x.db")
    count = len(every_kind())
    assert (
        f"{count} added" in done.stdout
        and f"0 added to {tmp_path / 'x.db'}, {count}" in done.stdout
    )


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_compressed_capture_is_read(
    files: dict[str, Path],
    kimitap: Command,
    tmp_path: Path,
    pack: object,
) -> None:
    assert callable(pack)
    for kind in ("har", "jsonl", "claude-tap"):
        path = tmp_path / f"{kind}.packed"
        path.write_bytes(pack(files[kind].read_bytes()))
        done = kimitap("import", path, "--db", tmp_path / f"{kind}.db")
        assert done.returncode == 0 and " 0 added" not in done.stdout


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(
    files: dict[str, Path],
    kimitap: Command,
    tmp_path: Path,
) -> None:
    good = files["jsonl"].read_bytes()
    path = tmp_path / "broken.jsonl"
    path.write_bytes(good + b'{"kimitap": 1, "kind": "exchange"\n' + good[:100])
    done = kimitap("import", path, "--db", tmp_path / "x.db")
    assert done.returncode == 1
    assert f"{len(every_kind())} added" in done.stdout
    said = done.stderr.splitlines()
    assert [line.split(" left out: ")[0] for line in said] == [
        f"{path}: line {len(every_kind()) + 1}",
        f"{path}: line {len(every_kind()) + 2}",
    ]


def test_many_broken_lines_are_counted(kimitap: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"kimitap": 99}\n' * 500)
    done = kimitap("import", path, "--db", tmp_path / "x.db")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 11
    assert done.stderr.splitlines()[-1] == f"{path}: 490 more left out"
    assert not (tmp_path / "x.db").exists(), "a file without an exchange makes no recording"


def test_a_clients_own_history_is_no_traffic(kimitap: Command, tmp_path: Path) -> None:
    path = tmp_path / "api_conversation_history.json"
    path.write_text(json.dumps([{"role": "user", "content": [{"type": "text", "text": "x"}]}]))
    done = kimitap("import", path, "--db", tmp_path / "x.db")
    assert done.returncode == 2 and "kimitap belief" in done.stderr
    assert not (tmp_path / "x.db").exists()


def test_claude_taps_summary_is_no_trace(kimitap: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[\n  {\n    "turn": 1,\n    "model": "m"\n  }\n]')
    done = kimitap("import", path)
    assert done.returncode == 2 and "--format compact" in done.stderr


@pytest.mark.parametrize("content", [b"", b"   \n", b"hello", b"{}", b"[]", b"\x00\xff", b"<html>"])
def test_what_is_no_capture_is_one_line(
    kimitap: Command,
    tmp_path: Path,
    content: bytes,
) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(content)
    done = kimitap("import", path, "--db", tmp_path / "x.db")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x.db").exists()


def test_a_capture_that_is_none_keeps_no_other_out(
    files: dict[str, Path], kimitap: Command, tmp_path: Path
) -> None:
    none = tmp_path / "none.har"
    done = kimitap("import", none, files["jsonl"], "--db", tmp_path / "x.db")
    assert done.returncode == 2
    assert f"{files['jsonl']}: {len(every_kind())} added" in done.stdout
    assert str(none) in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_format_can_be_said(files: dict[str, Path], kimitap: Command, tmp_path: Path) -> None:
    words = ("--format", "har", "--db", tmp_path / "x.db")
    assert kimitap("import", files["har"], *words).returncode == 0
    done = kimitap("import", files["jsonl"], *words)
    assert done.returncode == 2 and "is no whole HAR" in done.stderr


def test_a_folder_that_holds_nothing_is_said_to(kimitap: Command, tmp_path: Path) -> None:
    done = kimitap("import", tmp_path, "--db", tmp_path / "x.db")
    assert done.returncode == 2 and "is a folder with neither" in done.stderr


def test_a_folder_of_other_files_is_refused_in_one_line(kimitap: Command, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "some", "schema": 2}')
    (folder / "broken.json").write_bytes(b"\xff\xfe{")
    (folder / "empty.json").touch()
    done = kimitap("import", folder, "--db", tmp_path / "x.db")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "neither prompts of llama-server's --log-prompts-dir nor traces of kvprof's" in line
    assert "name the file for flow, har, jsonl, claude-tap" in line
    assert not (tmp_path / "x.db").exists()


def test_a_folder_with_a_trace_in_it_is_kvprofs_and_the_rest_is_named(
    kimitap: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "traces"
    shutil.copytree(SAMPLES / "kvprof", folder)
    (folder / "a-package.json").write_text('{"name": "some"}')
    done = kimitap("import", folder, "--db", tmp_path / "x.db")
    assert done.returncode == 1
    assert "a-package.json left out" in done.stderr
    with Recording.open(str(tmp_path / "x.db")) as recording:
        assert recording.count() == 2


def test_a_missing_file_is_one_line(kimitap: Command, tmp_path: Path) -> None:
    done = kimitap("import", tmp_path / "none.har")
    assert done.returncode == 2 and "No such file" in done.stderr


def test_the_database_keeps_the_segments(
    files: dict[str, Path], kimitap: Command, tmp_path: Path
) -> None:
    kimitap("import", files["har"], "--db", tmp_path / "x.db")
    with Recording.open(str(tmp_path / "x.db")) as recording:
        assert [segment.length for segment in recording.exchange(2).segments][1] == 10
