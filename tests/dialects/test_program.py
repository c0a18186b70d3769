"""Agents are named by what they say of themselves, and no further."""

import pytest

from kimitap.conversation import Message, Text
from kimitap.dialects.program import LONGEST, program_of
from tests.support import corpus

AI_SDK = "ai-sdk/openai-compatible/3.0.37 ai-sdk/provider-utils/4.0.1 runtime/node.js/22"


def named(agent: str, prompt: str = "", **headers: str) -> str:
    """The name by a User-Agent, a prompt, and further headers (`_` for `-`)."""
    sent = [("User-Agent", agent)] if agent else []
    sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return program_of(tuple(sent), [Message("system", (Text(prompt),))] if prompt else [])


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3", "OpenCode 1.18.33"),
        ("Kilo-Code/7.7.7 ai-sdk/provider-utils/4.0.23", "Kilo Code 7.7.7"),
        ("RooCode/3.34.2", "Roo Code 3.34.2"),
        ("QwenCode/0.15.10 (linux; x64)", "Qwen Code 0.15.10"),
        ("kimi-code-cli/2.1.0", "Kimi Code 2.1.0"),
        ("KimiCLI/1.44.0", "kimi-cli 1.44.0"),
        ("codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm-256color", "Codex 0.169.0"),
        ("claude-cli/2.1.197 (external, sdk-cli)", "Claude Code 2.1.197"),
        ("pydantic-ai/2.68.0", "Pydantic AI 2.68.0"),
        ("Agents/Python 0.24.0", "OpenAI Agents SDK 0.24.0"),
        ("AsyncOpenAI/Python 3.54.0", "OpenAI SDK for Python 3.54.0"),
        ("OpenAI/JS 6.26.0", "OpenAI SDK for JS 6.26.0"),
        ("ls/JS 5.23.2", "ls/JS 5.23.2"),
        (AI_SDK, "AI SDK 3.0.37"),
        ("python-httpx/0.28.1", "httpx 0.28.1"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("my-agent", "my-agent"),
        ("", ""),
        (" / /", ""),
    ],
)
def test_a_user_agent_gives_a_name_and_a_version(agent: str, name: str) -> None:
    assert named(agent) == name


def test_a_header_of_its_own_names_an_agent_that_a_library_speaks_for() -> None:
    assert named(AI_SDK, x_title="Cline") == "Cline (AI SDK 3.0.37)"
    assert named("python-httpx/0.28.1", x_affinity="3f") == "Mistral Vibe (httpx 0.28.1)"
    assert named("", x_msh_platform="kimi_cli", x_msh_version="1.44.0") == "kimi-cli 1.44.0"
    assert named("", originator="codex_exec") == "Codex"
    assert named("opencode/1.2.3", x_title="Something else") == "OpenCode 1.2.3"


def test_a_prompt_names_an_agent_that_a_library_speaks_for() -> None:
    assert named(AI_SDK, "You are Cline, a highly skilled engineer.") == "Cline (AI SDK 3.0.37)"
    assert named("OpenAI/Python 2.54.0", "You are gptme v0.35.1, an assistant.") == "gptme 0.35.1"
    quoting = "You are careful. " * 30 + "You are Cline, a highly skilled engineer."
    assert named(AI_SDK, quoting) == "AI SDK 3.0.37"
    assert named("RooCode/3.34.2", "You are Cline, an engineer.") == "Roo Code 3.34.2"


def test_a_name_has_an_end() -> None:
    assert len(named("x" * 9000)) <= LONGEST
    assert len(named("", x_title="y" * 9000)) <= LONGEST


KNOWN = {
    "aider": {"aider (OpenAI SDK for Python 2.20.0)", "OpenAI SDK for Python 2.20.0"},
    "claude": {"Claude Code 2.1.197"},
    "gptme": {"gptme 0.35.1", "OpenAI SDK for Python 2.54.0"},
    "kimi-cli": {"kimi-cli 1.44.0"},
    "openai-agents-resp": {"OpenAI Agents SDK 0.24.0"},
    "opencode": {"OpenCode 1.18.33"},
    "pydantic-ai": {"Pydantic AI 2.68.0"},
    "qwen": {"Qwen Code 0.15.10"},
    "smolagents": {"smolagents (OpenAI SDK for Python 3.54.0)"},
}
"""Agent → what its requests are named; a side request with a prompt of its own names a library."""


@pytest.mark.parametrize("agent", KNOWN)
def test_real_agents_have_their_names(agent: str) -> None:
    if not corpus.present():
        pytest.skip(f"NOT TESTED against real agents: {corpus.MISSING}")
    cases = [case for known, case in corpus.captures() if known == agent]
    names = {turn.program for case in cases for turn in corpus.turns(agent, case)}
    assert names - {""} and names <= KNOWN[agent]
