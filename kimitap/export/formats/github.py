"""Findings as GitHub's workflow commands: annotations of the run.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from collections.abc import Iterator

from kimitap.export.formats.checked import Checked, place_words
from kimitap.export.formats.text import QUOTED, inert, summary
from kimitap.rules.finding import Finding, Severity
from kimitap.visible import one_line

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def github(checked: Checked) -> str:
    """One command a finding, the worst first, since GitHub shows ten a step; then the summary."""
    ordered = sorted(checked.findings, key=lambda f: -f.severity.rank)
    lines = [_command(finding, checked) for finding in ordered]
    return "\n".join((*lines, f"kimitap: {summary(checked)}")) + "\n"


def _command(finding: Finding, checked: Checked) -> str:
    title = f"{finding.rule} ({place_words(finding.place)}, side: {finding.side})"
    properties = f"file={_property(checked.uri)},title={_property(title)}"
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(_said(finding, checked))}"


def _said(finding: Finding, checked: Checked) -> str:
    return "\n".join(_lines(finding, checked))


def _lines(finding: Finding, checked: Checked) -> Iterator[str]:
    yield finding.message
    for evidence in finding.evidence:
        yield f"exchange {evidence.exchange}: {one_line(evidence.quote, QUOTED)}"
    yield f"What to do: {checked.remedies.get(finding.rule, '')}"


def _data(text: str) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return inert(text)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
