"""The list of a report's files with their SHA-256, as `sha256sum -c` reads it.

It says what Kimitap wrote: nothing else is ever replaced.
"""

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

from kimitap.errors import UsageError
from kimitap.visible import one_line

SUMS = "SHA256SUMS"
_OURS = re.compile(
    r"report\.(md|html)|recording\.db|exchanges\.jsonl|replay\.sh|redactions\.md|bodies/\d+\.\w+"
)
"""The names that a report's files have: other folders may have such a list, too."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_MOST = 10_000_000
"""Bytes of a list that is read: that of some hundred thousand files."""
Files = Mapping[str, Callable[[], IO[bytes]]]
"""What opens each file of a report, by its name within it."""


def sums_of(folder: Path) -> bytes:
    """A line for each file below `folder`."""
    files = _below(folder)
    return "".join(f"{_digest(files[name])}  {name}\n" for name in sorted(files)).encode()


def demand_ours(target: Path) -> None:
    """Raise `UsageError` unless `target` is a report, a folder or a zip, as it was written.

    Names the first file in it that is not Kimitap's or was changed. An empty folder will do.
    """
    name = one_line(str(target), 300)
    with ExitStack() as stack:
        files = None if target.is_symlink() else _files(target, stack)
        if files is None or (files and not {SUMS, "report.md"} <= files.keys()):
            raise UsageError(f"{name} is no report of Kimitap's: it is not replaced; name another")
        odd = _odd(files) if files else ""
    if odd:
        raise UsageError(f"{name} holds more than a report: {odd}; it is not replaced")


def _files(target: Path, stack: ExitStack) -> Files | None:
    """The files of a folder or zip; None where it is neither."""
    if target.is_dir():
        return _below(target)
    if not zipfile.is_zipfile(target):
        return None
    archive = stack.enter_context(zipfile.ZipFile(target))
    found: dict[str, Callable[[], IO[bytes]]] = {}
    for info in archive.infolist():
        if not info.is_dir():
            found[_within(info.filename, archive, found)] = partial(archive.open, info)
    return found


def _within(name: str, archive: zipfile.ZipFile, known: Mapping[str, object]) -> str:
    """A name without the folder in which all of a zipped report stands; what stands elsewhere, or
    a second time, keeps a name that no report has."""
    root = archive.namelist()[0].partition("/")[0]
    folder, _, rest = name.partition("/")
    return rest if folder == root and rest and rest not in known else f"/{name}"


def _below(folder: Path) -> dict[str, Callable[[], IO[bytes]]]:
    """All below a folder that is none itself; an empty one, since nobody wrote that either."""
    found: dict[str, Callable[[], IO[bytes]]] = {}
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir()):
            found[path.relative_to(folder).as_posix()] = partial(_opened, path)
    return found


def _opened(path: Path) -> IO[bytes]:
    """The file; what is no plain one is refused, since a pipe would be waited for."""
    if path.is_symlink() or not path.is_file():
        raise OSError(f"{path} is no plain file")
    return path.open("rb")


def _odd(files: Files) -> str:
    """What is not as the list has it, in words; `""` where all is."""
    listed = dict(_listed(files))
    for name, opened in files.items():
        said = one_line(name, 200)
        if name == SUMS:
            continue
        if name not in listed or not _OURS.fullmatch(name):
            return f"{said} is not Kimitap's"
        try:
            changed = _digest(opened) != listed[name]
        except (OSError, zipfile.BadZipFile):
            return f"{said} cannot be read"
        if changed:
            return f"{said} was changed"
    return ""


def _listed(files: Files) -> Iterator[tuple[str, str]]:
    """The names that the list has, each with its SHA-256."""
    try:
        with files[SUMS]() as file:
            lines = file.read(_MOST).decode(errors="replace").splitlines()
    except (OSError, zipfile.BadZipFile):
        return
    for line in lines:
        if found := _LINE.fullmatch(line):
            yield found[2], found[1]


def _digest(opened: Callable[[], IO[bytes]]) -> str:
    told = hashlib.sha256()
    with opened() as file:
        while part := file.read(1 << 20):
            told.update(part)
    return told.hexdigest()
