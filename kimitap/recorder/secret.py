"""The key under which credentials are digested: one for each user of a machine.

With one key, equal credentials have equal marks within a recording and across restarts. It lies in
the user's state folder, mode 0600, and not beside the recording, which people pass on: whoever has
a recording but not the key cannot test guesses ("was it `sk-1234`?") against its marks.
"""

import os
import secrets
import sys
from pathlib import Path

from kimitap.store.location import make_folder

_LENGTH = 32


def digest_key() -> bytes:
    """This user's key, made at its first use; where no file can be kept, one for this process."""
    path = _folder() / "digest.key"
    try:
        return _read(path) or _make(path)
    except (OSError, RuntimeError):
        return secrets.token_bytes(_LENGTH)


def _folder() -> Path:
    if state := os.environ.get("XDG_STATE_HOME"):
        return Path(state) / "kimitap"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "kimitap"
    return Path.home() / ".local" / "state" / "kimitap"


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == _LENGTH else None


def _make(path: Path) -> bytes:
    """Write a new key beside and put it in its place whole; whoever comes first wins."""
    make_folder(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_LENGTH))
    try:
        os.link(draft, path)
    except FileExistsError:
        if _read(path) is None:  # cut short by a crash: replace it
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path.read_bytes()
