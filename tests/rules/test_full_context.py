"""A context that is full: told once, whenever and however the server says so."""

from dataclasses import replace

import pytest

from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, failed, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

FULL = b'{"code":500,"message":"Context size has been exceeded.","type":"server_error"}'
TOO_LONG = (
    b'{"code":400,"message":"the request exceeds the available context size, try increasing it",'
    b'"type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}'
)
ROLE = b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant"}}]}\n\n'
WORDS = b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"I read"}}]}\n\n'
THOUGHT = WORDS.replace(b'"content"', b'"reasoning_content"')
CALL = (
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"id":'
    b'"c9","type":"function","function":{"name":"read_file","arguments":"{\\"pa"}}]}}]}\n\n'
)
BOTH = pytest.mark.parametrize("error", [FULL, TOO_LONG], ids=["full", "too long"])


def told(*events: bytes, error: bytes, field: bytes = b'data: {"error":%s}') -> list[Finding]:
    """What is found where the second request of a task is answered so."""
    raw = b"".join(events) + field % error + b"\n\n"
    second = Sample(step((*TASK, ASKED, NOTES), None).request, None, raw=raw)
    return defects_of([step(TASK, ASKED), second, step((*TASK, ASKED, NOTES), DONE)])


@BOTH
@pytest.mark.parametrize("begun", [(), (ROLE,)], ids=["nothing", "a role"])
def test_before_any_word_the_request_is_too_long(error: bytes, begun: tuple[bytes, ...]) -> None:
    [finding] = told(*begun, error=error)
    side = Side.SERVER if error is FULL else Side.AGENT
    assert (finding.rule, finding.side, finding.place) == ("context-overflow", side, Place(2))
    assert ("all slots together filled it" in finding.message) == (error is FULL)
    assert "had come" not in finding.message


@pytest.mark.parametrize("status", [400, 500])
def test_with_a_status_of_its_own_it_is_the_same(status: int) -> None:
    said = "Context size has been exceeded."
    [finding] = defects_of([failed(TASK, status, said), step(TASK, DONE)])
    assert (finding.rule, finding.side) == ("context-overflow", Side.SERVER)
    assert finding.place == Place(1)


@BOTH
@pytest.mark.parametrize(
    ("begun", "named"),
    [((ROLE, WORDS), "“I read”"), ((ROLE, THOUGHT), "a thought"), ((ROLE, CALL), "a call")],
    ids=["words", "a thought", "a call"],
)
def test_after_words_the_prompt_had_fitted(
    error: bytes, begun: tuple[bytes, ...], named: str
) -> None:
    [finding] = told(*begun, error=error)
    assert (finding.rule, finding.severity) == ("stream-error-event", Severity.ERROR)
    assert (finding.side, finding.place) == (Side.SERVER, Place(2))
    assert f"{named} had come before it, so that the prompt had fitted" in finding.message
    assert all(e.exchange == 2 for e in finding.evidence)


def test_after_words_in_the_messages_api_it_is_the_same() -> None:
    head = (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","role":'
        b'"assistant","content":[],"usage":{"input_tokens":9}}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
        b'{"type":"text_delta","text":"I read"}}\n\n'
    )
    request = {"model": "m", "max_tokens": 900, "messages": [{"role": "user", "content": "Read."}]}
    sample = Sample(request, None, path="/v1/messages", raw=head + b"event: error\ndata: " + FULL)
    [finding] = defects_of([replace(sample, raw=(sample.raw or b"") + b"\n\n")])
    assert finding.rule == "stream-error-event"
    assert "“I read” had come before it, so that the prompt had fitted" in finding.message


def test_a_templates_error_after_words_is_no_refusal() -> None:
    error = b'{"code":500,"message":"Jinja Exception: none","type":"server_error"}'
    [finding] = told(ROLE, WORDS, error=error)
    assert finding.rule == "stream-error-event"
    assert finding.message.endswith("“I read” had come before it.")
    [finding] = told(ROLE, error=error)
    assert finding.rule == "template-rejected"
