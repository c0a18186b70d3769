"""The recording: can it be written, has it the right schema, is there room?"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kimitap.doctor.check import Check, bad, good, warning
from kimitap.errors import KimitapError, NoRecording, OlderRecording
from kimitap.store import Recording, file_of, shown

SCARCE = 1 << 30
"""Bytes of room below which a long session may fill the disk."""


def look_at_place(where: str) -> Iterator[Check]:
    """The database at `where`, and the disk under it."""
    try:
        path = file_of(where)
    except KimitapError as error:
        yield bad("Recording", str(error), "name another with --db or KIMITAP_DB")
        return
    yield _database(where)
    if path is not None:
        yield from _file(where, path)


def _database(where: str) -> Check:
    try:
        with Recording.open(where) as recording:
            count, open_ = recording.count(), len(recording.in_flight())
            losses = sum(loss.count for loss in recording.losses())
    except NoRecording:
        return good("Recording", f"{shown(where)} will be made")
    except OlderRecording as error:
        return warning("Recording", str(error), f"kimitap migrate {shown(where)}")
    except KimitapError as error:
        return bad("Recording", str(error), "mend that, or name another with --db")
    said = f"{shown(where)}: {count} exchanges, {open_} in flight"
    if losses:
        return warning("Recording", f"{said}, {losses} lost", "see why: kimitap status")
    return good("Recording", said)


def _file(where: str, path: Path) -> Iterator[Check]:
    folder = _existing(path.parent)
    target = path if path.exists() else folder
    if not os.access(target, os.W_OK) or not os.access(folder, os.W_OK):
        yield bad("Recording", f"{target} cannot be written by you", "change its permissions")
    if path.exists() and path.stat().st_mode & 0o077:
        yield warning(
            "Recording", f"{path} can be read by other users of this machine", f"chmod 600 {path}"
        )
    room = shutil.disk_usage(folder).free
    said = f"{room / 1e9:.1f} GB free at {folder}"
    if room < SCARCE:
        yield warning("Disk", said, "make room, or kimitap prune --older-than 30d")
    else:
        yield good("Disk", said)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
