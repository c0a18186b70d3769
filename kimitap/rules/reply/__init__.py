"""Rules about what the model said and how the server parsed it."""

from kimitap.rules.reply.malformed_tool_arguments import MalformedToolArguments
from kimitap.rules.reply.missing_tool_call_id import MissingToolCallId
from kimitap.rules.reply.repeated_tool_call import RepeatedToolCall
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    MalformedToolArguments(),
    MissingToolCallId(),
    RepeatedToolCall(),
)
