"""The fragments of a text by which it is found again in a rendered prompt."""

import json
import re

_RUN = re.compile(r"[^\W_](?:[\w./-]| (?=\w)){2,}")
"""Words, with what no JSON, TypeScript, XML or Markdown writer would write in another way."""
_SHORT = re.compile(r"\w+")
_MOST = 48
"""Characters of a fragment: a template may break or cut a longer line."""
_LONGEST_FIRST, _ENDS = 8, 2
LONG = 12
"""Characters from which a fragment says by itself that its text is there."""


def fragments(text: str) -> list[str]:
    """Up to a dozen runs of plain words: the longest, and those at both ends; `[]` for a blank."""
    runs = [end for run in _RUN.findall(text) for end in _ends(run.rstrip(" .-/"))]
    if not runs:
        return _SHORT.findall(text)[:1]
    chosen = [*sorted(runs, key=len, reverse=True)[:_LONGEST_FIRST], *runs[:_ENDS], *runs[-_ENDS:]]
    return list(dict.fromkeys(chosen))


def _ends(run: str) -> tuple[str, ...]:
    """A run, or the beginning and the end of a long one: paths differ in their ends."""
    return (run,) if len(run) <= _MOST else (run[:_MOST].rstrip(), run[-_MOST:].lstrip())


def spellings(fragment: str) -> list[str]:
    """The fragment as it stands, and as a writer of pure ASCII escapes it."""
    if fragment.isascii():
        return [fragment]
    return [fragment, json.dumps(fragment)[1:-1]]


def find(fragment: str, text: str, start: int, stop: int) -> int:
    """Where the fragment stands in `text[start:stop]`, however it is spelt; -1 if it does not."""
    found = (text.find(spelling, start, stop) for spelling in spellings(fragment))
    return next((at for at in found if at >= 0), -1)
