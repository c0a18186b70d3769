"""What a request owes to the reply that it names, where the server keeps the history."""

from dataclasses import replace

from kimitap.rules.examples import responses
from kimitap.rules.finding import Place
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

LONE = {"unanswered-tool-call", "orphan-tool-result", "mismatched-tool-call-id"}
ASKED = responses.step(responses.TASK, responses.READ, responses.READ_TWO, id="resp_1")
GO_ON = (responses.user("Go on."),)


def told(*exchanges: Sample) -> list[tuple[str, Place]]:
    """The calls and results that stand alone, and where."""
    return [(f.rule, f.place) for f in findings_of(exchanges) if f.rule in LONE]


def after(name: str, *sent: responses.Json, id: str = "resp_9") -> Sample:
    """A request that names a reply instead of repeating it."""
    return responses.step(sent, responses.DONE, id=id, previous_response_id=name)


def ended(sample: Sample, status: str, **more: object) -> Sample:
    """The same exchange, its reply ended otherwise."""
    return replace(sample, reply={**(sample.reply or {}), "status": status, **more})


def test_all_calls_of_a_reply_can_go_unanswered() -> None:
    assert told(ASKED, after("resp_1", *GO_ON)) == [("unanswered-tool-call", Place(2, 1))]


def test_an_output_is_missed_where_it_should_have_stood() -> None:
    found = told(ASKED, after("resp_1", responses.TABLE, *GO_ON))
    assert found == [("unanswered-tool-call", Place(2, 2))]


def test_an_output_that_is_still_missing_when_the_agent_goes_on_is_told_of() -> None:
    first = responses.step(
        (responses.NOTES,), responses.WRITE, id="resp_2", previous_response_id="resp_1"
    )
    found = told(ASKED, first, after("resp_2", responses.WRITTEN))
    assert found == [("unanswered-tool-call", Place(2, 2))]


def test_a_tool_that_the_server_runs_owes_nothing() -> None:
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    ran = responses.step(responses.TASK, searched, responses.SAYING, id="resp_1")
    assert told(ran, after("resp_1", *GO_ON)) == []


def test_a_reply_is_told_of_once_however_often_it_is_named() -> None:
    assert len(told(ASKED, after("resp_1", *GO_ON), after("resp_1", *GO_ON, id="resp_10"))) == 1


def test_outputs_may_come_in_several_requests_in_any_order() -> None:
    first, second = after("resp_1", responses.TABLE, id="resp_2"), after("resp_2", responses.NOTES)
    assert told(ASKED, first, second) == []


def test_an_output_may_come_after_the_user_said_more() -> None:
    first, second = (
        after("resp_1", *GO_ON, id="resp_2"),
        after("resp_2", responses.NOTES, responses.TABLE),
    )
    assert told(ASKED, first, second) == []


def test_the_rest_of_the_outputs_may_still_come() -> None:
    assert told(ASKED, after("resp_1", responses.NOTES)) == []


def test_the_call_is_answered_in_another_branch_of_the_session() -> None:
    aside = responses.step(GO_ON, responses.SAYING, id="resp_2", previous_response_id="resp_1")
    assert told(ASKED, aside, after("resp_1", responses.NOTES, responses.TABLE)) == []


def test_a_request_sent_again_with_its_outputs_owes_nothing() -> None:
    error = "No tool output found for function call call_1."
    refused = responses.refused(GO_ON, error, previous_response_id="resp_1")
    assert told(ASKED, refused, after("resp_1", responses.NOTES, responses.TABLE, *GO_ON)) == []


def test_a_refused_request_is_told_of() -> None:
    error = "No tool output found for function call call_1."
    refused = responses.refused(GO_ON, error, previous_response_id="resp_1")
    assert told(ASKED, refused) == [("unanswered-tool-call", Place(2, 1))]


def test_a_request_that_no_server_read_is_not_judged() -> None:
    failed = replace(after("resp_1", *GO_ON), status=503, reply={"error": {"message": "busy"}})
    assert told(ASKED, failed) == []


def test_the_calls_of_a_reply_that_did_not_end_well_need_no_output() -> None:
    cut = {"incomplete_details": {"reason": "max_output_tokens"}}
    for reply in (
        ended(ASKED, "incomplete", **cut),
        ended(ASKED, "incomplete", incomplete_details={"reason": "content_filter"}),
        ended(ASKED, "cancelled"),
        ended(ASKED, "in_progress"),
    ):
        assert told(reply, after("resp_1", *GO_ON)) == []


def test_a_call_that_the_server_answered_itself_needs_no_output() -> None:
    ran = responses.step(
        responses.TASK, responses.READ, responses.NOTES, responses.SAYING, id="resp_1"
    )
    assert told(ran, after("resp_1", *GO_ON)) == []


def test_a_conversation_may_have_been_answered_out_of_sight() -> None:
    asked = responses.step(responses.TASK, responses.READ, conversation="conv_1")
    assert told(asked, responses.step(GO_ON, responses.DONE, conversation="conv_1")) == []


def test_an_output_that_the_server_keeps_may_be_named() -> None:
    assert told(ASKED, after("resp_1", responses.reference("fco_1"), *GO_ON)) == []


def test_a_request_may_bring_a_call_of_its_own_with_its_output() -> None:
    own = responses.call("call_8", "run_command", command="ls")
    sent = (responses.NOTES, responses.TABLE, own, responses.result("call_8", "notes.txt"))
    assert told(ASKED, after("resp_1", *sent)) == []


def test_an_output_for_a_call_from_before_the_recording_is_no_orphan() -> None:
    first = responses.step(
        (responses.user("And?"),), responses.READ, id="resp_1", previous_response_id="resp_0"
    )
    assert told(first, after("resp_1", responses.NOTES, responses.TABLE)) == []


def test_an_output_for_nobody_is_an_orphan_beside_the_right_ones() -> None:
    found = told(ASKED, after("resp_1", responses.NOTES, responses.TABLE, responses.WRITTEN))
    assert found == [("orphan-tool-result", Place(2, 3, 0))]


def test_outputs_under_other_ids_are_one_finding() -> None:
    wrong = responses.result("call_7", "owner: Ada"), responses.result("call_8", "id,amount")
    assert told(ASKED, after("resp_1", *wrong)) == [("mismatched-tool-call-id", Place(2, 1, 0))]


def test_one_wrong_id_and_a_call_too_many_are_two_findings() -> None:
    found = told(ASKED, after("resp_1", responses.result("call_7", "owner: Ada"), *GO_ON))
    assert sorted(found) == [
        ("orphan-tool-result", Place(2, 1, 0)),
        ("unanswered-tool-call", Place(2, 2)),
    ]
