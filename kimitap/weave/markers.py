"""What agents write into a history when they change it, as data with its sources.

Each table can grow by a line; nothing here decides by itself. Matching is by plain search, never by
a pattern that could take long on hostile text.
"""

import re

SPANS = (
    ("<environment_details>", "</environment_details>"),  # Roo Code, Cline, Kilo: clock, open tabs
    ("<system-reminder>", "</system-reminder>"),  # Claude Code, OpenCode, Kimi Code
)
"""Spans that agents rewrite from request to request: masked before messages are compared."""

BILLING = re.compile(r"cch=[0-9a-f]+")  # Claude Code's billing line
MOMENT = re.compile(
    r"[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
)
"""Short values that change with the clock."""

COMPACTION = (
    "## Conversation Summary",
    "Previous context has been compacted",  # kimi-cli
    "I spoke to you previously",  # aider
    "<state_snapshot>",  # Qwen Code, Gemini CLI
    "This session is being continued from a previous conversation",  # Claude Code
    "<conversation_summary>",
)
"""In a message of the new history: what stood here before was summarised."""

WINDOW = (
    "[NOTE] Some previous conversation history",  # Cline, Roo Code
    "[[NOTE] This file read has been removed",
)
"""In a message of the new history: older messages were left out, without a summary."""

CLEARED = (
    "[Old tool result content cleared]",  # OpenCode, Claude Code
    "[[NOTE] This file read has been removed",  # Cline
)
"""In the place of a tool's result: it was emptied in place to save room."""

SUMMARISE = (
    "<state_snapshot>",  # Qwen Code
    "compacts conversation context",  # kimi-cli
    "context summarization agent",  # OpenCode
    "summarize the conversation",
    "summarise the conversation",
    "summary of the conversation",
    "summary of our conversation",
    "CONTEXT CHECKPOINT COMPACTION",  # Codex
    "handoff summary",  # Codex, Kimi Code
)
"""In the last message or the system prompt of a request: it asks for a summary of the history."""


def holds(text: str, marks: tuple[str, ...], within: int = 20_000) -> str:
    """The first of `marks` in the first `within` characters of `text`; `""` if there is none."""
    head = text[:within]
    return next((mark for mark in marks if mark in head), "")


def mask(text: str) -> str:
    """`text` without what changes from request to request by itself."""
    for opening, closing in SPANS:
        if opening in text:
            text = _cut(text, opening, closing)
    if "cch=" in text:
        text = BILLING.sub("", text)
    return MOMENT.sub("", text) if "-" in text else text


def _cut(text: str, opening: str, closing: str) -> str:
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0:
        stop = text.find(closing, start)
        if stop < 0:
            break
        kept.append(text[at:start])
        at = stop + len(closing)
    kept.append(text[at:])
    return "".join(kept)
