"""The manual of the screens says what the keys do, and shows pictures that are there."""

import re
from pathlib import Path

from kimitap.tui.manual import ASKED, TABLES, with_tables

MANUAL = Path(__file__).parents[2] / "docs" / "screens.md"
MEND = (
    'python -c "from pathlib import Path; from kimitap.tui.manual import with_tables; '
    "p = Path('docs/screens.md'); p.write_text(with_tables(p.read_text()))\""
)


def test_the_manual_has_the_keys_as_they_are() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    assert with_tables(text) == text, f"the key tables are stale; mend them with: {MEND}"


def test_the_manual_has_every_table_once() -> None:
    named = re.findall(r"<!-- keys: (\w+) -->", MANUAL.read_text(encoding="utf-8"))
    assert sorted(named) == sorted([*TABLES, *ASKED])


def test_every_picture_is_there() -> None:
    for page in (MANUAL, MANUAL.parents[1] / "README.md"):
        for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / name).is_file(), name
