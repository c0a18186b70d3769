"""A report on disk: complete or not there, and never in the place of anything else."""

import os
import warnings
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

import kimitap.evidence.report as report_room
from kimitap.errors import KimitapError, UsageError
from kimitap.evidence import Wanted, free_name, gather, subject_at, write_report, zip_bytes
from kimitap.evidence.delivery import zipped
from tests.support.evidence import read

LOST = "sessions/lost-tool-turn.db"


def write(target: Path, *, as_zip: bool = False, force: bool = False) -> None:
    with read(LOST) as analysis:
        write_report(analysis, subject_at(analysis), target, as_zip=as_zip, force=force)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_zip_has_the_folders_files_and_their_permissions(tmp_path: Path) -> None:
    write(tmp_path / "report")
    write(tmp_path / "report.zip", as_zip=True)
    assert (tmp_path / "report.zip").stat().st_mode & 0o777 == 0o600
    known = contents(tmp_path / "report")
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        packed = {name.removeprefix("report/"): archive.read(name) for name in archive.namelist()}
        modes = {i.filename: i.external_attr >> 16 & 0o777 for i in archive.infolist()}
        archive.extractall(tmp_path / "out")
    assert packed.keys() == known.keys()
    same = {name for name in known if packed[name] == known[name]}
    # A database may lay its pages out otherwise, and then it has another sum.
    assert known.keys() - same <= {"recording.db", "SHA256SUMS"}
    assert modes["report/replay.sh"] == 0o700 and modes["report/report.md"] == 0o600
    with read(str(tmp_path / "out" / "report" / "recording.db")) as analysis:
        assert len(analysis.turns) == 2


@pytest.mark.parametrize("as_zip", [False, True])
def test_what_is_there_is_not_replaced_unasked(tmp_path: Path, as_zip: bool) -> None:
    target = tmp_path / "report.zip"
    target.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write(target, as_zip=as_zip)
    assert target.read_text() == "mine"
    folder = tmp_path / "report"
    folder.mkdir()
    with pytest.raises(UsageError, match="is there already"):
        write(folder)


@pytest.mark.parametrize("as_zip", [False, True])
def test_an_earlier_report_gives_way_where_that_is_asked_for(tmp_path: Path, as_zip: bool) -> None:
    target = tmp_path / "report"
    write(target, as_zip=as_zip)
    before = target.stat().st_ino
    write(target, as_zip=as_zip, force=True)
    assert target.stat().st_ino != before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_zip_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "mine.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mine/report.md", "my report")
        archive.writestr("mine/thesis.txt", "years of work")
    with pytest.raises(UsageError, match=r"is no report of Kimitap's"):
        write(target, as_zip=True, force=True)
    assert zipfile.is_zipfile(target)


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "work"
    write(target)
    (target / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis.txt is not Kimitap's; it is not replaced"):
        write(target, force=True)
    assert (target / "thesis.txt").read_text() == "years of work"
    home = tmp_path / "home"
    home.mkdir()
    (home / "a.txt").touch()
    link = tmp_path / "link"
    link.symlink_to(home)
    for other in (home, link, home / "a.txt"):
        with pytest.raises(UsageError):
            write(other, force=True)
    assert (home / "a.txt").exists() and link.is_symlink()


@pytest.mark.parametrize("name", ["photo.tar.gz", "report.md"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_another_program_s_folder_with_a_list_of_its_own_is_never_replaced(
    tmp_path: Path, as_zip: bool, name: str
) -> None:
    """`sha256sum * > SHA256SUMS` is what many a release has."""
    held = {name: b"precious", "notes.txt": b"mine"}
    lines = "".join(f"{sha256(data).hexdigest()}  {key}\n" for key, data in held.items())
    held["SHA256SUMS"] = lines.encode()
    target = tmp_path / ("release.zip" if as_zip else "release")
    if as_zip:
        with zipfile.ZipFile(target, "w") as archive:
            for key, data in held.items():
                archive.writestr(f"release/{key}", data)
    else:
        target.mkdir()
        for key, data in held.items():
            (target / key).write_bytes(data)
    before = target.read_bytes() if as_zip else (target / name).read_bytes()
    with pytest.raises(UsageError, match="it is not replaced"):
        write(target, force=True, as_zip=as_zip)
    assert (target.read_bytes() if as_zip else (target / name).read_bytes()) == before


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("name", ["bodies/notes.txt", "bodies/7.json", "mine/", "SHA256SUMS.txt"])
def test_a_file_that_a_user_put_into_a_report_is_never_deleted(
    tmp_path: Path, name: str, as_zip: bool
) -> None:
    """A zip is unpacked, gets the file and is packed again."""
    target = tmp_path / "report"
    write(target)
    if name.endswith("/"):
        (target / name).mkdir()
    else:
        (target / name).write_text("{}")
    if as_zip and not name.endswith("/"):
        zipped(target, tmp_path / "packed", "report")
        target = tmp_path / "packed"
    known = sorted(target.rglob("*")) or target.read_bytes()
    with pytest.raises(UsageError, match=f"{name.strip('/')} (is not Kimitap's|cannot be read)"):
        write(target, as_zip=as_zip, force=True)
    assert (sorted(target.rglob("*")) or target.read_bytes()) == known


@pytest.mark.parametrize("name", ["mine/report.md", "report/report.md", "report.md"])
def test_what_a_user_packed_beside_a_report_is_never_deleted(tmp_path: Path, name: str) -> None:
    """In a folder of its own, or a second time under a name of the report's."""
    target = tmp_path / "report.zip"
    write(target, as_zip=True)
    with zipfile.ZipFile(target) as archive:
        made = archive.read("report/report.md")
    with warnings.catch_warnings(), zipfile.ZipFile(target, "a") as archive:
        warnings.simplefilter("ignore")  # of a name that stands there twice
        archive.writestr(name, made)
    known = target.read_bytes()
    with pytest.raises(UsageError, match=f"{name} is not Kimitap's"):
        write(target, as_zip=True, force=True)
    assert target.read_bytes() == known


@pytest.mark.parametrize("name", ["report.md", "bodies/1.json", "recording.db"])
def test_a_file_of_a_report_that_a_user_changed_is_never_deleted(tmp_path: Path, name: str) -> None:
    target = tmp_path / "report"
    write(target)
    with (target / name).open("ab") as file:
        file.write(b"my own words")
    with pytest.raises(UsageError, match=f"{name} was changed; it is not replaced"):
        write(target, force=True)
    assert (target / name).read_bytes().endswith(b"my own words")


def test_what_stands_in_the_place_of_a_reports_file_is_not_waited_for(tmp_path: Path) -> None:
    target = tmp_path / "report"
    write(target)
    (target / "report.md").unlink()
    os.mkfifo(target / "report.md")
    with pytest.raises(UsageError, match=r"report\.md cannot be read"):
        write(target, force=True)
    (target / "report.md").unlink()
    (target / "report.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"report\.md cannot be read"):
        write(target, force=True)


def test_a_report_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_room, "html", full)
    with pytest.raises(UsageError, match="report cannot be written: No space left on device"):
        write(tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_report_stays_where_the_new_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "report")
    known = contents(tmp_path / "report")

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_room, "html", full)
    with pytest.raises(KimitapError):
        write(tmp_path / "report", force=True)
    assert contents(tmp_path / "report") == known
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        write(tmp_path / "nowhere" / "report")


def test_a_report_as_bytes_leaves_nothing_on_disk(tmp_path: Path) -> None:
    with read(LOST) as analysis:
        data = zip_bytes(
            gather(analysis, subject_at(analysis), Wanted()), Wanted(), tmp_path, "report"
        )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x.zip").write_bytes(data)
    assert "report/report.html" in zipfile.ZipFile(tmp_path / "x.zip").namelist()


def test_a_free_name_is_beside_what_is_there(tmp_path: Path) -> None:
    assert free_name(tmp_path, "report").name == "report"
    (tmp_path / "report").mkdir()
    assert free_name(tmp_path, "report").name == "report-2"
