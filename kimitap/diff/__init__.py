"""Two histories, turns, threads or sessions against each other: what differs, as values."""

from kimitap.diff.fields import Change, changes_of
from kimitap.diff.link import Diff, DiffRow, diff_link
from kimitap.diff.spelling import laid_out, only_spelling
from kimitap.diff.text import LineRow, Span, TextDiff, diff_text

__all__ = [
    "Change",
    "Diff",
    "DiffRow",
    "LineRow",
    "Span",
    "TextDiff",
    "changes_of",
    "diff_link",
    "diff_text",
    "laid_out",
    "only_spelling",
]
