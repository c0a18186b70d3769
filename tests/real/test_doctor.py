"""`kimitap doctor` before a real llama-server: what is well, and a template without tools."""

import re
from pathlib import Path

import pytest

from kimitap.cli import run
from tests.support.llama import serve
from tests.support.proxy import free_port

TOOLLESS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without settings, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "KIMITAP_DB"):
        monkeypatch.delenv(name, raising=False)


def told(server: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """The status, and of each check its mark and what was said, with what to do."""
    listen = f"127.0.0.1:{free_port()}"
    status = run(["doctor", "--upstream", server, "--listen", listen])
    found: dict[str, str] = {}
    last = ""
    for line in capsys.readouterr().out.splitlines():
        if head := re.match(r"([✓!✗]) (\S+(?: \S+)?) +(.*)", line):
            last = head[2].split()[0]
            found[last] = f"{head[1]} {line.partition(last)[2].strip()}"
        elif "→" in line:
            found[last] += f" {line.strip()}"
    return status, found


def test_a_real_server_is_found_well_and_a_live_request_is_recorded(
    llama: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = told(llama, capsys)
    assert status == 0
    for what in ("Python", "Packages", "Port", "Server", "Build", "Template", "Models", "Agents"):
        assert found[what].startswith("✓"), found[what]
    assert "a live request came through and was recorded" in found["Recorder"]


def test_a_real_server_whose_template_has_no_tools_is_told(
    llama: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "plain.jinja"
    template.write_text(TOOLLESS)
    with serve(tmp_path / "server.log", "--chat-template-file", str(template)) as server:
        status, found = told(server, capsys)
    assert status == 0
    assert found["Template"].startswith("! has no place for tools")
    assert "→ start llama-server with --jinja and a --chat-template-file" in found["Template"]
