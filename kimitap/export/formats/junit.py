"""Findings as JUnit XML: a suite a thread, a case a rule, as GitLab, Jenkins and others read it.

A case fails exactly where `check` exits with 1 for it. What is found below that is in its output.
"""

import re
from collections.abc import Iterator, Sequence

from junitparser import Failure, JUnitXml, Skipped, SystemOut, TestCase, TestSuite

import kimitap
from kimitap.export.formats.checked import Checked, count_words, place_words
from kimitap.export.formats.text import summary, told_finding
from kimitap.lineage import Session, Thread
from kimitap.redact import mask_text
from kimitap.rules.finding import Finding
from kimitap.visible import one_line, visible

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(checked: Checked) -> str:
    """The document. A recording without a conversation has one skipped case, so that none is none.

    Its elements and attributes are those that Jenkins's xUnit plugin (junit-10.xsd) allows.
    """
    xml = JUnitXml("kimitap")
    for suite in _suites(checked):
        xml.append(suite)  # add_testsuite would compare it with all before it
    xml.update_statistics()
    del xml._elem.attrib["skipped"]  # no attribute of the root in Jenkins's schema
    said: bytes = xml.tostring()
    return f'<?xml version="1.0" encoding="utf-8"?>\n{said.decode()}\n'


def _suites(checked: Checked) -> Iterator[TestSuite]:
    found: dict[str, dict[str, list[Finding]]] = {}
    for finding in checked.findings:
        found.setdefault(finding.thread, {}).setdefault(finding.rule, []).append(finding)
    for session, thread in checked.threads:
        here = found.get(thread.name, {})
        names = dict.fromkeys([*(rule.name for rule in checked.rules), *here])
        cases = [_case(checked, thread, name, here.get(name, [])) for name in names]
        yield _suite(checked, session, thread, cases)
    if not checked.threads:
        yield _nothing(checked)


def _suite(
    checked: Checked, session: Session, thread: Thread, cases: Sequence[TestCase]
) -> TestSuite:
    first = thread.turns[0]
    names = (session.name, thread.name, thread.kind)
    suite = TestSuite(_clean(" ".join(names)))
    suite.timestamp = first.started_at.strftime("%Y-%m-%dT%H:%M:%S")
    facts = {
        "database": checked.database,
        "agent": mask_text(session.agent),
        "model": mask_text(session.model),
        "turns": str(len(thread.turns)),
        "kimitap": kimitap.__version__,
    }
    for name, value in facts.items():
        suite.add_property(name, _clean(one_line(value, 500)))
    suite.add_testcases([*cases])
    return suite


def _case(checked: Checked, thread: Thread, rule: str, found: Sequence[Finding]) -> TestCase:
    case = TestCase(rule, f"kimitap.{thread.name}", 0.0)
    failing = [finding for finding in found if checked.fails(finding)]
    if failing:
        more = count_words(len(failing) - 1, "more finding")
        said = f"{place_words(failing[0].place)}: {failing[0].message}"
        failure = Failure(
            _clean(one_line(said if len(failing) == 1 else f"{said} (and {more})", 1000)),
            f"{max(failing, key=lambda f: f.severity.rank).severity}",
        )
        failure.text = _told(failing, checked)
        case.append(failure)
    noted = [finding for finding in found if not checked.fails(finding)]
    if noted:
        case.append(SystemOut(_told(noted, checked)))
    return case


def _told(findings: Sequence[Finding], checked: Checked) -> str:
    """All of them as text; what to do comes with the last."""
    lines = [line for finding in findings[:-1] for line in told_finding(finding, {})]
    lines += told_finding(findings[-1], checked.remedies)
    return _clean("\n".join(lines))


def _nothing(checked: Checked) -> TestSuite:
    suite, case = TestSuite("recording"), TestCase("conversation", "kimitap.recording", 0.0)
    case.append(Skipped(_clean(one_line(summary(checked), 1000))))
    suite.add_testcases([case])
    return suite


def _clean(text: str) -> str:
    """`text` without what no XML document may hold."""
    return _NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", visible(text))
