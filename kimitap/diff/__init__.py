"""Two histories, turns, threads or sessions against each other: what differs, as values."""

from kimitap.diff.comparison import (
    Comparison,
    ThreadPair,
    TurnPair,
    compare_links,
    compare_sessions,
    compare_threads,
    compare_turns,
    conversed,
)
from kimitap.diff.fields import Change, changes_of
from kimitap.diff.link import Diff, DiffRow, diff_link
from kimitap.diff.respelling import Respelling
from kimitap.diff.runs import Run, RunPair, compare_runs, named_apart, part_of
from kimitap.diff.sequence import Effort
from kimitap.diff.spelling import laid_out, only_spelling
from kimitap.diff.text import LineRow, Span, TextDiff, diff_text
from kimitap.diff.turns import TurnDiff, diff_turns
from kimitap.diff.words import doing, parting

__all__ = [
    "Change",
    "Comparison",
    "Diff",
    "DiffRow",
    "Effort",
    "LineRow",
    "Respelling",
    "Run",
    "RunPair",
    "Span",
    "TextDiff",
    "ThreadPair",
    "TurnDiff",
    "TurnPair",
    "changes_of",
    "compare_links",
    "compare_runs",
    "compare_sessions",
    "compare_threads",
    "compare_turns",
    "conversed",
    "diff_link",
    "diff_text",
    "diff_turns",
    "doing",
    "laid_out",
    "named_apart",
    "only_spelling",
    "part_of",
    "parting",
]
