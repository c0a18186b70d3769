"""JUnit XML as CI systems read it: a suite a thread, a case a rule."""

import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml

from kimitap.export.formats import Checked
from kimitap.export.formats.junit import junit
from kimitap.rules import RULES
from kimitap.rules.choice import Choice
from kimitap.rules.finding import Severity
from kimitap.settings import Settings
from tests.export.test_markdown import FINDING
from tests.support.checks import checked, hostile_session, lost_with, two_threads

LOST = "tool-turn-lost"

ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname", "time"}, {"failure", "skipped", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
"""Element → the attributes and children that Jenkins's junit-10.xsd and GitLab's parser take."""


def parsed(result: Checked) -> JUnitXml:
    """The document, which holds no element or attribute that CI systems refuse."""
    text = junit(result)
    for element in ElementTree.fromstring(text).iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    return JUnitXml.fromstring(text.encode())


def test_each_thread_is_a_suite_with_a_case_a_rule(tmp_path: Path) -> None:
    xml = parsed(checked(tmp_path / "a.db", two_threads()))
    assert [suite.name for suite in xml] == ["s1 t1 main", "s3 t3 main"]
    for suite in xml:
        assert [case.name for case in suite] == [rule.name for rule in RULES]
        assert {case.classname for case in suite} == {f"kimitap.{suite.name.split()[1]}"}


def test_only_what_is_broken_fails(tmp_path: Path) -> None:
    xml = parsed(checked(tmp_path / "a.db", two_threads()))
    failed = [(suite.name, case.name) for suite in xml for case in suite if case.is_failure]
    assert failed == [("s1 t1 main", LOST)]
    assert (xml.failures, xml.errors, xml.tests) == (1, 0, 2 * len(RULES))
    (case,) = (case for suite in xml for case in suite if case.is_failure)
    assert case.result[0].message.startswith("exchange 2, message 1: ")
    assert case.result[0].type == "error"
    assert "what to do:" in case.result[0].text


def test_a_case_fails_where_check_would(tmp_path: Path) -> None:
    mild = Choice(grades={LOST: Severity.WARNING})
    passing = parsed(checked(tmp_path / "a.db", two_threads(), Settings(mild)))
    assert passing.failures == 0
    (noted,) = (case for suite in passing for case in suite if case.system_out)
    assert (noted.name, "warning" in noted.system_out) == (LOST, True)
    strict = Settings(mild, Severity.WARNING)
    assert parsed(checked(tmp_path / "b.db", two_threads(), strict)).failures == 1


def test_very_many_findings_of_a_rule_are_told_in_linear_time(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", lost_with("hello"))
    many = [replace(result.findings[0], message=f"Lost {i}.") for i in range(10_000)]
    start = time.process_time()
    junit(replace(result, findings=many))
    assert time.process_time() - start < 5


def test_several_findings_of_a_rule_are_one_failure_that_tells_all(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", lost_with("hello"))
    more = [replace(FINDING, session="s1", thread="t1", message=f"Again {i}.") for i in range(3)]
    xml = parsed(replace(result, findings=more))
    (case,) = (case for suite in xml for case in suite if case.is_failure)
    assert "and 2 more findings" in case.result[0].message
    assert all(f"Again {i}." in case.result[0].text for i in range(3))


def test_a_recording_without_conversation_has_one_skipped_case(tmp_path: Path) -> None:
    xml = parsed(checked(tmp_path / "a.db", []))
    assert (xml.tests, xml.failures) == (1, 0)
    assert [case.is_skipped for suite in xml for case in suite] == [True]


@pytest.mark.parametrize("text", ["\ufffe\uffff", "\ud800", "\x00\x0b", "]]>&<", "\u202e"])
def test_no_text_breaks_the_document(tmp_path: Path, text: str) -> None:
    result = checked(tmp_path / "a.db", hostile_session())
    worse = [replace(f, message=f"{f.message} {text}") for f in result.findings]
    assert parsed(replace(result, findings=worse)).failures == 1
