"""Rules about how a request gives back the history that the turns before it left."""

from kimitap.rules.replay.altered_thinking import AlteredThinking
from kimitap.rules.replay.discarded_reply import DiscardedReply
from kimitap.rules.replay.dropped_reply import DroppedReply
from kimitap.rules.replay.flattened_tool_history import FlattenedToolHistory
from kimitap.rules.replay.partially_replayed_tool_calls import PartiallyReplayedToolCalls
from kimitap.rules.replay.reasoning_dropped import ReasoningDropped
from kimitap.rules.replay.tool_turn_lost import ToolTurnLost
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    ToolTurnLost(),
    FlattenedToolHistory(),
    PartiallyReplayedToolCalls(),
    DroppedReply(),
    DiscardedReply(),
    ReasoningDropped(),
    AlteredThinking(),
)
