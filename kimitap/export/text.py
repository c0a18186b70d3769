"""Recorded text made harmless for Markdown: it may hold fences, markup, mentions and escapes."""

import re

from kimitap.visible import one_line, visible


def fence(text: str, language: str = "") -> str:
    """A fenced block that `text` cannot leave: its fence is longer than any run of backticks."""
    text = visible(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def code(text: str, limit: int = 120) -> str:
    """One line of code for a sentence or a table cell; longer text is cut and says so.

    A pipe would end a table's cell even inside code, so it is written as its look-alike U+2502.
    """
    line = one_line(text, limit)
    if not line:
        return "(empty)"
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line.replace('|', '│')}{pad}{ticks}"


def prose(text: str) -> str:
    """A sentence with the characters that Markdown or a tracker would act on escaped."""
    for mark in "\\`*_[]<>&#@|~":
        text = text.replace(mark, f"\\{mark}" if mark != "@" else "@\u200b")
    return text.replace("\n", " ")
