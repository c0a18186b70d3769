"""What answers in the place of a reply: pages, plain text, nothing, and gateways' errors."""

from dataclasses import replace

import pytest

from kimitap.exchange import NO_RESPONSE, Exchange, Outcome
from kimitap.rules import check
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, TOOLS, step
from kimitap.rules.exchange.unreadable_answer import BAD_GATEWAY
from kimitap.rules.finding import Finding, Severity, Side
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.support import chat
from tests.support.examples import exchange_of

PORTAL = b"\n<!doctype HTML>\n<html lang=en><head><title>Sign in to the guest network</title>"
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/completion")
REQUEST = {
    "model": "kimi-k2",
    "messages": list(TASK),
    "tools": TOOLS,
    "input": "hi",
    "prompt": "hi",
}


def answered(
    body: bytes,
    *,
    number: int = 1,
    status: int = 200,
    server: str = "llama.cpp",
    kind: str = "text/html",
    path: str = PATHS[0],
) -> Exchange:
    """A request for a stream, answered with this body."""
    sample = Sample({**REQUEST, "stream": True}, None, status=status, raw=body, path=path)
    headers = (("Server", server), ("Content-Type", kind))
    return replace(exchange_of(number, sample), response_headers=headers)


def found(*exchanges: Exchange) -> list[Finding]:
    """What the rules find but for the notes."""
    struck = [f for session in weave(chat.turns(exchanges)) for f in check(session)]
    return [finding for finding in struck if finding.severity is not Severity.INFO]


def sides(*exchanges: Exchange) -> list[tuple[str, Side]]:
    return [(finding.rule, finding.side) for finding in found(*exchanges)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [BAD_GATEWAY, PORTAL])
def test_a_web_page_is_the_networks_whatever_was_asked(path: str, body: bytes) -> None:
    assert sides(answered(body, path=path)) == [("unreadable-answer", Side.NETWORK)]


def test_a_page_is_quoted_so_that_its_maker_can_be_told() -> None:
    (finding,) = found(answered(PORTAL))
    assert "Sign in to the guest network" in finding.evidence[0].quote


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"", b"  \n", b"loading", b'{"status":"ok"}', b'"busy"', b"null"])
def test_what_is_no_reply_is_found_whatever_was_asked(path: str, body: bytes) -> None:
    assert sides(answered(body, path=path)) == [("unreadable-answer", Side.SERVER)]


def test_plain_text_of_a_proxy_is_the_networks_and_json_that_it_passes_on_is_not() -> None:
    text = answered(b"no healthy upstream", server="envoy", kind="text/plain")
    assert sides(text) == [("unreadable-answer", Side.NETWORK)]
    passed = answered(b'{"status":"ok"}', server="nginx", kind="application/json")
    assert sides(passed) == [("unreadable-answer", Side.SERVER)]


def test_a_redirect_is_a_warning_of_the_networks() -> None:
    (finding,) = found(answered(b"", status=307))
    assert (finding.severity, finding.side) == (Severity.WARNING, Side.NETWORK)


def test_a_response_that_is_queued_is_none() -> None:
    queued = b'{"id":"resp_1","object":"response","status":"queued","output":[]}'
    assert found(answered(queued, path="/v1/responses", kind="application/json")) == []


def test_an_answer_that_was_not_recorded_whole_is_not_judged() -> None:
    lost = replace(answered(b""), lost_bytes=812)
    imported = replace(answered(b""), detail="the capture has no body of the response")
    encoded = answered(b"\x00\x01")
    encoded = replace(encoded, response_headers=(("Content-Encoding", "x-secret"),))
    assert found(lost) + found(imported) + found(encoded) == []


@pytest.mark.parametrize("outcome", [Outcome.COMPLETE, Outcome.CLIENT_HUNG_UP, Outcome.SERVER_CUT])
def test_a_stream_whose_end_was_not_recorded_is_nobodys_fault(outcome: Outcome) -> None:
    whole = exchange_of(1, step(TASK, ASKED))
    half = replace(whole, response=whole.response[:300], lost_bytes=len(whole.response) - 300)
    bodiless = replace(whole, response=b"", detail=NO_RESPONSE)
    then = exchange_of(2, step((*TASK, ASKED, NOTES), DONE))
    for lost in (half, bodiless):
        assert found(replace(lost, outcome=outcome, segments=())) == []
        assert found(replace(lost, outcome=outcome, segments=()), then) == []


def test_a_stream_that_lacks_its_end_and_was_recorded_whole_is_cut() -> None:
    whole = exchange_of(1, step(TASK, ASKED))
    half = replace(whole, response=whole.response[:300], segments=())
    assert sides(half) == [("stream-aborted", Side.SERVER)]


def test_a_body_that_is_not_encoded_as_it_says_is_unreadable() -> None:
    made = answered(b'{"choices":[]}')
    (finding,) = found(replace(made, response_headers=(("Content-Encoding", "gzip"),)))
    assert finding.rule == "unreadable-answer"
    assert "Content-Encoding" in finding.message


def test_a_cut_page_is_a_cut_answer() -> None:
    cut = replace(answered(PORTAL), outcome=Outcome.SERVER_CUT)
    left = replace(answered(PORTAL), outcome=Outcome.CLIENT_HUNG_UP)
    assert sides(cut) == [("stream-aborted", Side.NETWORK)]
    assert sides(left) == []


def test_an_unreadable_answer_excuses_the_turn_that_is_asked_again() -> None:
    again = exchange_of(2, step(TASK, ASKED))
    after = exchange_of(3, step((*TASK, ASKED, NOTES), DONE))
    assert [f.rule for f in found(answered(BAD_GATEWAY), again)] == ["unreadable-answer"]
    assert [f.rule for f in found(answered(b""), again, after)] == ["unreadable-answer"]


@pytest.mark.parametrize(
    ("status", "body", "side"),
    [
        (502, BAD_GATEWAY, Side.NETWORK),
        (504, b"", Side.NETWORK),
        (503, BAD_GATEWAY, Side.NETWORK),
        (200, PORTAL, Side.NETWORK),
        (503, b'{"error":{"code":503,"message":"Loading model"}}', Side.SERVER),
        (429, b'{"error":{"code":429,"message":"Rate limit"}}', Side.SERVER),
        (500, b'{"error":{"code":500,"message":"decode failed"}}', Side.AGENT),
    ],
)
def test_a_storm_is_the_networks_where_a_gateway_answers(
    status: int, body: bytes, side: Side
) -> None:
    storm = [answered(body, number=n, status=status, server="nginx") for n in (1, 2, 3)]
    assert ("retry-storm", side) in sides(*storm)


def test_one_page_with_a_status_of_its_own_is_no_finding() -> None:
    assert found(answered(BAD_GATEWAY, status=502)) == []
