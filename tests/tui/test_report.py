"""The report that `e` writes: on the finding that is looked at, else on what a pair lost."""

import io
import zipfile
from pathlib import Path

import pytest

from kimitap.errors import UsageError
from kimitap.places import parse_place
from kimitap.tui.recording import RecordingSource

LOST = str(Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db")


def test_it_is_on_the_very_finding_that_is_looked_at(tmp_path: Path) -> None:
    source = RecordingSource(LOST)
    finding = source.load().findings[2]
    path = source.write_report(parse_place("1"), finding, tmp_path)
    source.close()
    assert path == tmp_path / "kimitap-report-s1-4"
    assert "Exchanges are numbered anew: 1 was 3, 2 was 4." in (path / "report.md").read_text()


def test_without_one_it_is_on_what_the_next_request_lost(tmp_path: Path) -> None:
    source = RecordingSource(LOST)
    source.load()
    first = source.write_report(parse_place("2"), None, tmp_path)
    second = source.write_report(parse_place("2"), None, tmp_path)
    source.close()
    assert [path.name for path in (first, second)] == [
        "kimitap-report-s1-3",
        "kimitap-report-s1-3-2",
    ]


def test_a_browser_gets_the_same_as_a_zip() -> None:
    source = RecordingSource(LOST)
    finding = source.load().findings[0]
    name, data = source.report_zip(parse_place("1"), finding)
    source.close()
    assert name == "kimitap-report-s1-2.zip"
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert "kimitap-report-s1-2/report.html" in names
    assert "kimitap-report-s1-2/recording.db" in names


def test_one_that_is_very_large_is_left_to_the_command_which_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kimitap.evidence.LARGE", 1000)
    source = RecordingSource(LOST)
    source.load()
    with pytest.raises(UsageError, match="`kimitap report DB 3` asks, and writes it"):
        source.write_report(parse_place("2"), None, tmp_path)
    source.close()
    assert not list(tmp_path.iterdir())
