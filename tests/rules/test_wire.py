"""What is found in single replies of real servers, from the exact bytes that they sent."""

from pathlib import Path

import pytest

from kimitap.dialects import decode
from kimitap.rules import check
from kimitap.rules.finding import Finding
from kimitap.weave import weave
from tests.support import wire

LIMITED = ["warning truncated-by-length model"]
CUT = [
    "anthropic_multiturn_nonstream",
    "anthropic_nonstream",
    "anthropic_stream",
    "chat_json_schema",
    "chat_logprobs_nonstream",
    "chat_logprobs_stream",
    "chat_n2_nonstream",
    "chat_n2_stream",
    "chat_nonstream",
    "chat_nonstream_timings_per_token",
    "chat_return_tokens_stream",
    "chat_stream",
    "chat_stream_ping",
    "chat_stream_return_progress",
    "chat_stream_timings_per_token",
    "chat_stream_usage",
    "chat_verbose_nonstream",
    "completion_nonstream",
    "completion_stream",
    "completion_stream_timings",
    "err_content_type",
    "err_empty_messages",
    "queue_first",
    "queue_second",
    "think_budget_stream",
    "think_format_none_stream",
    "think_nonstream",
    "think_stream",
    "tool_auto_nocall_nonstream",
    "tool_multiturn_stream",
    "tool_none_nonstream",
    "tool_required_nocall_nonstream",
    "v1_completions_nonstream",
    "v1_completions_stream",
]
"""Replies of llama.cpp that max_tokens cut, and that say so."""

HIDDEN = ["warning unreported-truncation server"]
PASSED_OVER = [
    "anthropic_multiturn_nonstream",
    "anthropic_nonstream",
    "anthropic_stream",
    "anthropic_think_stream",
    "chat_json_schema",
    "chat_logprobs_nonstream",
    "chat_logprobs_stream",
    "chat_nonstream",
    "chat_nonstream_timings_per_token",
    "chat_return_tokens_stream",
    "chat_stream",
    "chat_stream_ping",
    "chat_stream_return_progress",
    "chat_stream_timings_per_token",
    "chat_stream_usage",
    "chat_verbose_nonstream",
    "err_content_type",
    "err_context_overflow_nonstream",
    "err_context_overflow_stream",
    "err_empty_messages",
    "responses_nonstream",
    "responses_stream",
    "think_budget_stream",
    "think_format_none_stream",
    "think_nonstream",
    "think_stream",
    "tool_multiturn_stream",
    "tool_none_nonstream",
    "tool_required_nocall_nonstream",
    "tool_truncated_stream",
    "v1_completions_nonstream",
    "v1_completions_stream",
]
"""The same of ik_llama.cpp, which calls them finished."""

TWICE_AND_CUT = ["error reused-tool-call-id model", "error truncated-by-length model"]
IN_CIRCLES = ["warning special-token-in-content server", *HIDDEN]
MARKER = ["warning special-token-in-content server"]
SILENT = ["warning empty-reply model"]

DEFECTS = {
    wire.MAINLINE: {
        **dict.fromkeys(CUT, LIMITED),
        "anthropic_err_in_stream": ["error stream-error-event server"],
        "bias_auto_ns": TWICE_AND_CUT,
        "bias_auto_par_st": TWICE_AND_CUT,
        "bias_auto_st": TWICE_AND_CUT,
        "bias_req_st": TWICE_AND_CUT,
        "conv_disc": ["info client-cancelled agent"],
        "ctx_full_midgen": ["warning truncated-by-length server"],
        "err_bad_role": ["error template-rejected agent"],
        "err_context_overflow_nonstream": ["error context-overflow server"],
        "err_context_overflow_stream": ["error context-overflow server"],
        "k2_malformed_json_st": ["error stream-error-event server"],
        "k2_markers_no_tools_ns": [*MARKER, *LIMITED],
        "k2_parallel_auto_st": ["error stream-error-event server"],
        "k2_parallel_ns": TWICE_AND_CUT,
        "k2_parallel_st": TWICE_AND_CUT,
        "prefill_assistant_stream": ["info trailing-assistant agent", *LIMITED],
        "responses_nonstream": HIDDEN,
        "responses_stream": HIDDEN,
        "responses_tool_stream": ["error stream-error-event server"],
        "think_tool_stream": ["error stream-error-event server"],
        "tool_auto_stream": ["error stream-error-event server"],
        "tool_truncated_nonstream": ["error truncated-by-length model"],
        "tool_truncated_stream": ["error truncated-by-length model"],
    },
    wire.IK: {
        **dict.fromkeys(PASSED_OVER, HIDDEN),
        "anthropic_tool_nonstream": MARKER,
        "anthropic_tool_stream": MARKER,
        "bias_auto_par_st": IN_CIRCLES,
        "bias_auto_single_ns": IN_CIRCLES,
        "bias_auto_single_st": IN_CIRCLES,
        "bias_req_st": ["error unreported-truncation server"],
        "completion_nonstream": LIMITED,
        "completion_stream": LIMITED,
        "completion_stream_timings": LIMITED,
        "err_bad_role": ["error template-rejected agent"],
        "hangup_stream": ["info client-cancelled agent"],
        "prefill_assistant_stream": ["info trailing-assistant agent", *HIDDEN],
        "think_tool_stream": SILENT,
        "tool_auto_nocall_nonstream": SILENT,
        "tool_multiturn_nonstream": SILENT,
        "tool_nonstream": MARKER,
        "tool_parallel_stream": MARKER,
        "tool_stream": MARKER,
        "tool_truncated_nonstream": ["error unreported-truncation server"],
    },
}
"""The pairs in which something is wrong, and what."""

PAIRS = [(folder, name) for folder in DEFECTS for name in wire.names(folder)]


def found(folder: Path, name: str) -> list[Finding]:
    turn = decode(wire.load(name, folder))
    return [] if turn is None else [f for session in weave([turn]) for f in check(session)]


@pytest.mark.parametrize(("folder", "name"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_a_single_reply_is_judged_by_what_was_on_the_wire(folder: Path, name: str) -> None:
    told = [f"{f.severity} {f.rule} {f.side}" for f in found(folder, name)]
    assert told == DEFECTS[folder].get(name, [])


def test_a_cut_that_the_server_does_not_own_up_to_is_told() -> None:
    [finding] = found(wire.IK, "bias_req_st")
    assert "72 tokens" in finding.message and "“tool_calls”" in finding.message
