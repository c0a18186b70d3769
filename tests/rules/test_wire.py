"""What is found in single replies of real servers, from the exact bytes that they sent."""

from pathlib import Path

import pytest

from kimitap.dialects import decode
from kimitap.rules import check
from kimitap.rules.finding import Finding
from kimitap.weave import weave
from tests.support import wire

DEFECTS = {
    wire.MAINLINE: {
        "bias_auto_par_st": ["error malformed-tool-arguments server"],
        "anthropic_err_in_stream": ["error stream-error-event server"],
        "conv_disc": ["info client-cancelled agent"],
        "err_bad_role": ["error template-rejected agent"],
        "err_context_overflow_nonstream": ["error context-overflow server"],
        "err_context_overflow_stream": ["error context-overflow server"],
        "k2_malformed_json_st": ["error stream-error-event server"],
        "k2_parallel_auto_st": ["error stream-error-event server"],
        "responses_tool_stream": ["error stream-error-event server"],
        "think_tool_stream": ["error stream-error-event server"],
        "tool_auto_stream": ["error stream-error-event server"],
        "tool_truncated_nonstream": ["error malformed-tool-arguments server"],
        "tool_truncated_stream": ["error malformed-tool-arguments server"],
    },
    wire.IK: {
        "bias_req_st": ["error malformed-tool-arguments server"],
        "err_bad_role": ["error template-rejected agent"],
        "hangup_stream": ["info client-cancelled agent"],
    },
}
"""The pairs in which something is wrong: cut by max_tokens, hung up on, an error in mid-stream."""

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
    assert "cut at the number of tokens allowed" in finding.message
