"""Whose request it is, by what each agent was seen to send."""

from typing import Any

import pytest

from kimitap.conversation import Scope
from kimitap.dialects import decode
from tests.support.chat import assistant, choice, exchange, request, user

CLAUDE = '{"device_id":"d","account_uuid":"","session_id":"77"}'


@pytest.mark.parametrize(
    "headers, scope",
    [
        ({}, Scope()),
        (
            {"X-Session-Id": "ses_1", "x-session-affinity": "ses_1"},
            Scope("ses_1", source="x-session-id"),
        ),
        (
            {"x-session-id": "ses_2", "x-parent-session-id": "ses_1"},
            Scope("ses_2", parent="ses_1", source="x-session-id"),
        ),
        (
            {"X-Claude-Code-Session-Id": "1", "x-claude-code-agent-id": "2"},
            Scope("1", "2", source="x-claude-code-session-id"),
        ),
        ({"x-qwen-code-session-id": "1"}, Scope("1", source="x-qwen-code-session-id")),
        ({"x-opencode-session": "1"}, Scope("1", source="x-opencode-session")),
        ({"x-affinity": "1"}, Scope("1", source="x-affinity")),
        ({"session-id": "1", "thread-id": "1"}, Scope("1", source="session-id")),
        ({"session-id": "1", "thread-id": "2"}, Scope("1", "2", source="session-id")),
        ({"x-codex-window-id": "1:3"}, Scope("1", source="x-codex-window-id", window=3)),
        ({"x-codex-window-id": "1"}, Scope("1", source="x-codex-window-id")),
        ({"x-session-id": ""}, Scope()),
    ],
)
def test_headers_name_the_session(headers: dict[str, str], scope: Scope) -> None:
    assert scope_of({}, headers) == scope


@pytest.mark.parametrize(
    "fields, scope",
    [
        ({"prompt_cache_key": "session_1"}, Scope("session_1", source="prompt_cache_key")),
        ({"metadata": {"user_id": CLAUDE}}, Scope("77", source="metadata.user_id")),
        (
            {"metadata": {"user_id": "user_ab_account__session_77"}},
            Scope("77", source="metadata.user_id"),
        ),
        ({"metadata": {"user_id": "me"}}, Scope()),
        ({"metadata": {"user_id": "[1]"}}, Scope()),
        ({"metadata": {"user_id": 7}}, Scope()),
        ({"metadata": "x"}, Scope()),
        ({"conversation": "conv_1"}, Scope("conv_1", source="conversation")),
        ({"conversation": {"id": "conv_1"}}, Scope("conv_1", source="conversation.id")),
        ({"conversation": {"id": 7}}, Scope()),
        ({"prompt_cache_key": 7}, Scope()),
        ({"previous_response_id": "resp_1"}, Scope()),
    ],
)
def test_the_body_names_the_session_where_no_header_does(
    fields: dict[str, Any], scope: Scope
) -> None:
    assert scope_of(fields, {}) == scope


def test_a_header_wins_over_the_body() -> None:
    assert scope_of({"prompt_cache_key": "k"}, {"x-session-id": "h"}).session == "h"


def test_of_two_equal_headers_the_first_counts() -> None:
    headers = (("x-session-id", "1"), ("X-Session-Id", "2"))
    turn = decode(exchange(1, request(user("x")), choice(assistant("ok")), headers=headers))
    assert turn is not None
    assert turn.scope.session == "1"


def scope_of(fields: dict[str, Any], headers: dict[str, str]) -> Scope:
    sent = {**request(user("x")), **fields}
    turn = decode(exchange(1, sent, choice(assistant("ok")), headers=tuple(headers.items())))
    assert turn is not None
    return turn.scope
