"""What servers' errors are about, by their own words."""

import pytest

from kimitap.rules.examples import TASK, failed
from kimitap.rules.exchange.refusal import Refusal, refusal_of
from tests.support.examples import findings_of, turn_of

SAID = {
    "request (6028 tokens) exceeds the available context size (4096 tokens), try increasing it": (
        Refusal.CONTEXT
    ),
    "Context size has been exceeded.": Refusal.CONTEXT,
    "This model's maximum context length is 4096 tokens.": Refusal.CONTEXT,
    "prompt is too long: 213462 tokens > 200000 maximum": Refusal.CONTEXT,
    "Requested tokens (5000) exceed context window of 4096": Refusal.CONTEXT,
    "Trying to keep the first 10136 tokens when context the overflows. However, the model is "
    "loaded with context length of only 7866 tokens, which is not enough.": Refusal.CONTEXT,
    "The number of tokens to keep from the initial prompt is greater than the context length.": (
        Refusal.CONTEXT
    ),
    "The input (40000 tokens) is longer than the model's context length (32768 tokens).": (
        Refusal.CONTEXT
    ),
    "prompt too long; exceeded max context length by 812 tokens": Refusal.CONTEXT,
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000": Refusal.CONTEXT,
    "Invalid request: Your request exceeded model token limit: 262144": Refusal.CONTEXT,
    "Prompt exceeds max length": Refusal.CONTEXT,
    "The decoder prompt (length 41000) is longer than the maximum model length of 32768.": (
        Refusal.CONTEXT
    ),
    "Range of input length should be [1, 98304]": Refusal.CONTEXT,
    "Can only get item pairs from a mapping.": Refusal.TEMPLATE,
    "'list object' has no attribute 'startswith'": Refusal.TEMPLATE,
    "'dict object' has no element 0": Refusal.TEMPLATE,
    "'NoneType' object has no attribute 'shape'": None,
    'template: :12:9: executing "" at <.Tool>: can\'t evaluate field Tool in type': (
        Refusal.TEMPLATE
    ),
    "template: the page of 12:30 is executing": None,
    "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.": Refusal.ORDER,
    "System message must be at the beginning.": Refusal.ORDER,
    "This model only supports single tool-calls at once!": Refusal.TEMPLATE,
    "Cannot pass both content and thinking in an assistant message with tool calls!": (
        Refusal.TEMPLATE
    ),
    "Request exceeded the limit of 60 a minute": None,
    "The file is longer than the maximum of 20 MB": None,
    "the message at position 4 with role 'assistant' must not be empty": Refusal.ORDER,
    "Unexpected role 'user' after role 'tool'": Refusal.ORDER,
    "Cannot have 2 or more assistant messages at the end of the list.": Refusal.ORDER,
    "Value is not callable: null at row 58, column 71": Refusal.TEMPLATE,
    "tools param requires --jinja flag": Refusal.TEMPLATE,
    "'model' must not be empty": None,
    "Invalid API Key": None,
    "JSON schema conversion failed": None,
    "Rate limit exceeded: 30000 tokens per minute": None,
}


@pytest.mark.parametrize("error", SAID)
def test_an_error_is_about_what_it_names(error: str) -> None:
    assert refusal_of(turn_of(1, failed(TASK, 400, error))) is SAID[error]


@pytest.mark.parametrize(
    "error",
    [
        "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
        "Jinja Exception: Tool call IDs should be alphanumeric strings with length 9!",
    ],
)
def test_a_refused_id_is_not_called_a_matter_of_order(error: str) -> None:
    (finding,) = findings_of([failed(TASK, 400, error)])
    assert finding.rule == "template-rejected"
    assert "names the id of a call" in finding.message
