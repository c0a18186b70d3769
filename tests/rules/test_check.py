"""A session checked: the seed's four histories, and how bad each finding is, and whose side's."""

from collections.abc import Callable, Sequence

import pytest

from kimitap.exchange import Outcome
from kimitap.rules import RULES, check
from kimitap.rules.examples import Json, assistant, call, failed, step, tool, user
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.weave import weave
from tests.support import chat
from tests.support.examples import defects_of, sessions_of
from tests.support.histories import (
    DETAILS,
    FIRST,
    OPENING,
    SAME,
    bare,
    default,
    empty_id,
    healthy,
    legacy,
    r1,
    session,
    thought,
)

ASKED = {"model": "kimi-k2", "functions": [{"name": "write_file"}]}


@pytest.mark.parametrize("turns", [1, 2, 4])
@pytest.mark.parametrize(
    ("given_back", "call_id", "expected"),
    [
        (healthy, None, set()),
        (r1, None, {"tool-turn-lost"}),
        (legacy, None, {"flattened-tool-history"}),
        (default, None, {"reasoning-dropped"}),
        (empty_id, "", {"flattened-tool-history", "missing-tool-call-id"}),
    ],
)
def test_the_seeds_histories_give_the_findings_of_its_table(
    given_back: Callable[[Json, int], Sequence[Json]],
    call_id: str | None,
    expected: set[str],
    turns: int,
) -> None:
    found = defects_of(session(given_back, turns, call_id))
    assert {f.rule for f in found} == expected, found


def test_a_lost_turn_is_told_with_both_sides_of_it() -> None:
    [lost] = defects_of(session(r1, 1))
    assert lost.severity is Severity.ERROR
    assert lost.side is Side.AGENT
    assert (lost.session, lost.thread) == ("s1", "t1")
    assert 'call read_file({"path": "1.md"}) is gone' in lost.message
    assert "the assistant's turn is blank" in lost.message
    assert [(e.exchange, e.quote) for e in lost.evidence] == [
        (1, 'read_file({"path": "1.md"})'),
        (2, "assistant: (blank)"),
    ]


def test_reasoning_that_the_server_misses_is_an_error() -> None:
    steps = session(default, 2)[:2]
    refused = [*OPENING, bare(thought(1)), tool("c1", "ok"), bare(thought(2)), tool("c2", "ok")]
    found = defects_of([*steps, failed(refused, 400, "reasoning_content is missing at index 2")])
    assert [(f.rule, f.severity, f.place) for f in found if f.severity is not Severity.INFO] == [
        ("reasoning-dropped", Severity.ERROR, Place(2, 2))
    ]
    assert "reasoning_content is missing" in found[0].evidence[-1].quote


def test_a_client_that_hung_up_is_a_note_and_a_server_that_did_an_error() -> None:
    def told(cancelled: bool) -> tuple[str, Severity, Side]:
        [found] = defects_of([step(OPENING, assistant("I wr"), None, cancelled=cancelled)])
        return found.rule, found.severity, found.side

    assert told(True) == ("client-cancelled", Severity.INFO, Side.AGENT)
    assert told(False) == ("stream-aborted", Severity.ERROR, Side.NETWORK)


def test_a_stream_that_closes_properly_without_its_end_is_the_servers_doing() -> None:
    def told(status: int, outcome: Outcome) -> list[tuple[str, Side]]:
        request, reply = FIRST.request, FIRST.reply
        sent = {"stream": True, "status": status, "cut": True, "outcome": outcome}
        turn = chat.turn(1, request, reply, **sent)
        return [(f.rule, f.side) for woven in weave([turn]) for f in check(woven)]

    assert told(200, Outcome.COMPLETE) == [("stream-aborted", Side.SERVER)]
    assert told(200, Outcome.SERVER_CUT) == [("stream-aborted", Side.NETWORK)]
    assert told(200, Outcome.IN_FLIGHT) == []
    assert told(200, Outcome.INTERRUPTED) == []
    assert told(500, Outcome.SERVER_CUT) == []


@pytest.mark.parametrize(
    ("arguments", "finish", "side", "why"),
    [
        ("{]", "tool_calls", Side.MODEL, "no valid JSON"),
        ("{", "tool_calls", Side.MODEL, "mid-JSON"),
        ("[]", "tool_calls", Side.MODEL, "no object"),
        ("{", "length", Side.SERVER, "inside the call"),
        ('{"a":1} {"b":2}', "tool_calls", Side.SERVER, "glued together"),
    ],
)
def test_the_side_of_broken_arguments_is_told_by_the_evidence(
    arguments: str, finish: str, side: Side, why: str
) -> None:
    broken = assistant(None, call("c1", "write_file", arguments))
    [found] = defects_of([step(OPENING, broken, finish)])
    assert found.side is side
    assert why in found.message


def test_a_partial_turn_names_the_calls_that_are_gone() -> None:
    both = assistant(None, call("c1", "write_file", path="a"), call("c2", "read_file", path="b"))
    half = assistant(None, call("c1", "write_file", path="a"))
    [found] = defects_of(
        [step(OPENING, both), step([*OPENING, half, tool("c1", "ok")], assistant("Hm."))]
    )
    assert "only 1 of the 2 calls" in found.message
    assert 'its call read_file({"path": "b"}) is taken out' in found.message
    assert found.related == (Place(1, None, 1),)


def test_an_unanswered_call_says_for_whom_the_result_after_it_is() -> None:
    def told(*after: Json) -> str:
        found = defects_of([step([*OPENING, SAME, *after], assistant("Hm."))])
        return next(f.message for f in found if f.rule == "unanswered-tool-call")

    strangers = [tool("c9", "ok"), tool("c8", "ok")]
    assert "the result after it is for the id “c9”" in told(*strangers, DETAILS)
    assert "(" not in told(DETAILS).replace("write_file(", "")
    both = assistant(None, call("c1", "write_file", path="a"), call("c2", "read_file", path="b"))
    [found] = defects_of([step([*OPENING, both, tool("c1", "ok"), DETAILS], assistant("Hm."))])
    assert "id “c1”" not in found.message


def test_a_loop_that_sees_its_calls_as_text_is_the_agents() -> None:
    text = [assistant("[Tool Use: write_file]"), user("[write_file Result]\nok")]
    steps = [step([*OPENING, *text * n], SAME) for n in range(4)]
    sides = {f.rule: f.side for f in defects_of(steps)}
    assert sides == {"flattened-tool-history": Side.AGENT, "repeated-tool-call": Side.AGENT}
    said = [assistant(None, call(f"c{n}", "write_file", path="Test.md")) for n in range(4)]
    answered = [message for n in range(4) for message in (said[n], tool(f"c{n}", "ok"))]
    steps = [step([*OPENING, *answered[: 2 * n]], said[n]) for n in range(4)]
    assert {f.rule: f.side for f in defects_of(steps)} == {"repeated-tool-call": Side.MODEL}


def test_a_call_written_into_a_users_text_is_quoted_from_there() -> None:
    found = defects_of(session(empty_id, 1, ""))
    [flat] = [f for f in found if f.rule == "flattened-tool-history"]
    assert [e.quote.split(" Result")[0] for e in flat.evidence] == [
        'read_file({"path": "1.md"})',
        "assistant: (blank)",
        "user: [read_file for '1.md']",
    ]


def test_a_thrown_away_reply_is_a_note_where_it_was_no_good() -> None:
    def discarded(finish: str) -> Finding:
        begun = [*OPENING, *healthy(thought(1), 1)]
        steps = [
            step(OPENING, thought(1)),
            step(begun, assistant("I write"), finish),
            step(begun, assistant("I wrote it.")),
        ]
        [found] = [f for f in defects_of(steps) if f.rule == "discarded-reply"]
        return found

    assert discarded("stop").severity is Severity.WARNING
    assert discarded("length").severity is Severity.INFO


def test_the_older_function_call_has_no_id_and_needs_none() -> None:
    function = {"name": "write_file", "arguments": "{}"}
    called = {"role": "assistant", "content": None, "function_call": function}
    result = {"role": "function", "name": "write_file", "content": "Wrote it."}
    turns = [
        chat.turn(1, {**ASKED, "messages": [*OPENING]}, chat.choice(called, "function_call")),
        chat.turn(
            2,
            {**ASKED, "messages": [*OPENING, called, result, DETAILS]},
            chat.choice(chat.assistant("Done.")),
        ),
    ]
    found = [finding for woven in weave(turns) for finding in check(woven)]
    assert {f.rule for f in found} <= {"unusual-role-order"}


def test_only_the_rules_asked_for_are_applied() -> None:
    [woven] = sessions_of(session(default, 2))
    assert check(woven, [r for r in RULES if r.name == "tool-turn-lost"]) == ()
    assert {f.rule for f in check(woven)} == {"reasoning-dropped"}


def test_findings_come_in_the_order_of_their_places() -> None:
    broken = assistant(None, call("c1", "write_file", "{"))
    found = defects_of([step([*OPENING, tool("c0", "?"), user("On.")], broken)])
    assert [(f.rule, f.place.message_index) for f in found] == [
        ("orphan-tool-result", 2),
        ("malformed-tool-arguments", None),
    ]
