"""The rules: what can break in a conversation, one file a kind of defect.

`RULES` is the list, in the order in which they are documented; `check` applies it to a session.
"""

from collections.abc import Iterable
from dataclasses import replace

from kimitap.lineage import Session
from kimitap.rules.discarded_reply import DiscardedReply
from kimitap.rules.dropped_reply import DroppedReply
from kimitap.rules.finding import Finding
from kimitap.rules.flattened_tool_history import FlattenedToolHistory
from kimitap.rules.malformed_tool_arguments import MalformedToolArguments
from kimitap.rules.missing_tool_call_id import MissingToolCallId
from kimitap.rules.orphan_tool_result import OrphanToolResult
from kimitap.rules.partially_replayed_tool_calls import PartiallyReplayedToolCalls
from kimitap.rules.reasoning_dropped import ReasoningDropped
from kimitap.rules.repeated_tool_call import RepeatedToolCall
from kimitap.rules.rule import Rule
from kimitap.rules.stream_aborted import StreamAborted
from kimitap.rules.swallow import swallow
from kimitap.rules.tool_turn_lost import ToolTurnLost
from kimitap.rules.unanswered_tool_call import UnansweredToolCall

RULES: tuple[Rule, ...] = (
    ToolTurnLost(),
    UnansweredToolCall(),
    OrphanToolResult(),
    FlattenedToolHistory(),
    PartiallyReplayedToolCalls(),
    DroppedReply(),
    DiscardedReply(),
    ReasoningDropped(),
    MalformedToolArguments(),
    MissingToolCallId(),
    StreamAborted(),
    RepeatedToolCall(),
)


def check(session: Session, rules: Iterable[Rule] = RULES) -> tuple[Finding, ...]:
    """What is wrong in a session, in the order of its places: one defect, one finding."""
    chosen = tuple(rules)
    found: list[Finding] = []
    for thread in session.threads:
        struck = [finding for rule in chosen for finding in rule.check(thread, session)]
        found += (
            replace(finding, session=session.name, thread=thread.name)
            for finding in swallow(struck, thread)
        )
    return tuple(sorted(found, key=_by_place))


def _by_place(finding: Finding) -> tuple[int, int, int, int, str]:
    """By exchange; there what the request shows before what the reply shows; then the worst."""
    place = finding.place
    index = place.message_index
    return (
        place.exchange,
        index is None,
        index or 0,
        -finding.severity.rank,
        finding.rule,
    )
