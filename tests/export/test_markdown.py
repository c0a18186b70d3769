"""The report is readable, complete and harmless."""

import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from kimitap.conversation import Message, Text
from kimitap.diff import diff_link
from kimitap.export.markdown import report
from kimitap.export.text import code, fence, prose
from kimitap.lineage import Mark, Pair
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from tests.test_diff import BLANK, CALLING, USER, link, turn

FINDING = Finding(
    rule="tool-turn-lost",
    severity=Severity.ERROR,
    side=Side.AGENT,
    message="Request 2 lacks the reply of exchange 1.",
    place=Place(2, 1),
    evidence=(Evidence(1, 'write_to_file({"path":"Test.md"})'), Evidence(2, 'assistant ""')),
)


def seed_report(text: str = "Write Test.md.") -> str:
    user = Message("user", (Text(text),))
    old, new = turn(1, (USER,), CALLING), turn(2, (USER, BLANK, user), BLANK)
    pairs = (Pair(Mark.CHANGED, 1, 1), Pair(Mark.NEW, None, 2))
    return report(diff_link(link(old, new, 1, *pairs)), [FINDING], {"tool-turn-lost": "Mend it."})


def test_the_report_says_what_was_lost_where_and_what_to_do() -> None:
    text = seed_report()
    assert "tool-turn-lost" in text.splitlines()[0]
    assert "Request 2 lacks the reply of exchange 1." in text
    assert "repeats 1, changes 1 and drops 0; it adds 1" in text
    assert "| `!` | 1 (reply) | 1 |" in text
    assert 'tool_call: functions.write_to_file:0 write_to_file({"path":"Test.md"})' in text
    assert "What to do: Mend it." in text


def test_the_report_says_how_the_reply_came_back() -> None:
    assert "**Echo:** □ blanked in \\#\u200b2" in seed_report()


@pytest.mark.parametrize(
    "hostile",
    [
        "```\n# out of the fence\n```",
        "````` five",
        "a | b | c",
        "<script>alert(1)</script>",
        "\x1b]52;c;aGk=\x07 and \u202e reversed",
        "@maintainer #1 ![](http://127.0.0.1/x.png)",
    ],
)
def test_recorded_text_cannot_leave_its_fence_or_cell(hostile: str) -> None:
    outside = _outside_code(seed_report(hostile))
    for mark in ("<script", "\x1b", "\u202e", "@maintainer", "![](", "# out of", "a | b"):
        assert mark not in outside
    assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e]", seed_report(hostile))


def _outside_code(markdown: str) -> str:
    """The Markdown without its fenced blocks and code spans, as CommonMark reads them."""
    kept, closing = [], ""
    for line in markdown.splitlines():
        found = re.match("`{3,}", line)
        if closing:
            closing = "" if line.strip() == closing else closing
        elif found:
            closing = found[0]
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", line))
    assert not closing, "a fence was left open"
    return "\n".join(kept)


def test_a_role_that_no_protocol_knows_cannot_leave_its_cell() -> None:
    odd = Message("x|**b**\n# out\x1b[31m<script>" + "y" * 99, (Text("hello"),))
    old, new = turn(1, (odd, USER), CALLING), turn(2, (odd, USER, BLANK), BLANK)
    text = _outside_code(report(diff_link(link(old, new, 2, Pair(Mark.CHANGED, 2, 2))), [], {}))
    assert "\n# out" not in text
    assert "x\\|\\*\\*b" in text
    assert not re.search(r"(?<!\\)<script|\x1b", text)


def test_no_entity_becomes_a_mention() -> None:
    shown = as_shown(prose("&#64;maintainer &amp; &num;1 \\@me"))
    assert shown == "&#\u200b64;maintainer &amp; &num;1 \\@\u200bme"


def as_shown(markdown: str) -> str:
    """The text of a page outside of its code, which is where GitHub looks for references."""
    page = MarkdownIt("gfm-like", {"linkify": False}).render(markdown)
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"(?s)<code.*?</code>", "", page))).strip()


LINKED = {
    "an issue": r"#\d",
    "an issue by GitHub's name": r"(?i)\bgh-\d",
    "a user": r"@\w",
    "a commit": r"\b[0-9a-f]{7,40}\b",
    "an address": r"(?i)(?:https?|ftp)://|www\.|mailto:|xmpp:",
    "an emoji": r":[\w+-]+:",
    "a merge request": r"!\d",
    "an advisory": r"(?i)\b(?:ghsa|cve)-\w",
}
"""What GitHub and GitLab make links of, in the text of a page."""


@pytest.mark.parametrize(
    "around", ["{}", "({})", "see {}, then", "**{}**", "`{}`", "\\{}", "[{}](x)"]
)
@pytest.mark.parametrize(
    "recorded",
    [
        *("#123", "GH-1", "gh-22", "ada/engine#1", "ada#1", "@ada", "@ada/team", "!12", ":tada:"),
        *("https://github.com/ada/engine/issues/1", "HTTP://h", "www.example.org", "ftp://h/x"),
        *("mailto:ada@example.org", "ada@example.org", "ada@a5c3785", "ada/engine@a5c3785"),
        *("a5c3785", "a5c3785ed8d6a35868bc169f07e40e889087fd2e", "GHSA-qwqw-1212-qwqw"),
        *("CVE-2026-1234", "&#35;1", "&num;1", "&commat;ada", "#<!-- -->1"),
    ],
)
def test_recorded_text_refers_to_nothing_in_a_tracker(recorded: str, around: str) -> None:
    text = around.format(recorded)
    shown = as_shown(prose(text))
    assert shown.replace("\u200b", "") == text, "it says what was recorded"
    assert {what for what, pattern in LINKED.items() if re.search(pattern, shown)} == set()


def test_the_heading_stays_short() -> None:
    old = replace(turn(1, (USER,), CALLING), agent="a" * 5000, model="m" * 5000)
    new = replace(turn(2, (USER, BLANK), BLANK), agent=old.agent)
    page = report(diff_link(link(old, new, 2)), [], {})
    assert len(page.splitlines()[0]) < 250


def test_a_hostile_agent_name_cannot_act_in_the_title() -> None:
    old = replace(turn(1, (USER,), CALLING), agent="<img src=x> @me `x` ![](http://127.0.0.1)")
    new = replace(turn(2, (USER, BLANK), BLANK), agent=old.agent)
    title = report(diff_link(link(old, new, 2)), [], {}).splitlines()[0]
    assert not re.search(r"(?<!\\)[<`\[]|@me|://", title)


def test_a_secret_in_a_message_is_masked() -> None:
    assert "sk-Ab3dEf6hIj9kLmN0pQrStUvW" not in seed_report("key sk-Ab3dEf6hIj9kLmN0pQrStUvW")


def test_a_fence_is_longer_than_any_run_inside() -> None:
    assert fence("a\n```\nb").startswith("````\n")


def test_a_code_span_holds_backticks() -> None:
    assert code("a `b` c") == "``a `b` c``"


def test_a_message_that_stands_elsewhere_on_the_wire_says_where() -> None:
    old, new = turn(1, (USER,), CALLING), turn(2, (USER, BLANK), BLANK)
    pairs = (Pair(Mark.CHANGED, 1, 1),)
    for indexes, said in (((), ""), ((-1, 0), " (on the wire in entry 0)")):
        moved = link(old, replace(new, wire_indexes=indexes), 1, *pairs)
        text = report(diff_link(moved), [FINDING], {})
        assert f"`!` message 1{said}\n" in text
        assert f"at exchange 2, message 1{said}\n" in text


def test_of_a_long_message_that_changed_the_place_is_quoted_where_it_did() -> None:
    rules = "Follow the house's rules.\n" * 400
    old, new = (
        Message("system", (Text(f"{rules}It is {day}.{rules}"),)) for day in ("May", "June")
    )
    first, second = turn(1, (old, USER), CALLING), turn(2, (new, USER, BLANK), BLANK)
    page = report(diff_link(link(first, second, 0, Pair(Mark.CHANGED, 0, 0))), [], {})
    assert "It is May." in page and "It is June." in page
    assert "(10,206 characters that are the same) …" in page
    assert "more characters)" in page
