"""What agents rewrite in a history on purpose, so that no comparison takes it for a defect.

Each table can grow by a line, with whose way it is. Matching is by plain search, never by a pattern
that could take long on hostile text.
"""

import re

SPANS = (
    ("<environment_details>", "</environment_details>"),  # Roo Code, Cline, Kilo: clock, open tabs
    ("<system-reminder>", "</system-reminder>"),  # Claude Code, OpenCode, Kimi Code
)
"""Spans that agents rewrite from request to request: masked before messages are compared."""

BILLING = re.compile(r"cch=[0-9a-f]+")  # Claude Code's billing line
MOMENT = re.compile(
    r"[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
)
"""Short values that change with the clock."""
_DATE = re.compile(r"-\d\d-\d\d[T ]\d")
"""What each `MOMENT` holds: sought from hyphen to hyphen, in a tenth of the time."""

CLEARED = (
    "[Old tool result content cleared]",  # OpenCode, Claude Code
    "[[NOTE] This file read has been removed",  # Cline
)
"""In the place of a tool's result: it was emptied in place to save room."""


def mask(text: str) -> str:
    """`text` without what changes from request to request by itself."""
    for opening, closing in SPANS:
        if opening in text:
            text = _cut(text, opening, closing)
    if "cch=" in text:
        text = BILLING.sub("", text)
    return MOMENT.sub("", text) if _DATE.search(text) else text


def _cut(text: str, opening: str, closing: str) -> str:
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0:
        stop = text.find(closing, start)
        if stop < 0:
            break
        kept.append(text[at:start])
        at = stop + len(closing)
    kept.append(text[at:])
    return "".join(kept)
