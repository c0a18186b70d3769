"""A conversation as rows: what is new, what came back, and ghosts where something is missing."""

from dataclasses import replace
from itertools import pairwise

import pytest

from kimitap.conversation import (
    Fault,
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.exchange import Outcome
from kimitap.lineage import Relation, Thread
from kimitap.rules import RULES, check
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example
from kimitap.transcript import Kind, Memo, Row, plain, rows
from kimitap.transcript.build import ABSENCES
from kimitap.weave import weave
from tests.support import corpus
from tests.support.examples import sessions_of
from tests.support.threads import (
    assistant,
    call,
    chain,
    link,
    lost_turn,
    result,
    system,
    turn,
    user,
)

READ = call("read_file", '{"path":"notes.txt"}', "c1")
LIST = call("list_files", '{"path":"."}', "c2")
OPENING = [system("Be terse."), user("Sum up the notes.")]
ASKS = assistant("I read them.", READ)
NOTES = result("Ada owns it.\nShip in May.", "c1")
DONE = assistant("Ada owns it, and it ships in May.")

EXAMPLES = [pytest.param(e, id=f"{r.name}: {e.title}") for r in RULES for e in r.examples]


def said(made: list[Row], exchange: int) -> list[tuple[Kind, str]]:
    return [(row.kind, row.text) for row in made if row.exchange == exchange]


def healthy() -> Thread:
    return chain(turn(1, OPENING, ASKS), turn(2, [*OPENING, ASKS, NOTES], DONE))


def woven(example: Example) -> list[tuple[list[Row], tuple[Finding, ...]]]:
    """Each thread of an example as rows, with what the rules find in it."""
    found = []
    for session in sessions_of(example.exchanges):
        findings = check(session)
        for thread in session.threads:
            mine = tuple(f for f in findings if f.thread == thread.name)
            found.append((rows(thread, findings), mine))
    return found


def test_a_turn_shows_only_what_is_new_in_its_request() -> None:
    made = rows(healthy(), ())
    assert said(made, 2)[1:] == [
        (Kind.RESULT, "Ada owns it. Ship in May."),
        (Kind.TEXT, "Ada owns it, and it ships in May."),
    ]
    roles = [row.role for row in made if row.exchange == 1 and row.role]
    assert roles == ["SYS", "USER", "ASST", "ASST"]


def test_a_header_says_number_tokens_time_and_cache() -> None:
    header = rows(healthy(), ())[0]
    assert (header.kind, header.title) == (Kind.TURN, "#1")
    assert " in · " in header.text and " out · 2.4s · cache 9" in header.text
    assert header.note == ""


def test_a_call_reads_like_a_call_and_unfolds_to_its_arguments() -> None:
    row = next(row for row in rows(healthy(), ()) if row.kind is Kind.CALL)
    assert row.text == 'read_file(path="notes.txt")'
    assert row.lines == ("read_file  id c1", "{", '  "path": "notes.txt"', "}")


def test_a_result_bears_the_name_of_the_call_that_it_answers() -> None:
    both = assistant("", READ, LIST)
    thread = chain(
        turn(1, OPENING, both),
        turn(2, [*OPENING, both, result("a.py", "c2"), NOTES], DONE),
    )
    results = [row.title for row in rows(thread, ()) if row.kind is Kind.RESULT]
    assert results == ["list_files", "read_file"]


def test_a_lost_turn_is_a_ghost_at_the_very_place_where_it_should_stand() -> None:
    (session,), findings = lost_turn()
    made = rows(session.threads[0], findings)
    at = next(i for i, row in enumerate(made) if row.exchange == 5 and row.kind is Kind.GHOST)
    before, ghost, lost_call, blank, after = made[at - 1 : at + 4]
    assert before.kind is Kind.TURN
    assert (ghost.title, ghost.severity) == ("LOST TURN", Severity.ERROR)
    assert ghost.findings == (findings[0],)
    assert (lost_call.title, lost_call.note) == ("LOST CALL", "its result too")
    assert lost_call.text.startswith('write_to_file(path="src/db.py"')
    assert blank.kind is Kind.BLANK
    assert after.role == "USER"


def test_the_ghost_of_a_turn_unfolds_to_what_was_lost() -> None:
    (session,), findings = lost_turn()
    ghost = next(row for row in rows(session.threads[0], findings) if row.findings)
    assert ghost.lines[0] == "The version is never stored. I'll write it back after each step."
    assert '  "path": "src/db.py",' in ghost.lines


def test_the_call_that_will_be_lost_says_so_and_the_call_that_is_repeated_too() -> None:
    (session,), findings = lost_turn()
    calls = [row for row in rows(session.threads[0], findings) if row.kind is Kind.CALL]
    assert [row.note for row in calls] == [
        "",
        "",
        "",
        "lost in #5",
        "asked again, as in #4, lost in #6",
        "asked again, as in #5",
    ]


def test_an_unanswered_call_is_a_ghost_behind_the_results_that_came() -> None:
    both = assistant("", READ, LIST)
    second = turn(2, [*OPENING, both, NOTES, user("Go on.")], DONE)
    finding = Finding(
        "unanswered-tool-call", Severity.ERROR, Side.AGENT, "No result.", Place(2, 2, 1)
    )
    made = rows(chain(turn(1, OPENING, both), second), [finding])
    kinds = [row.kind for row in made if row.exchange == 2]
    assert kinds == [Kind.TURN, Kind.RESULT, Kind.GHOST, Kind.TEXT, Kind.TEXT]
    ghost = next(row for row in made if row.kind is Kind.GHOST)
    assert (ghost.title, ghost.text) == ("NO RESULT", 'list_files(path=".")')
    assert ghost.findings == (finding,)


def test_what_no_rule_minds_is_no_ghost() -> None:
    thread = chain(turn(1, OPENING, DONE), turn(2, [*OPENING, user("Thanks.")], assistant("Bye.")))
    assert not any(row.kind is Kind.GHOST for row in rows(thread, ()))
    assert any(row.title == "NOT REPEATED" for row in rows(thread, ()))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_finding_of_the_rules_examples_has_its_row(example: Example) -> None:
    for made, findings in woven(example):
        for finding in findings:
            on = [row for row in made if finding in row.findings]
            assert len(on) == 1
            assert on[0].exchange == finding.place.exchange
            assert on[0].severity is not None
            assert (on[0].kind is Kind.GHOST) == (finding.rule in ABSENCES)


@pytest.mark.parametrize("example", [p for p in EXAMPLES if not p.values[0].expected])
def test_a_clean_example_has_no_ghost(example: Example) -> None:
    for made, findings in woven(example):
        if not findings:
            assert not [row for row in made if row.kind is Kind.GHOST]


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
@pytest.mark.parametrize(("agent", "case"), corpus.captures())
def test_a_real_agents_capture_has_a_row_for_each_finding_and_a_key_for_each_row(
    agent: str, case: str
) -> None:
    for session in weave(corpus.turns(agent, case)):
        findings = check(session)
        for thread in session.threads:
            made = rows(thread, findings)
            assert len({row.key for row in made}) == len(made)
            hung = [finding for row in made for finding in row.findings]
            assert sorted(map(str, hung)) == sorted(
                str(finding) for finding in findings if finding.thread == thread.name
            )
            assert not any("\n" in line for line in plain(made))


def test_a_defect_of_the_whole_history_is_marked_again_in_later_turns() -> None:
    texts = [assistant(f"[Tool Use: read_file {n}]") for n in range(2)]
    first = turn(1, OPENING, ASKS)
    second = turn(2, [*OPENING, texts[0], user("Result: …")], ASKS)
    third = turn(3, [*second.messages, texts[1], user("Result: …")], DONE)
    rule, again = "flattened-tool-history", (Place(3, 4),)
    finding = Finding(rule, Severity.ERROR, Side.AGENT, "As text.", Place(2, 2), related=again)
    marked = [row for row in rows(chain(first, second, third), [finding]) if row.severity]
    assert [(row.exchange, row.title, len(row.findings)) for row in marked] == [
        (2, "CALLS AS TEXT", 1),
        (3, "CALLS AS TEXT", 0),
    ]


def test_a_finding_at_a_message_that_was_shown_before_shows_it_once_more() -> None:
    finding = Finding(
        "orphan-tool-result", Severity.ERROR, Side.AGENT, "Nobody asked.", Place(2, 1)
    )
    on = next(row for row in rows(healthy(), [finding]) if row.findings)
    assert (on.exchange, on.text, on.note) == (2, "Sum up the notes.", "sent again here")


def test_a_resumed_history_is_shown_once_and_folded() -> None:
    carried = [*OPENING, ASKS, NOTES, DONE]
    first = turn(7, [*carried, user("And who ships it?")], assistant("Ada."))
    made = rows(chain(first, resumed=True), ())
    fold = next(row for row in made if row.kind is Kind.CARRIED)
    assert fold.text == "5 messages from before this recording"
    assert [row.text for row in made if row.inside == fold.key][-1] == DONE.text
    assert [row.text for row in made if row.role == "USER" and row.inside is None] == [
        "And who ships it?"
    ]


def test_a_retry_a_fork_and_a_compaction_are_named() -> None:
    for relation, word in (
        (Relation.RETRY, "RETRY"),
        (Relation.FORK, "FORK"),
        (Relation.COMPACTION, "COMPACTION"),
    ):
        first = turn(1, OPENING, ASKS)
        second = turn(2, [*OPENING, user("Something else.")], DONE)
        thread = Thread(1, (first, second), (None, link(first, second, relation)))
        row = next(row for row in rows(thread, ()) if row.kind is Kind.RELATION)
        assert row.title == word and "#1" in row.text


def test_a_cut_an_error_and_a_fault_are_trouble() -> None:
    cut = turn(1, OPENING, assistant("Well"), outcome=Outcome.SERVER_CUT, complete=False)
    made = rows(chain(cut), ())
    assert [(r.title, r.text) for r in made if r.kind is Kind.TROUBLE] == [("CUT", "server cut")]
    whole = turn(1, OPENING, DONE)
    failed = replace(
        whole, reply=replace(whole.reply, error="out of memory"), faults=(Fault("response", "odd"),)
    )
    titles = [r.title for r in rows(chain(failed), ()) if r.kind is Kind.TROUBLE]
    assert titles == ["SERVER ERROR", "UNREADABLE"]


def test_a_turn_in_flight_waits() -> None:
    waiting = turn(1, OPENING, assistant(), outcome=Outcome.IN_FLIGHT, complete=False)
    made = rows(chain(waiting), ())
    assert made[-1].kind is Kind.WAITING
    assert made[0].note == "in flight"


def test_only_what_changed_is_worked_out_anew() -> None:
    thread, memo = healthy(), Memo()
    first = rows(thread, (), memo)
    grown = Thread(
        1,
        (*thread.turns, turn(3, [*thread.turns[1].messages, DONE, user("Thanks.")], DONE)),
        (*thread.links, None),
    )
    second = rows(grown, (), memo)
    assert all(a is b for a, b in zip(first, second, strict=False) if a.exchange == 1)
    assert len(second) > len(first)


def test_rows_keep_their_keys_while_a_reply_streams_in() -> None:
    part = turn(2, [*OPENING, ASKS, NOTES], assistant("Ada"), outcome=Outcome.IN_FLIGHT)
    whole = healthy().turns[1]
    early, late = rows(chain(turn(1, OPENING, ASKS), part), ()), rows(healthy(), ())
    keys = [row.key for row in early if row.kind is not Kind.WAITING]
    assert [row.key for row in late][: len(keys)] == keys
    assert len({row.key for row in late}) == len(late)
    assert whole.exchange == 2


HOSTILE = "\x1b]52;c;aGk=\x07\x9b2J\u202egnp.exe\u2066[/nope][@click=app.quit]\ud800\r\x00"


def hostile_turn() -> Turn:
    """Every field that an agent or a server can fill, filled with what acts on a terminal."""
    message = Message(HOSTILE, (Text(HOSTILE), Image(HOSTILE, 3, HOSTILE)), HOSTILE, HOSTILE)
    answer = Message("tool", (ToolResult(HOSTILE, HOSTILE, HOSTILE),))
    reply = assistant(HOSTILE, ToolCall(HOSTILE, HOSTILE, HOSTILE), thinks=HOSTILE)
    made = turn(1, [message, answer], reply, complete=False, outcome=Outcome.SERVER_CUT)
    return replace(
        made,
        detail=HOSTILE,
        agent=HOSTILE,
        model=HOSTILE,
        path=HOSTILE,
        server=HOSTILE,
        faults=(Fault(HOSTILE, HOSTILE),),
        parameters={HOSTILE: HOSTILE},
        reply=replace(
            made.reply, error=HOSTILE, model=HOSTILE, fingerprint=HOSTILE, finish_reason=HOSTILE
        ),
    )


def test_nothing_that_acts_on_a_terminal_gets_into_a_row_or_a_pipe() -> None:
    finding = Finding("tool-turn-lost", Severity.ERROR, Side.AGENT, HOSTILE, Place(1, 1))
    made = rows(Thread(1, (hostile_turn(),), (None,)), [finding])
    shown = [text for row in made for text in (row.text, row.title, row.note, row.role, row.body)]
    printed = [*shown, *plain(made)]
    acting = {c for text in printed for c in text if c in HOSTILE and not c.isprintable()}
    assert acting <= {"\n"}
    assert not any("\n" in line for line in plain(made))
    "".join(printed).encode()


def test_plain_lines_put_the_mark_first_and_the_finding_below() -> None:
    (session,), findings = lost_turn()
    lines = list(plain(rows(session.threads[0], findings)))
    at = next(i for i, line in enumerate(lines) if "LOST TURN" in line)
    assert lines[at].startswith("✗ ╎ ASST  LOST TURN  the reply of #4 is sent back blank")
    assert any(line.startswith("    ✗ error: tool-turn-lost: ") for line in lines[at : at + 12])
    turns = [line for line in lines if line.startswith("  ──  #")]
    assert len(turns) == 6 and all(a < b for a, b in pairwise(turns))


def test_a_finding_that_names_a_line_feed_stays_on_its_line() -> None:
    (session,), findings = lost_turn()
    forged = [replace(f, message="The call a\n::error::b is gone.") for f in findings]
    lines = list(plain(rows(session.threads[0], forged)))
    assert "    ✗ error: tool-turn-lost: The call a ::error::b is gone." in lines


def test_how_an_anthropic_turn_ends_is_told_where_it_did_not_end_well() -> None:
    reply = turn(1, OPENING, DONE).reply
    for reason, note in (("end_turn", ""), ("tool_use", ""), ("max_tokens", "finish: max_tokens")):
        made = replace(turn(1, OPENING, DONE), reply=replace(reply, finish_reason=reason))
        assert rows(chain(made), [])[0].note == note


def test_a_tool_that_failed_and_thinking_that_only_the_server_can_read_say_so() -> None:
    thought = Message("assistant", (Reasoning("", "redacted_thinking", "x" * 1200), *ASKS.parts))
    failed = Message("tool", (ToolResult("no such file", "c1", "", failed=True),))
    made = rows(chain(turn(1, [*OPENING, thought, failed], DONE)), [])
    assert "(not shown to the agent: 1,200 characters for the server)" in [r.text for r in made]
    assert [row.note for row in made if row.kind is Kind.RESULT] == ["failed"]
