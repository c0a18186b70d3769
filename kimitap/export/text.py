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
    """A sentence in which Markdown acts on nothing, and in which a tracker sees no reference.

    Trackers look for those in the page as it is shown, where escapes and entities are undone: only
    a character between the parts of one helps, and U+200B is one that is not seen.
    """
    apart = _REFERENCE.sub(_APART, text.replace("\n", " "))
    apart = _COMMIT.sub(lambda found: _APART.join(re.findall(".{1,6}", found[0])), apart)
    return _MARK.sub(r"\\\g<0>", apart)


_APART = "\u200b"
_MARK = re.compile(r"[\\`*_\[\]<>&#|~$]")
"""`@` is none: with a backslash before it GitHub still mentions."""
_REFERENCE = re.compile(
    r"(?<=[@#!])(?=\w)"  # a user, an issue, GitLab's merge request; also behind `owner/name`
    r"|(?<=\bgh-)(?=\d)|(?<=\bghsa-)(?=\w)|(?<=\bcve-)(?=\d)"
    r"|(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\bmailto)(?=:)|(?<=\bxmpp)(?=:)"
    r"|(?<=:)(?=[\w+-]+:)",  # an emoji by its name
    re.IGNORECASE,
)
"""Where what GitHub or GitLab makes a link, a mention or a picture of is taken apart."""
_COMMIT = re.compile(r"\b[0-9a-f]{7,}\b", re.IGNORECASE)
"""The name of a commit, by its first seven digits or more."""
