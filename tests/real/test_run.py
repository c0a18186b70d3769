"""`kimitap run` of real agents from PyPI before the real llama-server.

llm is installed where it is missing; mini-swe-agent, which takes 720 MB, only by
`scripts/setup-agent.sh mini-swe-agent`.
"""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.demo.speech import Call, Speech, spelled
from kimitap.store import Recording
from tests.support.agents import NoAgent, install, installed
from tests.support.openai_agent import END

NAMED = ("KIMITAP", "OPENAI", "ANTHROPIC", "LLM_", "MSWEA")


def agent(name: str) -> Path:
    """The folder of its commands; the test is skipped, and says so, where it cannot be had."""
    try:
        return install(name)
    except NoAgent as reason:
        warnings.warn(f"the test with the real agent {name} is skipped: {reason}", stacklevel=1)
        pytest.skip(str(reason))


def behind(
    llama: str, where: Path, command: list[str], home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command as `kimitap run` runs it, in a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NAMED)}
    words = ["run", "--upstream", llama, "--db", str(where), "--"]
    return subprocess.run(
        [sys.executable, "-m", "kimitap.cli", *words, *command],
        cwd=home,
        env={**kept, "HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def read(where: Path) -> Analysis:
    with Recording.open(str(where)) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
    return analysis


def test_llm_finds_the_recorder_by_its_environment(llama: str, tmp_path: Path) -> None:
    llm, where = agent("llm") / "llm", tmp_path / "llm.db"
    asks = ["-m", "gpt-4o-mini", "--no-log", "-o", "max_tokens", "20", "Say hello."]
    done = behind(llama, where, [str(llm), *asks], tmp_path)
    assert done.returncode == 0, done.stderr
    analysis = read(where)
    (turn,) = analysis.turns.values()
    assert turn.messages[-1].text == "Say hello."
    assert turn.reply.message.text.strip() == done.stdout.strip()
    assert "1 session, 1 thread, 1 turn" in done.stderr


@pytest.mark.skipif(
    not installed("mini-swe-agent"),
    reason="takes 720 MB: scripts/setup-agent.sh mini-swe-agent installs it",
)
def test_mini_swe_agent_runs_a_tool_and_gives_the_turn_back(llama: str, tmp_path: Path) -> None:
    mini, where = agent("mini-swe-agent") / "mini", tmp_path / "mini.db"
    command = "test -f note.txt && echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT || echo tea >note.txt"
    call = Call("bash", json.dumps({"command": command}), "functions.bash:0")
    speech = spelled(Speech("I look first.", "I make the note.", (call,)))
    extra = {"chat_template_kwargs": {"suffix": speech}, "logit_bias": END}
    kwargs = {"temperature": 0, "max_tokens": 64, "extra_body": extra}
    settings = {"model": {"cost_tracking": "ignore_errors", "model_kwargs": kwargs}}
    (tmp_path / "settings.yaml").write_text(json.dumps(settings))
    asks = ["-y", "--exit-immediately", "-c", "mini.yaml", "-c", "settings.yaml"]
    asks += ["-m", "openai/kimi-k2", "-t", "Write tea into note.txt.", "-o", "trajectory.json"]
    done = behind(
        llama,
        where,
        [str(mini), *asks],
        tmp_path,
        MSWEA_CONFIGURED="true",
        MSWEA_GLOBAL_CONFIG_DIR=str(tmp_path / "mini"),
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "note.txt").read_text() == "tea\n"
    (thread,) = read(where).threads
    first, second = thread.turns
    assert [call.name for call in first.reply.message.tool_calls] == ["bash"]
    assert second.messages[-1].role == "tool"
    assert "reused-tool-call-id" in done.stderr  # the scripted model says the same id again
    assert "1 session, 1 thread, 2 turns: 1 warning" in done.stderr
