"""Rules about how a request gives back the history that the turns before it left."""

from kimitap.rules.replay.altered_thinking import AlteredThinking
from kimitap.rules.replay.changed_system import ChangedSystem
from kimitap.rules.replay.changed_tool_call import ChangedToolCall
from kimitap.rules.replay.changed_tools import ChangedTools
from kimitap.rules.replay.discarded_reply import DiscardedReply
from kimitap.rules.replay.doubled_reply import DoubledReply
from kimitap.rules.replay.dropped_from_history import DroppedFromHistory
from kimitap.rules.replay.dropped_reply import DroppedReply
from kimitap.rules.replay.edited_history import EditedHistory
from kimitap.rules.replay.edited_reply import EditedReply
from kimitap.rules.replay.flattened_tool_history import FlattenedToolHistory
from kimitap.rules.replay.partially_replayed_tool_calls import PartiallyReplayedToolCalls
from kimitap.rules.replay.reasoning_dropped import ReasoningDropped
from kimitap.rules.replay.tool_turn_lost import ToolTurnLost
from kimitap.rules.replay.unbacked_assistant_turn import UnbackedAssistantTurn
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    ToolTurnLost(),
    FlattenedToolHistory(),
    PartiallyReplayedToolCalls(),
    ChangedToolCall(),
    DroppedReply(),
    DiscardedReply(),
    EditedReply(),
    DoubledReply(),
    DroppedFromHistory(),
    EditedHistory(),
    UnbackedAssistantTurn(),
    ReasoningDropped(),
    AlteredThinking(),
    ChangedSystem(),
    ChangedTools(),
)
