"""The report on disk: a folder or a zip, complete or not there at all, for its owner only."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kimitap.errors import UsageError
from kimitap.evidence.sums import demand_ours
from kimitap.visible import one_line

_FILE, _PROGRAM, _FOLDER = 0o600, 0o700, 0o700


def demand_free(target: Path, force: bool) -> None:
    """Raise `UsageError` where the report cannot go there: something stands there that may not go.

    With `force` an earlier report may, as it was written: a zip, or a folder; see `demand_ours`.
    """
    name = one_line(str(target), 300)
    if not target.parent.is_dir():
        raise UsageError(f"{name}: there is no folder {one_line(str(target.parent), 300)}")
    if not target.exists() and not target.is_symlink():
        return
    if not force:
        raise UsageError(f"{name} is there already: name another with -o, or say --force")
    demand_ours(target)


@contextmanager
def workplace(beside: Path) -> Iterator[Path]:
    """A new folder in `beside`, on the same disk as the report will be; it goes again."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".kimitap-report-", dir=beside))
    except OSError as error:
        raise refused(beside, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refused(path: Path, error: OSError) -> UsageError:
    """What is told where a report cannot be written."""
    return UsageError(f"{one_line(str(path), 300)} cannot be written: {error.strerror or error}")


def put(folder: Path, name: str, parts: Iterable[bytes], *, program: bool = False) -> None:
    """Write one file below `folder`."""
    path = folder / name
    path.parent.mkdir(mode=_FOLDER, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PROGRAM if program else _FILE)
    with os.fdopen(handle, "wb") as file:
        file.writelines(parts)


def deliver_folder(made: Path, target: Path, force: bool) -> None:
    """Give the finished folder its name; what stood there before goes only once it has it."""
    made.chmod(_FOLDER)
    if force and target.exists():
        with workplace(target.parent) as aside:
            old = target.rename(aside / "old")
            try:
                made.rename(target)
            except OSError:
                old.rename(target)
                raise
        return
    try:
        made.rename(target)  # refuses a folder that is not empty, and a file
    except OSError as error:
        raise refused(target, error) from error


def deliver_zip(made: Path, target: Path, force: bool) -> None:
    """Give the finished zip its name."""
    if force:
        made.replace(target)
        return
    try:
        target.hardlink_to(made)  # unlike a rename it never replaces a file
    except FileExistsError as error:
        raise refused(target, error) from error
    except OSError:  # a file system without links
        if target.exists():
            raise UsageError(f"{one_line(str(target), 300)} is there already") from None
        made.rename(target)


def zipped(folder: Path, path: Path, root: str) -> None:
    """Pack the folder's files, by their names, below `root`, with their permissions."""
    path.touch(mode=_FILE)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{root}/{file.relative_to(folder).as_posix()}")
