"""What leaves the screens: to the clipboard, to an editor, into a file."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from kimitap.errors import UsageError

LONGEST_COPY = 64 * 1024
"""Bytes that go to a clipboard by the terminal's sequence (OSC 52): many terminals cap it."""


def editor() -> list[str]:
    """The user's editor, else his pager, as words; raises `UsageError` where it is no command."""
    said = os.environ.get("VISUAL") or os.environ.get("EDITOR") or os.environ.get("PAGER") or "less"
    try:
        words = shlex.split(said)
    except ValueError as error:
        raise UsageError(f"$VISUAL, $EDITOR or $PAGER is no command ({error}): {said}") from error
    return words or ["less"]


def read_outside(text: str, suffix: str) -> str:
    """Run the editor on a copy of `text`, only its owner can read; what went wrong, else `""`.

    The screens must be suspended meanwhile. The copy is removed afterwards: nothing is saved back.
    """
    words = editor()
    with tempfile.TemporaryDirectory(prefix="kimitap-") as folder:
        path = Path(folder) / f"kimitap{suffix}"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        try:
            done = subprocess.run([*words, str(path)], check=False)
        except OSError as error:
            return f"{words[0]} cannot be started ({error.strerror}): set $EDITOR or $PAGER"
        return f"{words[0]} ended with status {done.returncode}" if done.returncode else ""


def write_new(folder: Path, stem: str, text: str, suffix: str = ".md") -> Path:
    """Write a file that only its owner can read, under a name that is free."""
    for n in range(1, 1000):
        path = folder / (f"{stem}{suffix}" if n == 1 else f"{stem}-{n}{suffix}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return path
    raise FileExistsError(f"{folder / stem}{suffix} and 998 more exist already")
