"""Rules about what the model said and how the server parsed it."""

from kimitap.rules.reply.colliding_tool_call_index import CollidingToolCallIndex
from kimitap.rules.reply.duplicated_content import DuplicatedContent
from kimitap.rules.reply.empty_reply import EmptyReply
from kimitap.rules.reply.finish_reason_mismatch import FinishReasonMismatch
from kimitap.rules.reply.malformed_tool_arguments import MalformedToolArguments
from kimitap.rules.reply.missing_tool_call_id import MissingToolCallId
from kimitap.rules.reply.repeated_tool_call import RepeatedToolCall
from kimitap.rules.reply.reused_tool_call_id import ReusedToolCallId
from kimitap.rules.reply.special_token_in_content import SpecialTokenInContent
from kimitap.rules.reply.think_tag_in_content import ThinkTagInContent
from kimitap.rules.reply.tool_call_in_content import ToolCallInContent
from kimitap.rules.reply.tool_call_in_reasoning import ToolCallInReasoning
from kimitap.rules.reply.tool_schema_violation import ToolSchemaViolation
from kimitap.rules.reply.truncated_by_length import TruncatedByLength
from kimitap.rules.reply.unknown_tool import UnknownTool
from kimitap.rules.reply.unreported_truncation import UnreportedTruncation
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    ToolCallInContent(),
    ToolCallInReasoning(),
    SpecialTokenInContent(),
    ThinkTagInContent(),
    EmptyReply(),
    TruncatedByLength(),
    UnreportedTruncation(),
    FinishReasonMismatch(),
    MalformedToolArguments(),
    ToolSchemaViolation(),
    UnknownTool(),
    MissingToolCallId(),
    ReusedToolCallId(),
    CollidingToolCallIndex(),
    DuplicatedContent(),
    RepeatedToolCall(),
)
