"""Two places, or two sets of runs, against each other, in the formats people and programs read.

Every format tells the same pairs and the same place where they part; none of them tells a secret.
"""

from collections.abc import Callable, Mapping

from kimitap.diff import Comparison
from kimitap.export.comparison import comparison_report
from kimitap.export.differences.build import document
from kimitap.export.differences.document import WHOLE, Document, Limits
from kimitap.export.differences.html import html, runs_html
from kimitap.export.differences.json import json
from kimitap.export.differences.patch import patch
from kimitap.export.differences.runs import RunsDocument, runs_document
from kimitap.export.differences.runs_formats import runs_json, runs_markdown, runs_text
from kimitap.export.differences.text import text

DIFFERENCES: Mapping[str, Callable[[Comparison], str]] = {
    "text": lambda comparison: text(document(comparison, Limits())),
    "markdown": comparison_report,
    "html": lambda comparison: html(document(comparison, Limits(turns=60, lines=300))),
    "json": lambda comparison: json(document(comparison, WHOLE)),
    "patch": patch,
}
"""Format → what writes a comparison of two places in it."""

RUNS: Mapping[str, Callable[[RunsDocument], str]] = {
    "text": runs_text,
    "markdown": runs_markdown,
    "html": runs_html,
    "json": runs_json,
}
"""Format → what writes a comparison of two sets of runs in it."""

__all__ = ["DIFFERENCES", "RUNS", "Document", "RunsDocument", "document", "runs_document"]
