"""All findings: rule by rule, filtered, explained, and each one a way to its place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kimitap.exchange import Outcome
from kimitap.lineage import Session
from kimitap.rules import RULES
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.tui.findings.rows import MANY, FindingRow, Wanted, at_row, finding_rows
from kimitap.tui.findings.screen import FindingsScreen
from kimitap.tui.findings.text import as_text, reported, visit, where, worst
from kimitap.tui.recording import RecordingSource
from kimitap.tui.source import Source, View
from kimitap.tui.widgets.text_pane import TextPane
from kimitap.tui.wishes import Copy, Visit, WriteReport
from tests.support.listening import Listening, opened, press, settle
from tests.support.recorded import lost, record
from tests.support.still import Still
from tests.support.threads import assistant, chain, lost_turn, turn, user

Opened = tuple[Listening, FindingsScreen, Pilot[None]]


def finding(
    rule: str,
    severity: Severity,
    exchange: int,
    message: int | None = None,
    said: str = "A defect.",
) -> Finding:
    return Finding(rule, severity, Side.SERVER, said, Place(exchange, message), "s1", "t1")


def mixed() -> Still:
    """The lost turns, and findings of three other rules."""
    sessions, told = lost_turn()
    more = (
        finding("empty-reply", Severity.WARNING, 2, said="The reply of exchange 2 is empty."),
        finding("changed-system", Severity.INFO, 3, 0),
        finding("empty-reply", Severity.WARNING, 4),
        finding("empty-reply", Severity.INFO, 6),
        finding("unknown-tool", Severity.ERROR, 1),
    )
    return Still(sessions, (*told, *more))


@asynccontextmanager
async def findings(source: Source, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Opened]:
    screen = FindingsScreen(source.load())
    async with opened(screen, size) as (app, pilot):
        yield app, screen, pilot


def lines(screen: FindingsScreen) -> list[str]:
    shown = screen.list
    return [shown.render_line(y).text.rstrip() for y in range(min(shown.count, shown.size.height))]


def said(screen: FindingsScreen) -> str:
    return "\n".join(block.text for block in screen.query_one(TextPane).blocks)


def names(screen: FindingsScreen) -> list[str]:
    return [row.rule for row in screen.list.rows if row.finding is None]


async def test_rules_are_listed_worst_first_and_then_the_most_frequent() -> None:
    async with findings(mixed()) as (app, screen, _):
        assert names(screen) == ["tool-turn-lost", "unknown-tool", "empty-reply", "changed-system"]
        shown = lines(screen)
        assert shown[0].startswith("▌▾ ✗ tool-turn-lost") and shown[0].endswith("✗2")
        assert shown[1].split()[:5] == ["✗", "#5", "message", "8", "t1"]
        assert shown[5].strip().startswith("▾ ! empty-reply") and shown[5].endswith("!2 i1")
        assert "7 findings" in app.said("title") and "of 4 rules in 1 session" in app.said("title")


async def test_a_rule_is_explained_with_its_remedy_and_source() -> None:
    rule = next(rule for rule in RULES if rule.name == "tool-turn-lost")
    async with findings(mixed()) as (_, screen, _pilot):
        text = said(screen)
        assert "2 error" in text
        assert all(part in text for part in (rule.summary, rule.meaning, rule.remedy, rule.source))


async def test_a_finding_is_shown_with_its_evidence_and_its_rule() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        await press(app, pilot, "j")
        text = said(screen)
        assert "✗ error · tool-turn-lost · side: agent" in text
        assert "#5 message 8 · t1 · s1" in text
        assert '#5  {"role":"assistant","content":""}' in text
        assert "see also #4 reply" in text
        assert "what to do" in text


async def test_enter_leads_to_the_place_of_a_finding() -> None:
    async with findings(mixed()) as (app, _, pilot):
        await press(app, pilot, "j", "enter")
        wish = app.wishes[0]
        assert isinstance(wish, Visit)
        assert (wish.exchange, wish.message, wish.reply) == (5, 8, False)


def test_a_finding_about_a_reply_leads_to_it_and_one_without_a_reply_to_the_turn() -> None:
    silent = turn(2, [user("a")], assistant(), outcome=Outcome.REFUSED, complete=False)
    session = Session(1, (replace(chain(turn(1, [user("a")], assistant("b")))),))
    other = Session(2, (replace(chain(silent)),))
    view = View((session, other))
    assert visit(view, finding("empty-reply", Severity.ERROR, 1)).reply
    refused = replace(finding("server-error", Severity.ERROR, 2), session="s2", thread="t2")
    assert not visit(view, refused).reply
    assert visit(view, refused).message is None


async def test_enter_folds_a_rule_and_h_goes_to_it() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        before = screen.list.count
        await press(app, pilot, "enter")
        assert screen.list.count == before - 2
        await press(app, pilot, "l", "j", "j", "h")
        assert screen.current == screen.list.rows[0]
        await press(app, pilot, "h")
        assert screen.list.count == before - 2


async def test_z_folds_all_rules_and_unfolds_them() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        await press(app, pilot, "right_curly_bracket", "j", "z")
        assert screen.list.count == 4
        assert screen.current is not None and screen.current.rule == "unknown-tool"
        await press(app, pilot, "z")
        assert screen.list.count == 11
        assert screen.current is not None and screen.current.rule == "unknown-tool"


def test_a_rule_with_many_findings_begins_folded() -> None:
    many = [finding("empty-reply", Severity.ERROR, n) for n in range(1, MANY + 2)]
    rows = finding_rows([*many, finding("unknown-tool", Severity.INFO, 1)])
    assert [(row.rule, row.opened) for row in rows] == [
        ("empty-reply", False),
        ("unknown-tool", True),
        ("unknown-tool", True),
    ]
    assert len(finding_rows(many, Wanted(turned=frozenset({"empty-reply"})))) == MANY + 2


async def test_braces_go_from_rule_to_rule() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        seen = []
        for key in (*["right_curly_bracket"] * 4, "left_curly_bracket"):
            await press(app, pilot, key)
            assert screen.current is not None and screen.current.finding is None
            seen.append(screen.current.rule)
        assert seen == [
            "unknown-tool",
            "empty-reply",
            "changed-system",
            "changed-system",
            "empty-reply",
        ]


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("sev:err", {"tool-turn-lost", "unknown-tool"}),
        ("side:agent", {"tool-turn-lost"}),
        ("rule:empty", {"empty-reply"}),
        ("session:s1 rule:unk", {"unknown-tool"}),
        ("session:s", set()),
        ("thread:t1 sev:info", {"changed-system", "empty-reply"}),
        ("exchange 2 is", {"empty-reply"}),
        ("write_to_file agent", {"tool-turn-lost"}),
        ("nothing like it", set()),
    ],
)
def test_the_filter_keeps_the_findings_that_hold_all_words(words: str, rules: set[str]) -> None:
    rows = finding_rows(mixed().view.findings, Wanted(tuple(words.split())))
    assert {row.rule for row in rows} == rules


async def test_the_filter_is_typed_and_dropped_before_the_screen_is_left() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        await press(app, pilot, "slash", *"empty", "enter")
        assert names(screen) == ["empty-reply"]
        assert "/empty" in app.said("title")
        await press(app, pilot, "slash", *"zzz", "enter")
        assert "esc drops the filter" in said(screen)
        await press(app, pilot, "escape")
        assert len(names(screen)) == 4
        await press(app, pilot, "q")
        assert app.screen is not screen


async def test_f_goes_through_the_severities() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        seen = []
        for _ in range(4):
            await press(app, pilot, "f")
            seen.append(len(names(screen)))
        assert seen == [2, 1, 2, 4]
        await press(app, pilot, "f", "escape")
        assert screen.wanted.severity is None


async def test_the_report_is_on_the_turn_whose_reply_was_lost() -> None:
    async with findings(mixed()) as (app, _, pilot):
        await press(app, pilot, "j", "j", "e", "k", "k", "e")
        assert [w.exchange for w in app.wishes if isinstance(w, WriteReport)] == [5, 4]


async def test_a_finding_is_copied_with_its_evidence_and_a_rule_with_its_summary() -> None:
    async with findings(mixed()) as (app, _, pilot):
        await press(app, pilot, "y", "j", "y")
        rule, one = app.wishes
        assert isinstance(rule, Copy) and isinstance(one, Copy)
        assert rule.text.startswith("tool-turn-lost: ")
        assert one.text.splitlines()[0] == ("error: tool-turn-lost at #5 message 8, t1 (agent)")
        assert len(one.text.splitlines()) == 4


async def test_tab_goes_to_the_explanation_and_back() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        await press(app, pilot, "tab", "j", "j")
        assert app.focused is screen.query_one(TextPane)
        await press(app, pilot, "tab")
        assert app.focused is screen.list


async def test_the_cursor_stays_on_its_finding_while_others_come() -> None:
    source = mixed()
    async with findings(source) as (app, screen, pilot):
        await press(app, pilot, "right_curly_bracket", "right_curly_bracket", "j", "j")
        here = screen.current
        worse = tuple(finding("missing-tool-call-id", Severity.ERROR, n) for n in range(1, 9))
        screen.apply(replace(source.view, findings=(*source.view.findings, *worse)))
        await settle(app, pilot)
        assert names(screen)[0] == "missing-tool-call-id"
        assert here is not None and screen.current == here


def test_a_finding_that_is_gone_leaves_the_cursor_on_its_rule() -> None:
    rows = finding_rows(mixed().view.findings)
    gone = FindingRow("empty-reply", finding("empty-reply", Severity.ERROR, 99))
    at = at_row(rows, gone)
    assert at is not None and rows[at].rule == "empty-reply" and rows[at].finding is None
    assert at_row(rows, FindingRow("no-such-rule", counts=((Severity.INFO, 1),))) is None
    assert at_row(rows, None) is None


@pytest.mark.parametrize("size", [(120, 40), (100, 30), (80, 24), (40, 12), (20, 6)])
async def test_it_fits_whatever_the_size(size: tuple[int, int]) -> None:
    async with findings(mixed(), size) as (app, screen, pilot):
        await press(app, pilot, "j", "G", "tab", "G")
        pane = screen.query_one(TextPane)
        beside = pane.region.y == screen.list.region.y
        assert beside is (size[0] >= 100)
        assert all(len(line) <= size[0] for line in lines(screen))


async def test_a_recording_without_a_finding_says_so() -> None:
    async with findings(Still(())) as (app, screen, pilot):
        await press(app, pilot, "enter", "n", "z", "h", "l", "e", "y", "f")
        await press(app, pilot, "escape")
        assert "Nothing wrong found." in said(screen)
        listed = "Nothing is listed here."
        assert app.told == [
            *(listed, "Nothing wrong was found.", listed, listed, listed),
            *("Nothing wrong was found here.", listed),
        ]
        assert app.wishes == []


async def test_a_finding_of_a_rule_that_nobody_knows_is_shown_all_the_same() -> None:
    source = Still((), (finding("rule-of-tomorrow", Severity.ERROR, 1, said="It broke."),))
    async with findings(source) as (app, screen, pilot):
        await press(app, pilot, "j")
        assert "It broke." in said(screen)


async def test_the_findings_of_a_real_recording_are_listed(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    async with findings(source) as (app, screen, pilot):
        assert names(screen)[0] == "tool-turn-lost"
        await press(app, pilot, "j", "enter")
        assert isinstance(app.wishes[0], Visit)
        assert app.wishes[0].exchange == 3
    source.close()


def test_the_worst_is_the_first_of_the_most_severe() -> None:
    found = [finding("a", Severity.INFO, 1), finding("b", Severity.ERROR, 2)]
    assert worst([*found, finding("c", Severity.ERROR, 3)]) is found[1]
    assert worst([]) is None


def test_what_stands_at_no_message_is_the_reply() -> None:
    assert (where(Place(41)), where(Place(41, 3))) == ("#41 reply", "#41 message 3")


def test_a_report_on_a_first_request_is_on_that_request() -> None:
    sessions, _ = lost_turn()
    assert reported(View(sessions), finding("unknown-tool", Severity.ERROR, 1, 0)) == 1
    assert reported(View(()), finding("unknown-tool", Severity.ERROR, 7, 0)) == 7


def test_a_copied_finding_is_clean() -> None:
    made = replace(
        finding("empty-reply", Severity.ERROR, 1, said="a\x1b[2Jb"),
        evidence=(Evidence(1, "c\x07\nd"),),
    )
    assert as_text(made).splitlines()[1:] == ["a\\u001b[2Jb", "  #1: c\\u0007 d"]
