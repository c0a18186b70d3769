"""The environment in which a command's agent finds the recorder instead of its server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kimitap.address import server_address
from kimitap.errors import UsageError
from kimitap.loopback import is_here

URL = "{url}"
"""What stands for the recorder's address in the words of a command and of `--env`."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable by which agents find their server: the path it ends in, and who reads it."""

    name: str
    path: str
    readers: str


VARIABLES = (
    Variable("OPENAI_BASE_URL", "/v1", "OpenAI's SDKs, Vercel's AI SDK, Qwen Code, LiteLLM"),
    Variable("OPENAI_API_BASE", "/v1", "aider, LiteLLM (mini-swe-agent, OpenHands), LangChain"),
    Variable("OPENAI_HOST", "", "goose"),
    Variable("ANTHROPIC_BASE_URL", "", "Claude Code, Anthropic's SDKs, Qwen Code"),
    Variable("ANTHROPIC_API_BASE", "", "LiteLLM"),
    Variable("ANTHROPIC_HOST", "", "goose"),
    Variable("CODEX_OSS_BASE_URL", "/v1", "codex --oss"),
    Variable("LM_STUDIO_API_BASE", "/v1", "aider and LiteLLM with lm_studio/MODEL"),
    Variable("HOSTED_VLLM_API_BASE", "/v1", "LiteLLM with hosted_vllm/MODEL"),
    Variable("OLLAMA_HOST", "", "goose and others that speak to Ollama's OpenAI endpoint"),
    Variable("OLLAMA_API_BASE", "", "aider and LiteLLM with ollama_chat/MODEL"),
)
"""Written from each agent's documentation and source. Others: `--env`."""

_KEYS = {
    "OPENAI_API_KEY": ("OPENAI_API_KEY",),
    "ANTHROPIC_API_KEY": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "LM_STUDIO_API_KEY": ("LM_STUDIO_API_KEY",),
}
"""Key → what of it being there makes it needless. SDKs do not start without one."""
_NO_KEY = "no-key"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def surroundings(
    url: str,
    upstream: str,
    current: Mapping[str, str],
    extra: Sequence[str] = (),
    leave: Iterable[str] = (),
) -> dict[str, str]:
    """The variables to set so that an agent speaks to the recorder at `url`.

    A variable that names the upstream now keeps the rest of its path. `extra` are `NAME=/path` or
    `NAME=value with {url}`, `leave` the names that stay as they are. Keys are set where none is and
    the upstream is on this machine, whose servers seldom ask for one. Proxies are told to leave
    loopback alone. Raises `UsageError` for an upstream and for an extra that is none.
    """
    found = {
        v.name: _moved(current.get(v.name, ""), upstream, url) or url + v.path for v in VARIABLES
    }
    if is_here(server_address(upstream).hostname or ""):
        found |= {key: _NO_KEY for key, known in _KEYS.items() if not any(map(current.get, known))}
    for name in ("NO_PROXY", "no_proxy"):
        found[name] = _with_loopback(current.get(name, ""))
    found |= dict(_extra(word, url) for word in extra)
    for name in leave:
        found.pop(name, None)
    return found


def filled_in(words: Iterable[str], url: str) -> list[str]:
    """The words with the recorder's address in the place of each `{url}`."""
    return [word.replace(URL, url) for word in words]


def _moved(value: str, upstream: str, url: str) -> str:
    """An address of the upstream, at the recorder instead; `""` for any other."""
    try:
        parts, server = urlsplit(value), urlsplit(upstream)
        same = (parts.scheme, parts.hostname, parts.port) == (
            server.scheme,
            server.hostname,
            server.port,
        )
    except ValueError:
        return ""
    return url + parts.path.rstrip("/") if same and parts.path.strip("/") else ""


def _with_loopback(value: str) -> str:
    """A list of hosts that no proxy is asked for, loopback among them."""
    named = [host.strip() for host in value.split(",") if host.strip()]
    if "*" in named:
        return value
    return ",".join([*named, *(host for host in _LOOPBACK if host not in named)])


def _extra(word: str, url: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if name and equals and URL in value:
        return name, value.replace(URL, url)
    if name and equals and (not value or value.startswith("/")):
        return name, url + value
    raise UsageError(f"--env {word} names no variable: say NAME=/v1, NAME= or NAME={URL}/v1")
