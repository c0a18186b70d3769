"""Which agent sent a request, by name and version, as far as it says so itself.

Most agents name themselves in the User-Agent or in a header of their own. Others send only the name
of the library that they use: their prompt may tell who they are; if not, the library's name stays.
"""

import re
from collections.abc import Mapping, Sequence

from kimitap.conversation import Message
from kimitap.exchange import Headers

PRODUCTS = {
    "claude-cli": "Claude Code",
    "codex_cli_rs": "Codex",
    "codex_exec": "Codex",
    "codex_vscode": "Codex",
    "codex-tui": "Codex",
    "kilo-code": "Kilo Code",
    "kimi-code-cli": "Kimi Code",
    "kimicli": "kimi-cli",
    "opencode": "OpenCode",
    "pydantic-ai": "Pydantic AI",
    "qwencode": "Qwen Code",
    "roocode": "Roo Code",
}
"""The first product of a User-Agent, in lower case → the agent."""

LIBRARIES = {
    "agents/python": "OpenAI Agents SDK",
    "ai-sdk": "AI SDK",
    "anthropic/js": "Anthropic SDK for JS",
    "anthropic/python": "Anthropic SDK for Python",
    "asyncanthropic/python": "Anthropic SDK for Python",
    "asyncopenai/python": "OpenAI SDK for Python",
    "openai/js": "OpenAI SDK for JS",
    "openai/python": "OpenAI SDK for Python",
    "python-httpx": "httpx",
    "python-requests": "requests",
}
"""The same for libraries that many programs are built on; a name of two words comes before."""

PLATFORMS = {"kimi_cli": "kimi-cli", "kimi_code_cli": "Kimi Code"}
"""`x-msh-platform`; `x-msh-version` is the version."""

OWN_HEADERS = {
    "x-claude-code-session-id": "Claude Code",
    "x-qwen-code-session-id": "Qwen Code",
    "x-opencode-session": "OpenCode",
    "x-codex-window-id": "Codex",
    "x-affinity": "Mistral Vibe",
}
"""Headers that one agent alone sends."""

INTRODUCTIONS = (
    ("You are Cline,", "Cline"),
    ("You are Roo,", "Roo Code"),
    ("You are Kilo Code,", "Kilo Code"),
    ("You are OpenHands agent", "OpenHands"),
    ("You are gptme", "gptme"),
    ("operating inside pi,", "pi"),
    ("Act as an expert software developer.", "aider"),
    ("an expert assistant who can solve any task using", "smolagents"),
)
"""How prompts introduce their agents. Only asked where the headers name no more than a library."""

READ = 400
"""Characters of a prompt in which an introduction stands."""
LONGEST = 80
"""Characters of a name that is shown."""
_PRODUCT = re.compile(r"([^\s/]{1,64})(?:/([^\s/]{1,64}))?(?:/([^\s]{1,64}))?(?: ([\w.+-]{1,32}))?")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+[\w.+-]{0,16})")


def program_of(headers: Headers, messages: Sequence[Message]) -> str:
    """The agent's name and version (`OpenCode 1.18.33`); `""` where nothing tells it."""
    sent = {name.lower(): value.strip() for name, value in reversed(headers)}
    library, found = _by_user_agent(sent.get("user-agent", ""))
    if found and not library:
        return found[:LONGEST]
    named = _by_own_header(sent) or _by_prompt(messages)
    if named and _VERSION.search(named):
        return named[:LONGEST]
    return (f"{named} ({found})" if named and found else named or found)[:LONGEST]


def _by_user_agent(text: str) -> tuple[bool, str]:
    """(is it only a library, its name and version)."""
    match = _PRODUCT.match(text)
    if not match:
        return True, ""
    first, second, third, after = match.groups()
    pair = f"{first}/{second}".lower()
    if pair in LIBRARIES:
        return True, _with(LIBRARIES[pair], after or "")
    if first.lower() in LIBRARIES:
        return True, _with(LIBRARIES[first.lower()], third or second or "")
    if second in ("JS", "Python") and after:
        return True, f"{first}/{second} {after}"
    name = PRODUCTS.get(first.lower())
    return not name, _with(name or first, second or "")


def _by_own_header(sent: Mapping[str, str]) -> str:
    platform = sent.get("x-msh-platform", "")
    if platform:
        return _with(PLATFORMS.get(platform, platform), sent.get("x-msh-version", ""))
    if sent.get("x-title"):
        return sent["x-title"]
    origin = sent.get("originator", "")
    if origin:
        return PRODUCTS.get(origin.lower(), origin)
    return next((name for header, name in OWN_HEADERS.items() if header in sent), "")


def _by_prompt(messages: Sequence[Message]) -> str:
    """The agent that the first message introduces; its version where it stands right after."""
    head = messages[0].text[:READ] if messages else ""
    for words, name in INTRODUCTIONS:
        at = head.find(words)
        if at >= 0:
            version = _VERSION.match(head[at + len(words) :].lstrip())
            return _with(name, version[1] if version else "")
    return ""


def _with(name: str, version: str) -> str:
    return f"{name} {version}".strip()
