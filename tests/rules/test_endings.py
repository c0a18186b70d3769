"""How servers and gateways spell the end of a reply: one meaning, whatever the spelling."""

from collections.abc import Sequence

import pytest

from kimitap.rules.endings import CALLED, CUT, SAID, WITHHELD, spelled
from kimitap.rules.examples import ASKED, DONE, READ, TASK, assistant, call, step
from kimitap.rules.finding import Severity
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

HALF = '{"path": "summary.md", "content": "# Summ'
CUTS = (
    "length",
    "max_tokens",
    "MAX_TOKENS",  # Gemini, and Cohere, through gateways
    "FinishReason.MAX_TOKENS",
    "FINISH_REASON_MAX_TOKENS",
    "max_output_tokens",
    "maxOutputTokens",
    "model_length",  # Mistral
    "LENGTH",
    "max-tokens",
)
CALLS = ("tool_calls", "TOOL_CALLS", "TOOL_CALL", "tool_use", "function_call", "FUNCTION_CALL")
ENDS = ("stop", "STOP", "FinishReason.STOP", "eos", "eos_token", "EOS_TOKEN", "stop_sequence")
HELD = ("content_filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "guardrail_intervened")


def rules(*samples: Sample) -> list[str]:
    return [finding.rule for finding in findings_of(samples)]


def counted(sample: Sample, made: int) -> Sample:
    usage = {"prompt_tokens": 40, "completion_tokens": made, "total_tokens": 40 + made}
    return Sample(sample.request, sample.reply, extra={"usage": usage})


@pytest.mark.parametrize("reason", CUTS)
def test_a_cut_call_is_one_finding_in_every_spelling(reason: str) -> None:
    [found] = findings_of([step(TASK, assistant(None, call("c2", "write_file", HALF)), reason)])
    assert (found.rule, found.severity) == ("truncated-by-length", Severity.ERROR)


@pytest.mark.parametrize("reason", CUTS)
def test_a_cut_sentence_is_no_unreported_truncation_and_no_mismatch(reason: str) -> None:
    cut = counted(step(TASK, assistant("The owner of the"), reason, max_tokens=64), 64)
    assert rules(cut) == ["truncated-by-length"]


@pytest.mark.parametrize("reason", CALLS)
def test_calls_agree_with_every_word_for_calls(reason: str) -> None:
    assert rules(step(TASK, ASKED, reason)) == []


@pytest.mark.parametrize("reason", CALLS)
def test_every_word_for_calls_without_a_call_is_told(reason: str) -> None:
    assert rules(step(TASK, assistant("I read them now."), reason)) == ["finish-reason-mismatch"]


@pytest.mark.parametrize("reason", ENDS)
def test_an_answer_may_end_with_any_word_for_its_end(reason: str) -> None:
    assert rules(step(TASK, DONE, reason)) == []


@pytest.mark.parametrize("reason", ENDS)
def test_calls_do_not_agree_with_any_word_for_an_answers_end(reason: str) -> None:
    assert rules(step(TASK, assistant(None, READ), reason)) == ["finish-reason-mismatch"]


@pytest.mark.parametrize("reason", ENDS)
def test_a_full_limit_is_unreported_in_every_spelling_of_stop(reason: str) -> None:
    full = counted(step(TASK, assistant("The owner of the"), reason, max_tokens=64), 64)
    assert rules(full) == ["unreported-truncation"]


@pytest.mark.parametrize("reason", HELD)
def test_nothing_is_asked_of_a_reply_that_was_held_back(reason: str) -> None:
    assert rules(step(TASK, assistant(""), reason)) == []
    assert rules(step(TASK, ASKED, reason)) == []


@pytest.mark.parametrize("reason", CUTS)
def test_broken_arguments_are_the_servers_where_it_says_that_it_cut_them(reason: str) -> None:
    cut = step(TASK, assistant(None, call("c2", "write_file", '{"path": x'), READ), reason)
    [broken] = [f for f in findings_of([cut]) if f.rule == "malformed-tool-arguments"]
    assert "length limit" in broken.message


def _words(*tables: frozenset[str]) -> Sequence[str]:
    return sorted(word for table in tables for word in table)


def test_no_word_means_two_things() -> None:
    words = _words(CUT, CALLED, SAID, WITHHELD)
    assert len(words) == len(set(words))
    assert all(spelled(word) == word for word in words)


def test_a_word_of_nobodys_stays_as_it_is() -> None:
    assert spelled("weird") == "weird"
    assert spelled(None) is None
    assert spelled("Length " * 10_000) == "Length " * 10_000


@pytest.mark.parametrize("nothing", [b"null", b'"null"', b'""'])
def test_a_stream_may_write_that_it_goes_on_as_a_word(nothing: bytes) -> None:
    pieces = [
        (b'{"role":"assistant","content":"Ada"}', nothing),
        (b'{"content":" has 3."}', nothing),
    ]
    events = [
        b'data: {"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % piece
        for piece in (*pieces, (b"{}", b'"stop"'))
    ]
    raw = b"".join([*events, b"data: [DONE]\n\n"])
    assert rules(Sample(step(TASK, None).request, None, raw=raw)) == []
