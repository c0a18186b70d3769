"""Agents' settings that would pass the recorder by: variables, and files of their own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from kimitap.doctor import editors
from kimitap.doctor.check import Check, good, warning
from kimitap.loopback import is_here
from kimitap.running import VARIABLES
from kimitap.visible import one_line

MOST_READ = 4 << 20
HOME_FILES = (
    ".codex/config.toml",
    ".config/opencode/opencode.json",
    ".config/opencode/opencode.jsonc",
    ".aider.conf.yml",
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".qwen/settings.json",
    ".config/goose/config.yaml",
    ".continue/config.yaml",
    ".continue/config.json",
    ".config/crush/crush.json",
    ".cline/data/globalState.json",
    ".config/zed/settings.json",
    ".config/io.datasette.llm/extra-openai-models.yaml",
)
PROJECT_FILES = (
    "opencode.json",
    "opencode.jsonc",
    ".aider.conf.yml",
    ".env",
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".qwen/settings.json",
    ".codex/config.toml",
    "crush.json",
)
"""Where agents keep their settings, below the user's home and below the current folder."""
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_HERE = ("127.0.0.1", "localhost", "::1")


def look_at_clients(
    upstream: str, proxy: str, environment: Mapping[str, str], home: Path, here: Path
) -> Iterator[Check]:
    """What names the `upstream` itself, where it should name the `proxy` (both `http://host:port`).

    Only names of files, lines and variables are told, never a line's text: it may hold a key.
    """
    found = [
        *_variables(upstream, environment),
        *_files(upstream, home, here),
        *editors.that_name(lambda text: _names(text, upstream), home),
    ]
    for where in found:
        yield warning(
            "Bypass",
            f"{where} names the server itself: what is sent there is not recorded",
            f"say {proxy} there, while you record",
        )
    if not found:
        yield good("Agents", "no setting that I know names the server itself")
    if editors.roo_is_there(home):
        yield good("Roo Code", f"keeps its settings encrypted: look there that {proxy}/v1 is named")
    yield from _proxy_variables(upstream, environment)


def _variables(upstream: str, environment: Mapping[str, str]) -> Iterator[str]:
    for variable in VARIABLES:
        if _names(environment.get(variable.name, ""), upstream):
            yield f"the variable {variable.name}"


def _files(upstream: str, home: Path, here: Path) -> Iterator[str]:
    paths = [*(home / name for name in HOME_FILES), *(here / name for name in PROJECT_FILES)]
    for path in dict.fromkeys(paths):
        try:
            text = path.read_bytes()[:MOST_READ].decode("utf-8", "replace")
        except OSError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if _names(line, upstream):
                yield f"{one_line(str(path), 200)}, line {number},"
                break


def _names(text: str, upstream: str) -> bool:
    """Whether a text holds the address of the upstream, under any of a loopback's names."""
    parts = urlsplit(upstream)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    hosts = _HERE if is_here(parts.hostname or "") else (parts.hostname or "",)
    spelt = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts]
    return any(_ends(text, address) for address in spelt)


def _ends(text: str, address: str) -> bool:
    """Whether the address stands in the text, and no longer number begins with its port."""
    at = text.find(address)
    while at >= 0:
        if not text[at + len(address) :][:1].isdigit():
            return True
        at = text.find(address, at + 1)
    return False


def _proxy_variables(upstream: str, environment: Mapping[str, str]) -> Iterator[Check]:
    """A proxy for all traffic also takes what is meant for this machine, unless told not to."""
    named = next((name for name in _PROXIES if environment.get(name)), None)
    spared = environment.get("NO_PROXY", environment.get("no_proxy", ""))
    if named and not any(host in spared for host in ("127.0.0.1", "localhost", "*")):
        yield warning(
            "Proxy",
            f"{named} is set, and NO_PROXY spares no loopback: agents may send there what is meant "
            "for this machine",
            "set NO_PROXY=127.0.0.1,localhost",
        )
