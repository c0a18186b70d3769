"""Rules about a request that is wrong in itself, whatever went before."""

from kimitap.rules.request.arguments_not_string import ArgumentsNotString
from kimitap.rules.request.duplicate_tool_result import DuplicateToolResult
from kimitap.rules.request.empty_assistant_in_history import EmptyAssistantInHistory
from kimitap.rules.request.empty_text_block import EmptyTextBlock
from kimitap.rules.request.empty_tool_result import EmptyToolResult
from kimitap.rules.request.invalid_tool_call_id import InvalidToolCallId
from kimitap.rules.request.mismatched_tool_call_id import MismatchedToolCallId
from kimitap.rules.request.misplaced_tool_result import MisplacedToolResult
from kimitap.rules.request.orphan_tool_result import OrphanToolResult
from kimitap.rules.request.poisoned_history import PoisonedHistory
from kimitap.rules.request.retry_storm import RetryStorm
from kimitap.rules.request.trailing_assistant import TrailingAssistant
from kimitap.rules.request.unanswered_tool_call import UnansweredToolCall
from kimitap.rules.request.unusual_role_order import UnusualRoleOrder
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    UnansweredToolCall(),
    OrphanToolResult(),
    MismatchedToolCallId(),
    MisplacedToolResult(),
    DuplicateToolResult(),
    EmptyToolResult(),
    EmptyAssistantInHistory(),
    EmptyTextBlock(),
    InvalidToolCallId(),
    ArgumentsNotString(),
    TrailingAssistant(),
    UnusualRoleOrder(),
    PoisonedHistory(),
    RetryStorm(),
)
