"""The page for a job's summary: readable, and harmless."""

import re
from dataclasses import replace
from pathlib import Path

from markdown_it import MarkdownIt

from kimitap.export.formats.markdown import LONGEST, markdown
from tests.support.checks import checked, hostile_session, two_threads


def rendered(text: str) -> str:
    """The page as GitHub-like Markdown gives it, HTML in the source let through."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_it_has_a_summary_tables_and_the_findings(tmp_path: Path) -> None:
    html = rendered(markdown(checked(tmp_path / "a.db", two_threads())))
    assert html.count("<table>") == 2
    assert "<td><code>tool-turn-lost</code></td>" in html
    assert "<td>t1</td>" in html and "<td>t3</td>" not in html
    assert "✗ failed" in html and "What to do:" in html


def test_a_clean_recording_has_no_table(tmp_path: Path) -> None:
    text = markdown(checked(tmp_path / "a.db", two_threads()[2:]))
    assert "✓ passed" in text and "|" not in text
    assert "came back in the next request: 1 ✓ same." in text


def test_recorded_text_makes_no_markup(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", hostile_session())
    worse = [
        replace(f, message=f"{f.message} <img src=x> [a](b) `c` *d* @me") for f in result.findings
    ]
    html = rendered(markdown(replace(result, findings=worse)))
    html = re.sub("<code>.*?</code>", "", html, flags=re.DOTALL)
    for mark in ("<script", "<img", "<a ", "<em>d", "@me"):
        assert mark not in html


def test_a_page_stays_below_what_github_takes(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    text = markdown(replace(result, findings=[*result.findings] * 5000))
    assert len(text) < LONGEST + 10_000
    assert "more findings are left out" in text
