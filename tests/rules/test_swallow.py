"""One defect, one finding: what follows from a graver defect is told with it."""

from kimitap.rules.examples import Json, assistant, call, step, tool, user
from kimitap.rules.finding import Place, Severity
from tests.support.examples import defects_of
from tests.support.histories import (
    BEGUN,
    DETAILS,
    FIRST,
    OPENING,
    SAME,
    healthy,
    name_of,
    r1,
    session,
)


def test_every_lost_turn_is_a_finding_of_its_own() -> None:
    found = defects_of(session(r1, 3))
    assert [f.place for f in found] == [Place(2, 2), Place(3, 4), Place(4, 6)]
    assert [f.related for f in found] == [(Place(n),) for n in (1, 2, 3)]


def test_the_loop_that_a_lost_turn_makes_is_part_of_it() -> None:
    steps = [step([*OPENING, *(assistant(""), DETAILS) * n], SAME) for n in range(4)]
    found = defects_of(steps)
    assert [f.rule for f in found] == ["tool-turn-lost"] * 3
    assert {p.exchange for p in found[0].related} == {1, 2, 3, 4}


def test_what_a_lost_turn_leaves_behind_is_part_of_it() -> None:
    done = assistant("Done.")
    found = defects_of(
        [
            step(OPENING, SAME),
            step([*OPENING, tool("c7", "Wrote it."), user("Go on.")], done),
            step([*OPENING, tool("c7", "Wrote it."), user("Go on."), done, user("Now?")], done),
        ]
    )
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(2, 2))]
    assert Place(2, 2, 0) in found[0].related


def test_lost_turns_whose_results_pile_up_are_one_finding_each() -> None:
    calls = [assistant("", call(f"c{n}", "read_file", path=f"{n}.md")) for n in range(4)]
    results = [tool(f"c{n}", f"text {n}") for n in range(4)]
    found = defects_of([step([*OPENING, *results[:n]], calls[n]) for n in range(4)])
    assert [(f.rule, f.place.exchange) for f in found] == [
        ("tool-turn-lost", 2),
        ("tool-turn-lost", 3),
        ("tool-turn-lost", 4),
    ]


def test_a_defect_in_a_history_whose_prompt_tells_the_time_is_shown_once() -> None:
    ended: list[Json] = [OPENING[1], SAME, user("Go on.")]
    clocks = [{"role": "system", "content": f"You are Roo. It is {n} o'clock."} for n in range(4)]
    done = assistant("Done, I think.")
    found = defects_of(
        [step([clocks[n], *ended, *(done, user(f"And {n}?")) * n], done) for n in range(4)]
    )
    assert [(f.rule, f.place.exchange) for f in found] == [
        ("unanswered-tool-call", 1),
        ("changed-system", 2),
    ]


def test_the_reasoning_of_a_turn_that_lost_its_calls_is_lost_with_it() -> None:
    def stripped(reply: Json, n: int) -> list[Json]:
        text = f"Step {n}: I look at the next one."
        return [assistant(text), user("(no content)")] if n == 2 else healthy(reply, n)

    found = defects_of(session(stripped, 3))
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(3, 4))]


def test_a_side_request_without_the_reply_proves_no_loss() -> None:
    aside = step([*BEGUN, user("Name this conversation.")], assistant("Writing a file"))
    on = step([*BEGUN, SAME, tool("c7", "Wrote it.")], assistant("Done."))
    assert defects_of([FIRST, step(BEGUN, SAME), aside, on]) == []


def test_of_two_replies_to_one_request_the_one_that_goes_on_is_not_discarded() -> None:
    on = step([*BEGUN, SAME, tool("c7", "Wrote it.")], assistant("Done."))
    other = step(BEGUN, assistant("I have nothing to do."))
    assert defects_of([FIRST, step(BEGUN, SAME), other, on]) == []


def test_a_history_that_is_whole_again_later_does_not_undo_the_loss() -> None:
    lost = [*BEGUN, assistant(""), DETAILS]
    said = assistant("What was I doing?")
    whole = [*BEGUN, SAME, tool("c7", "Wrote it."), DETAILS, said, user("Go on.")]
    found = defects_of([FIRST, step(BEGUN, SAME), step(lost, said), step(whole, assistant("Ah."))])
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(3, 4))]


def test_two_defects_in_one_request_are_two_findings() -> None:
    stray = tool("c0", "who asked?")
    found = defects_of(
        [step(OPENING, SAME), step([*OPENING, assistant(""), DETAILS, stray], assistant("Hm."))]
    )
    assert [(f.rule, f.place.message_index) for f in found] == [
        ("tool-turn-lost", 2),
        ("orphan-tool-result", 4),
    ]


def test_a_late_result_is_told_with_the_call_that_it_answers() -> None:
    waiting = [*OPENING, SAME, user("Are you done?")]
    said = assistant("Not yet.")
    found = defects_of(
        [
            step(OPENING, SAME),
            step(waiting, said),
            step([*waiting, said, tool("c7", "Wrote it.")], assistant("Done.")),
        ]
    )
    assert [(f.rule, f.place) for f in found] == [("unanswered-tool-call", Place(2, 2, 0))]
    assert Place(3, 5, 0) in found[0].related


def test_a_protocol_of_text_is_one_note_and_its_lost_reasoning_another_finding() -> None:
    def smol(reply: Json, n: int) -> list[Json]:
        calls = f"Step {n}.\nCalling tools:\n[{{'function': {{'name': '{name_of(reply)}'}}}}]"
        return [assistant(calls), user("Observation:\nall is well")]

    found = defects_of(session(smol))
    assert [(f.rule, f.severity) for f in found] == [
        ("reasoning-dropped", Severity.WARNING),
        ("flattened-tool-history", Severity.INFO),
    ]
    assert all("in 4 of 4 turns" in f.message for f in found)


def test_a_call_and_a_result_that_have_nothing_to_do_with_each_other_are_two_findings() -> None:
    messages = [*OPENING, SAME, user("Are you done?"), tool("c9", "who asked?"), user("Go on.")]
    found = defects_of([step(messages, assistant("Hm."))])
    assert [(f.rule, f.place.message_index) for f in found] == [
        ("unanswered-tool-call", 2),
        ("orphan-tool-result", 4),
    ]


def test_a_lost_turn_with_broken_arguments_stays_an_error_where_all_of_it_is_blank() -> None:
    broken = assistant("Now.", call("c1", "write_file", "{"))
    found = defects_of([step(OPENING, broken), step([*OPENING, *r1(broken, 1)], SAME)])
    assert [(f.rule, f.severity) for f in found] == [
        ("malformed-tool-arguments", Severity.ERROR),
        ("tool-turn-lost", Severity.ERROR),
    ]
