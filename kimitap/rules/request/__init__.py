"""Rules about a request that is wrong in itself, whatever went before."""

from kimitap.rules.request.orphan_tool_result import OrphanToolResult
from kimitap.rules.request.unanswered_tool_call import UnansweredToolCall
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    UnansweredToolCall(),
    OrphanToolResult(),
)
