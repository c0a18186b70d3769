"""Every list leads to the very line that carries the mark, and what is odd there has a word."""

import pytest

from kimitap.rules import RULES, check
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example
from kimitap.transcript import Kind, partner, rows
from kimitap.tui.findings.screen import FindingsScreen
from kimitap.tui.source import View
from tests.support.examples import sessions_of
from tests.support.reader import Reader, reading
from tests.support.still import Still
from tests.support.threads import assistant, call, chain, result, turn, user
from tests.tui.test_live import until

FLAWED = {rule.name: next(e for e in rule.examples if e.expected) for rule in RULES}


def view_of(example: Example) -> View:
    sessions = sessions_of(example.exchanges)
    return View(sessions, tuple(found for session in sessions for found in check(session)))


def of_rule(view: View, name: str) -> Finding:
    return next(finding for finding in view.findings if finding.rule == name)


async def show(reader: Reader, source: Still, view: View) -> None:
    source.now(view)
    await until(reader.pilot, lambda: reader.app.view is view)


@pytest.mark.parametrize("share", range(6))
async def test_enter_leads_to_the_line_that_carries_the_mark_for_each_rule(share: int) -> None:
    source = Still(())
    missed = []
    async with reading(source) as reader:
        for name, example in list(FLAWED.items())[share::6]:
            view = view_of(example)
            await show(reader, source, view)
            await reader.press("F")
            screen = reader.app.screen
            assert isinstance(screen, FindingsScreen)
            wanted = of_rule(view, name)
            screen.list.cursor = next(
                i for i, row in enumerate(screen.list.rows) if row.finding == wanted
            )
            await reader.press("enter")
            assert reader.app.screen is reader.app.main
            if wanted not in reader.row.findings:
                missed.append(name)
    assert not missed


async def test_a_missing_result_is_gone_to_from_every_list() -> None:
    view = view_of(FLAWED["unanswered-tool-call"])
    finding = of_rule(view, "unanswered-tool-call")
    async with reading(Still(view.sessions, view.findings)) as reader:
        marked = reader.row
        assert (marked.title, finding in marked.findings) == ("NO RESULT", True)
        await reader.press("g", "S")
        await reader.type("unanswered")
        await reader.press("enter", "j", "enter")
        assert reader.row is marked
        await reader.press("escape", "g", "h", "G", "k", "enter")
        assert reader.row is marked
        await reader.press("g", "T", "G", "h", "enter")
        assert reader.row is marked
        at = reader.app.main.conversation.current_index
        await reader.press("g")
        await reader.pilot.click("#map", offset=(0, at))
        await reader.press()
        assert reader.row is marked


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("orphan-tool-result", "ORPHAN RESULT"),
        ("duplicate-tool-result", "SECOND RESULT"),
        ("misplaced-tool-result", "MISPLACED RESULT"),
        ("mismatched-tool-call-id", "WRONG ID"),
    ],
)
async def test_a_result_that_is_wrong_there_has_a_symbol_and_a_word(rule: str, word: str) -> None:
    view = view_of(FLAWED[rule])
    async with reading(Still(view.sessions, view.findings)) as reader:
        await reader.press("F")
        screen = reader.app.screen
        assert isinstance(screen, FindingsScreen)
        wanted = of_rule(view, rule)
        screen.list.cursor = next(i for i, r in enumerate(screen.list.rows) if r.finding == wanted)
        await reader.press("enter")
        shown = reader.app.main.conversation
        line = shown.render_line(shown.cursor - shown.scroll_offset.y).text
        assert word in line
        assert line[1] in "✗!"
        await reader.press("slash")
        await reader.type(word.lower())
        assert shown.current_index in shown.hits


def test_an_orphan_result_borrows_no_name_and_has_no_partner() -> None:
    for example in (e for e in RULES_BY_NAME["orphan-tool-result"].examples if e.expected):
        view = view_of(example)
        for thread in view.threads:
            made = rows(thread, view.findings)
            for at, row in enumerate(made):
                if row.word == "ORPHAN RESULT":
                    assert row.title in {"?", getattr(row.content, "name", "")}
                    assert partner(made, at) is None
                    assert at not in {partner(made, i) for i in range(len(made))}


def test_an_orphan_result_is_not_joined_to_an_older_call_of_its_id() -> None:
    asks = assistant("", call("read", "{}", "c1"))
    begun = [user("Read it."), asks, result("owner: Ada", "c1")]
    later = [*begun, assistant("Done."), user("On."), result("owner: Zoë", "c1")]
    turns = [turn(1, begun[:1], asks), turn(2, begun, assistant("Done."))]
    thread = chain(*turns, turn(3, later, assistant("Yes.")))
    words = ("orphan-tool-result", Severity.ERROR, Side.AGENT, "It answers no call.")
    made = rows(thread, [Finding(*words, Place(3, 5, 0), "s1", "t1")])
    asked = next(i for i, row in enumerate(made) if row.kind is Kind.CALL)
    first, orphan = (i for i, row in enumerate(made) if row.kind is Kind.RESULT)
    assert (partner(made, asked), partner(made, first)) == (first, asked)
    assert (made[orphan].word, made[orphan].title) == ("ORPHAN RESULT", "?")
    assert partner(made, orphan) is None


RULES_BY_NAME = {rule.name: rule for rule in RULES}
