"""Recorded text made harmless for Markdown: it may hold fences, markup, mentions and escapes."""

import re

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`text` with control and bidi characters written out as `\\u001b`; line feeds and tabs stay."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


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
    line = " ".join(visible(text).split())
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    if not line:
        return "(empty)"
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line.replace('|', '│')}{pad}{ticks}"
