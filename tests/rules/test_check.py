"""A session checked: the seed's four histories, and one defect as one finding."""

from collections.abc import Callable, Sequence

import pytest

from kimitap.exchange import Outcome
from kimitap.rules import RULES, check
from kimitap.rules.examples import Json, assistant, call, failed, step, system, tool, user
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.support import chat
from tests.support.examples import findings_of, sessions_of

OPENING = (system("You are Roo."), user("<task>\nWrite Test.md, then check it.\n</task>"))
DETAILS = user("<environment_details>\nVisible files: Test.md\n</environment_details>")


ASKED = {"model": "kimi-k2", "functions": [{"name": "write_file"}]}


def thought(n: int, call_id: str | None = None) -> Json:
    """The reply of turn `n`: it thinks, speaks and calls one tool."""
    name = ("write_file", "read_file", "run_command", "write_file")[n % 4]
    made = call(f"c{n}" if call_id is None else call_id, name, path=f"{n}.md")
    return assistant(f"Step {n}.", made, reasoning=f"Why not {n}.")


def name_of(reply: Json) -> str:
    return str(reply["tool_calls"][0]["function"]["name"])  # type: ignore[index] # a test's JSON


def bare(reply: Json, **changed: object) -> Json:
    """The reply without its reasoning."""
    return {k: v for k, v in {**reply, **changed}.items() if k != "reasoning_content"}


def healthy(reply: Json, n: int) -> list[Json]:
    return [reply, tool(f"c{n}", f"Result {n}: all is well.")]


def r1(reply: Json, n: int) -> list[Json]:
    return [assistant(""), DETAILS]


def legacy(reply: Json, n: int) -> list[Json]:
    name = name_of(reply)
    return [
        assistant(f"Step {n}.\n[Tool Use: {name}]"),
        user(f"[{name} Result]\nResult {n}: all is well."),
    ]


def default(reply: Json, n: int) -> list[Json]:
    return [bare(reply), tool(f"c{n}", f"Result {n}: all is well.")]


def empty_id(reply: Json, n: int) -> list[Json]:
    return [
        assistant(""),
        user(f"[{name_of(reply)} for '{n}.md'] Result:\nResult {n}: all is well."),
    ]


def session(
    given_back: Callable[[Json, int], Sequence[Json]], turns: int = 4, call_id: str | None = None
) -> list[Sample]:
    """An agent that gives every reply back in its own way; the last reply is text."""
    messages: list[Json] = [*OPENING]
    steps = []
    for n in range(1, turns + 1):
        reply = thought(n, call_id)
        steps.append(step(messages, reply))
        messages += given_back(reply, n)
    return [*steps, step(messages, assistant("Test.md is written and checked."))]


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
    found = findings_of(session(given_back, turns, call_id))
    assert {f.rule for f in found} == expected, found


def test_every_lost_turn_is_a_finding_of_its_own() -> None:
    found = findings_of(session(r1, 3))
    assert [f.place for f in found] == [Place(2, 2), Place(3, 4), Place(4, 6)]
    assert [f.related for f in found] == [(Place(n),) for n in (1, 2, 3)]


def test_a_lost_turn_is_told_with_both_sides_of_it() -> None:
    [lost] = findings_of(session(r1, 1))
    assert lost.severity is Severity.ERROR
    assert lost.side is Side.AGENT
    assert (lost.session, lost.thread) == ("s1", "t1")
    assert 'call read_file({"path": "1.md"}) is gone' in lost.message
    assert "the assistant's turn is blank" in lost.message
    assert [(e.exchange, e.quote) for e in lost.evidence] == [
        (1, 'read_file({"path": "1.md"})'),
        (2, 'assistant: ""'),
    ]


SAME = assistant(None, call("c1", "write_file", path="Test.md"))


def test_the_loop_that_a_lost_turn_makes_is_part_of_it() -> None:
    steps = [step([*OPENING, *(assistant(""), DETAILS) * n], SAME) for n in range(4)]
    found = findings_of(steps)
    assert [f.rule for f in found] == ["tool-turn-lost"] * 3
    assert {p.exchange for p in found[0].related} == {1, 2, 3, 4}


def test_what_a_lost_turn_leaves_behind_is_part_of_it() -> None:
    done = assistant("Done.")
    found = findings_of(
        [
            step(OPENING, SAME),
            step([*OPENING, tool("c1", "Wrote it."), user("Go on.")], done),
            step([*OPENING, tool("c1", "Wrote it."), user("Go on."), done, user("Now?")], done),
        ]
    )
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(2, 2))]
    assert Place(2, 2, 0) in found[0].related


def test_the_reasoning_of_a_turn_that_lost_its_calls_is_lost_with_it() -> None:
    def stripped(reply: Json, n: int) -> list[Json]:
        text = f"Step {n}: I look at the next one."
        return [assistant(text), user("(no content)")] if n == 2 else healthy(reply, n)

    found = findings_of(session(stripped, 3))
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(3, 4))]


BEGUN = [*OPENING, *healthy(thought(1), 1)]
FIRST = step(OPENING, thought(1))


def test_a_side_request_without_the_reply_proves_no_loss() -> None:
    aside = step([*BEGUN, user("Name this conversation.")], assistant("Writing a file"))
    on = step([*BEGUN, SAME, tool("c1", "Wrote it.")], assistant("Done."))
    assert findings_of([FIRST, step(BEGUN, SAME), aside, on]) == []


def test_of_two_replies_to_one_request_the_one_that_goes_on_is_not_discarded() -> None:
    on = step([*BEGUN, SAME, tool("c1", "Wrote it.")], assistant("Done."))
    other = step(BEGUN, assistant("I have nothing to do."))
    assert findings_of([FIRST, step(BEGUN, SAME), other, on]) == []


def test_a_history_that_is_whole_again_later_does_not_undo_the_loss() -> None:
    lost = [*BEGUN, assistant(""), DETAILS]
    said = assistant("What was I doing?")
    whole = [*BEGUN, SAME, tool("c1", "Wrote it."), DETAILS, said, user("Go on.")]
    found = findings_of([FIRST, step(BEGUN, SAME), step(lost, said), step(whole, assistant("Ah."))])
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(3, 4))]


def test_two_defects_in_one_request_are_two_findings() -> None:
    stray = tool("c0", "who asked?")
    found = findings_of(
        [step(OPENING, SAME), step([*OPENING, assistant(""), DETAILS, stray], assistant("Hm."))]
    )
    assert [(f.rule, f.place.message_index) for f in found] == [
        ("tool-turn-lost", 2),
        ("orphan-tool-result", 4),
    ]


def test_a_late_result_is_told_with_the_call_that_it_answers() -> None:
    waiting = [*OPENING, SAME, user("Are you done?")]
    said = assistant("Not yet.")
    found = findings_of(
        [
            step(OPENING, SAME),
            step(waiting, said),
            step([*waiting, said, tool("c1", "Wrote it.")], assistant("Done.")),
        ]
    )
    assert [(f.rule, f.place) for f in found] == [("unanswered-tool-call", Place(2, 2, 0))]
    assert Place(3, 5, 0) in found[0].related


def test_a_protocol_of_text_is_one_note_and_its_lost_reasoning_another_finding() -> None:
    def smol(reply: Json, n: int) -> list[Json]:
        calls = f"Step {n}.\nCalling tools:\n[{{'function': {{'name': '{name_of(reply)}'}}}}]"
        return [assistant(calls), user("Observation:\nall is well")]

    found = findings_of(session(smol))
    assert [(f.rule, f.severity) for f in found] == [
        ("reasoning-dropped", Severity.WARNING),
        ("flattened-tool-history", Severity.INFO),
    ]
    assert all("in 4 of 4 turns" in f.message for f in found)


def test_reasoning_that_the_server_misses_is_an_error() -> None:
    steps = session(default, 2)[:2]
    refused = [*OPENING, bare(thought(1)), tool("c1", "ok"), bare(thought(2)), tool("c2", "ok")]
    found = findings_of([*steps, failed(refused, 400, "reasoning_content is missing at index 2")])
    assert [(f.rule, f.severity, f.place) for f in found] == [
        ("reasoning-dropped", Severity.ERROR, Place(2, 2))
    ]
    assert "reasoning_content is missing" in found[0].evidence[-1].quote


def test_a_client_that_hung_up_is_a_note_and_a_server_that_did_an_error() -> None:
    def severity(cancelled: bool) -> tuple[Severity, Side]:
        [found] = findings_of([step(OPENING, assistant("I wr"), None, cancelled=cancelled)])
        assert found.rule == "stream-aborted"
        return found.severity, found.side

    assert severity(True) == (Severity.INFO, Side.AGENT)
    assert severity(False) == (Severity.ERROR, Side.NETWORK)


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
    ("arguments", "finish", "side"),
    [
        ("{", "tool_calls", Side.MODEL),
        ("[]", "tool_calls", Side.MODEL),
        ("{", "length", Side.SERVER),
        ('{"a":1} {"b":2}', "tool_calls", Side.SERVER),
    ],
)
def test_the_side_of_broken_arguments_is_told_by_the_evidence(
    arguments: str, finish: str, side: Side
) -> None:
    broken = assistant(None, call("c1", "write_file", arguments))
    assert [f.side for f in findings_of([step(OPENING, broken, finish)])] == [side]


def test_an_unanswered_call_says_where_its_result_stands_instead() -> None:
    def told(*after: Json) -> str:
        [found] = findings_of([step([*OPENING, SAME, *after], assistant("Hm."))])
        return found.message

    assert "the result after it is for the id “c9”" in told(tool("c9", "ok"), DETAILS)
    assert "its result comes only in message 4" in told(DETAILS, tool("c1", "ok"))
    assert "(" not in told(DETAILS).replace("write_file(", "")
    both = assistant(None, call("c1", "write_file", path="a"), call("c2", "read_file", path="b"))
    [found] = findings_of([step([*OPENING, both, tool("c1", "ok"), DETAILS], assistant("Hm."))])
    assert "id “c1”" not in found.message


def test_a_loop_that_sees_its_calls_as_text_is_the_agents() -> None:
    text = [assistant("[Tool Use: write_file]"), user("[write_file Result]\nok")]
    steps = [step([*OPENING, *text * n], SAME) for n in range(4)]
    sides = {f.rule: f.side for f in findings_of(steps)}
    assert sides == {"flattened-tool-history": Side.AGENT, "repeated-tool-call": Side.AGENT}
    answered = [SAME, tool("c1", "ok")]
    steps = [step([*OPENING, *answered * n], SAME) for n in range(4)]
    assert {f.rule: f.side for f in findings_of(steps)} == {"repeated-tool-call": Side.MODEL}


def test_a_call_written_into_a_users_text_is_quoted_from_there() -> None:
    found = findings_of(session(empty_id, 1, ""))
    [flat] = [f for f in found if f.rule == "flattened-tool-history"]
    assert [e.quote.split(" Result")[0] for e in flat.evidence] == [
        'read_file({"path": "1.md"})',
        'assistant: ""',
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
        [found] = findings_of(steps)
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
    assert [finding for woven in weave(turns) for finding in check(woven)] == []


def test_only_the_rules_asked_for_are_applied() -> None:
    [woven] = sessions_of(session(default, 2))
    assert check(woven, [r for r in RULES if r.name == "tool-turn-lost"]) == ()
    assert {f.rule for f in check(woven)} == {"reasoning-dropped"}


def test_findings_come_in_the_order_of_their_places() -> None:
    broken = assistant(None, call("c1", "write_file", "{"))
    found = findings_of([step([*OPENING, tool("c0", "?"), user("On.")], broken)])
    assert [(f.rule, f.place.message_index) for f in found] == [
        ("orphan-tool-result", 2),
        ("malformed-tool-arguments", None),
    ]
