"""What agents write into a history when they change it, as data with its sources.

Each table can grow by a line; nothing here decides by itself. Matching is by plain search, never by
a pattern that could take long on hostile text.
"""

COMPACTION = (
    "## Conversation Summary",
    "Previous context has been compacted",  # kimi-cli
    "I spoke to you previously",  # aider
    "<state_snapshot>",  # Qwen Code, Gemini CLI
    "This session is being continued from a previous conversation",  # Claude Code
    "<conversation_summary>",
    "continue from the following summary",  # Roo Code
    "contains a summary that was prepared because a context limit",  # Goose
)
"""In a message of the new history: what stood here before was summarised."""

COMPACTED = ("compaction", "compaction_summary")  # OpenAI's /responses/compact, Anthropic; Codex
"""Kinds of items or blocks: what stood before was summarised, in a form that the server reads."""

WINDOW = (
    "[NOTE] Some previous conversation history",  # Cline, Roo Code
    "[[NOTE] This file read has been removed",
)
"""In a message of the new history: older messages were left out, without a summary."""

SUMMARISE = (
    "<state_snapshot>",  # Qwen Code
    "compacts conversation context",  # kimi-cli
    "context summarization agent",  # OpenCode
    "summarize the conversation",
    "summarise the conversation",
    "summary of the conversation",
    "summary of our conversation",
    "summary of this conversation",  # Zed, Claude Code
    "Summarize the conversation",  # Roo Code
    "tasked with summarizing conversations",  # Claude Code, OpenCode
    "prompt for continuing our conversation",  # OpenCode
    "context limit was reached when a user was in a working session",  # Goose
    "CONTEXT CHECKPOINT COMPACTION",  # Codex
    "handoff summary",  # Codex, Kimi Code
)
"""In the last message or the system prompt of a request: it asks for a summary of the history."""

ASIDES = (
    "immediately preceding response",  # Gemini CLI, Qwen Code: whose turn it is to speak
    "[SUGGESTION MODE",  # Claude Code: what the user may type next
    "title for this conversation",  # Zed and others
    "title for the conversation",
    "title for the following conversation",
    "title for this chat",
    "name for this conversation",
)
"""In the last message of a request: it asks something about the history, and does not go on."""


def holds(text: str, marks: tuple[str, ...], within: int = 20_000) -> str:
    """The first of `marks` in the first `within` characters of `text`; `""` if there is none."""
    head = text[:within]
    return next((mark for mark in marks if mark in head), "")
