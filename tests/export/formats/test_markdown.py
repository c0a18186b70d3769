"""The page for a job's summary: readable, and harmless."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("message", ["It broke.", "壊れた。" * 200])
def test_a_page_stays_below_what_github_takes(tmp_path: Path, message: str) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    findings = [replace(f, message=message) for f in result.findings] * 5000
    text = markdown(replace(result, findings=findings))
    assert 0.9 * LONGEST < len(text.encode()) < LONGEST + 10_000
    assert "more findings are left out" in text


def test_of_very_many_threads_the_first_stand_in_the_table(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    ((session, thread), *_) = result.threads
    many = replace(session, threads=tuple(replace(thread, number=n) for n in range(3000)))
    findings = [replace(result.findings[0], thread=f"t{n}") for n in range(3000)]
    text = markdown(replace(result, sessions=[many], findings=findings))
    assert "| t999 |" in text and "| t1000 |" not in text
    assert "| … | 2,000 more |" in text
    assert len(text.encode()) < LONGEST + 10_000
