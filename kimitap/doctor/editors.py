"""What extensions of VS Code and of its kin keep: in a database of the editor's, not in a file."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from kimitap.visible import one_line

EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf")
ROOTS = (".config", "Library/Application Support", "AppData/Roaming")
"""Where an editor keeps a user's things, on Linux, macOS and Windows."""
STATE = "User/globalStorage/state.vscdb"
_EXTENSIONS = (".vscode/extensions", ".vscode-oss/extensions", ".cursor/extensions")
_ROO = "rooveterinaryinc.roo-cline-*"
_LONGEST = 1 << 20
"""Of one value: longer ones are histories, no settings."""


def that_name(names: Callable[[str], bool], home: Path) -> Iterator[str]:
    """Where an extension's settings (as Cline keeps them) hold what `names` looks for.

    Only the extension's name is told. The editor may run: its database is not locked.
    """
    for root in ROOTS:
        for editor in EDITORS:
            path = home / root / editor / STATE
            for key, value in _values(path):
                if names(value):
                    yield f"{one_line(key, 80)} in {one_line(str(path), 200)}"


def roo_is_there(home: Path) -> bool:
    """Whether Roo Code is installed: what it keeps is encrypted, so that nobody else can look."""
    return any(next((home / one).glob(_ROO), None) is not None for one in _EXTENSIONS)


def _values(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        return
    where = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(where, uri=True)) as database:
            for key, value in database.execute(
                "SELECT key, value FROM ItemTable WHERE length(value) <= ?", (_LONGEST,)
            ):
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                yield str(key), text
    except sqlite3.Error:
        return  # it is no such database, or is being written: nothing is known of it
