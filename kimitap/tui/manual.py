"""The key tables of the manual, from the tables that bind the keys."""

import re
from collections.abc import Sequence

from kimitap.tui.keys import (
    DIFF_KEYS,
    FINDINGS_KEYS,
    LIST_KEYS,
    MAIN_KEYS,
    QUESTIONS,
    SEARCH_KEYS,
    SESSIONS_KEYS,
    TIMELINE_KEYS,
    TURN_KEYS,
    Key,
)

TABLES = {
    "conversation": MAIN_KEYS,
    "turn": TURN_KEYS,
    "diff": DIFF_KEYS,
    "sessions": SESSIONS_KEYS,
    "findings": FINDINGS_KEYS,
    "search": SEARCH_KEYS,
    "timeline": TIMELINE_KEYS,
    "lists": LIST_KEYS,
}
"""Every screen's keys by its name in the manual; `lists` are those that all long lists have."""
ASKED = {f"asked_by_{name}": table for name, table in QUESTIONS.items()}
"""The same for the questions that a key asks."""

_TABLE = re.compile(r"<!-- keys: (\w+) -->\n.*?<!-- /keys -->", re.DOTALL)


def key_table(table: Sequence[Key]) -> str:
    """A Markdown table: the keys, and what they do."""
    rows = [f"| `{key.shown}` | {key.words.replace('|', chr(92) + '|')} |" for key in table]
    return "\n".join(["| key | does |", "|---|---|", *rows])


def with_tables(text: str) -> str:
    """The manual with its tables as they are now.

    Each stands between `<!-- keys: NAME -->` and `<!-- /keys -->`. Raises `KeyError` for a name
    that no screen has.
    """

    def table(found: re.Match[str]) -> str:
        return (
            f"<!-- keys: {found[1]} -->\n{key_table({**TABLES, **ASKED}[found[1]])}\n<!-- /keys -->"
        )

    return _TABLE.sub(table, text)
