"""Whose request this is: the headers and body fields by which agents name their sessions.

The tables are what agents were seen to send; where several are there, the first of the table
counts. `previous_response_id` is not among them: it names the turn before, not the session.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from kimitap.conversation import Scope
from kimitap.dialects.jsonread import UnreadableJson, loads
from kimitap.exchange import Headers

SESSION_HEADERS = (
    "x-claude-code-session-id",  # Claude Code
    "x-qwen-code-session-id",  # Qwen Code
    "x-opencode-session",  # OpenCode's own service
    "session-id",  # Codex
    "session_id",  # Codex, older
    "x-session-id",  # OpenCode, Kilo
    "x-session-affinity",  # OpenCode, Kilo
    "x-affinity",  # Mistral Vibe
    "x-conversation-id",  # llama-server's own pages
    "x-codex-window-id",  # Codex
    "thread-id",  # Codex
)

AGENT_HEADERS = (
    "x-claude-code-agent-id",  # Claude Code's sub-agents
    "thread-id",  # Codex, where it differs from the session
)

_scope = lru_cache(maxsize=256)(Scope)
"""Of all requests of an agent the same object."""
WINDOW_HEADER = "x-codex-window-id"  # Codex: `<thread>:N`, N rises at each compaction
PARENT_HEADERS = ("x-parent-session-id",)  # sub-agents of OpenCode, Kilo

SESSION_FIELDS = (
    ("prompt_cache_key",),  # Kimi Code, kimi-cli, Codex, OpenHands, dcode
    ("metadata", "user_id"),  # Claude Code: JSON with `session_id`
    ("conversation",),  # Responses: the server keeps the history under this name
    ("conversation", "id"),
)


def scope_of(headers: Headers, body: Mapping[str, Any]) -> Scope:
    """What headers and body say; headers win, since they name the session most exactly."""
    sent = {name.lower(): value.strip() for name, value in reversed(headers)}
    session, source = _session(sent, body)
    agent_id = next((sent[name] for name in AGENT_HEADERS if sent.get(name)), "")
    if agent_id == session:
        agent_id = ""
    parent = next((sent[name] for name in PARENT_HEADERS if sent.get(name)), "")
    return _scope(session, agent_id, parent, source, _window(sent.get(WINDOW_HEADER, "")))


def _window(value: str) -> int | None:
    """N of `<thread>:N`."""
    _, colon, number = value.rpartition(":")
    return (
        int(number) if colon and number.isascii() and number.isdigit() and len(number) < 9 else None
    )


def _session(sent: Mapping[str, str], body: Mapping[str, Any]) -> tuple[str, str]:
    for name in SESSION_HEADERS:
        value = sent.get(name, "")
        if name == WINDOW_HEADER:
            value = value.rpartition(":")[0] or value
        if value:
            return value, name
    for path in SESSION_FIELDS:
        found = _field(body, path)
        if found:
            return found, ".".join(path)
    return "", ""


def _field(body: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str):
        return ""
    if path[-1] == "user_id":
        return _session_in(value)
    return value


def _session_in(user_id: str) -> str:
    """The session in Claude Code's `user_id`: JSON today, `user_…_session_<id>` before."""
    _, marker, session = user_id.rpartition("_session_")
    if marker:
        return session
    try:
        value, _ = loads(user_id)
    except UnreadableJson:
        return ""
    found = value.get("session_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
