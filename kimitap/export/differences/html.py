"""A comparison as one HTML page that loads nothing and runs nothing, in the report's looks."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kimitap.export import measures
from kimitap.export.differences import text
from kimitap.export.differences.document import Document, Line, Run
from kimitap.export.differences.json import WORDS
from kimitap.export.differences.runs import PARTS, RunsDocument
from kimitap.export.html import POLICY
from kimitap.export.markdown import footer

Rows = Sequence[tuple[str, Sequence[Run] | None, Sequence[Run] | None]]


def html(document: Document) -> str:
    """The page of two places."""
    return _rendered("differences/comparison.html", document=document)


def runs_html(document: RunsDocument) -> str:
    """The page of runs against runs."""
    return _rendered("differences/runs.html", document=document)


def _rendered(template: str, **values: object) -> str:
    return _environment().get_template(template).render(policy=POLICY, footer=footer(), **values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.globals |= {
        "words": WORDS,
        "shown": measures.shown,
        "ratio": measures.shown_ratio,
        "between": text.between,
        "title": text.title,
        "rows_of": _rows,
        "parts": PARTS,
    }
    return made


def _rows(lines: Sequence[Line]) -> Rows:
    return [(WORDS[line.mark], line.old, line.new) for line in lines]
