"""The workflows of docs/ci.md, run here step by step: only Docker and pip are stand-ins."""

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from kimitap.demo.upstream import Upstream
from kimitap.store import Recording
from tests.support.proxy import ROOT

DOCS = ROOT / "docs"
WORKFLOW = yaml.safe_load((DOCS / "examples" / "agent-tests.yml").read_text())
GITLAB = yaml.safe_load(re.findall(r"(?s)```yaml\n(.*?)```", (DOCS / "ci.md").read_text())[1])
SERVER = re.compile(r"http://(?:127\.0\.0\.1|llama):8080")


@pytest.fixture
def server() -> Iterator[str]:
    with Upstream() as upstream:
        yield upstream.url


class Runner:
    """A machine of a CI service: a work folder, its environment, and programs on its PATH."""

    def __init__(self, folder: Path, server: str, agent: str) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.summary = folder / "summary.md"
        self.summary.touch()
        self._server = server
        self._programs = folder / "bin"
        self._programs.mkdir()
        python = shlex.quote(sys.executable)
        self._program("kimitap", f'exec {python} -m kimitap.cli "$@"')
        self._program("pytest", f"exec {python} -m tests.support.agent_command {agent}")
        for name in ("docker", "pip", "curl"):
            self._program(name, f'echo "{name} $*" >> {shlex.quote(str(folder / "called"))}')
        self.called = folder / "called"

    def _program(self, name: str, body: str) -> None:
        path = self._programs / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)

    def run(self, script: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """A step, as both services run one: by `bash -e`."""
        return subprocess.run(
            ["bash", "-e", "-c", SERVER.sub(self._server, script)],
            cwd=self.folder,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith(("KIMITAP", "OPENAI"))},
                **env,
                "PATH": f"{self._programs}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "GITHUB_STEP_SUMMARY": str(self.summary),
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


def github(runner: Runner) -> Sequence[tuple[str, subprocess.CompletedProcess[str]]]:
    """The steps of the workflow: after one that failed only those that run always."""
    (job,) = WORKFLOW["jobs"].values()
    done: list[tuple[str, subprocess.CompletedProcess[str]]] = []
    for step in job["steps"]:
        failed = any(result.returncode for _, result in done)
        if "run" in step and (not failed or step.get("if") == "always()"):
            done.append((step["name"], runner.run(step["run"], WORKFLOW["env"])))
    return done


def uploads() -> set[str]:
    """What the workflow hands over at its end."""
    (job,) = WORKFLOW["jobs"].values()
    given: list[dict[str, Any]] = [step.get("with", {}) for step in job["steps"]]
    named = (text for one in given for key, text in one.items() if key in ("sarif_file", "path"))
    return {path for text in named for path in text.split()}


def test_a_lost_turn_fails_the_workflow_and_all_of_it_is_told(tmp_path: Path, server: str) -> None:
    runner = Runner(tmp_path, server, "lossy")
    steps = dict(github(runner))
    tested, told = steps["Test the agent, recorded"], steps["Tell what was found"]
    assert (tested.returncode, told.returncode) == (1, 0), tested.stderr + told.stderr
    assert re.search(r"(?m)^::error .*tool-turn-lost", tested.stdout)
    assert {path for path in uploads() if not (runner.folder / path).is_file()} == set()
    sarif = json.loads((runner.folder / "kimitap.sarif").read_text())
    assert "tool-turn-lost" in {result["ruleId"] for result in sarif["runs"][0]["results"]}
    assert "tool-turn-lost" in runner.summary.read_text()
    with Recording.open(str(runner.folder / "run.db")) as recording:
        assert recording.count() == 4
    called = runner.called.read_text()
    assert f"pip install {WORKFLOW['env']['KIMITAP']}" in called
    assert f"-hf {WORKFLOW['env']['MODEL']}" in called


def test_a_healthy_agent_passes_the_workflow(tmp_path: Path, server: str) -> None:
    runner = Runner(tmp_path, server, "healthy")
    assert [result.returncode for _, result in github(runner)] == [0, 0, 0, 0]
    assert "nothing wrong found" in runner.summary.read_text()


def test_gitlabs_script_leaves_the_reports_that_it_names(tmp_path: Path, server: str) -> None:
    runner = Runner(tmp_path, server, "lossy")
    job = GITLAB["agent"]
    done = runner.run("\n".join(job["script"]), {"KIMITAP": "kimitap"})
    assert done.returncode == 1
    assert (runner.folder / job["artifacts"]["paths"][0]).is_file()
    report = ET.parse(runner.folder / job["artifacts"]["reports"]["junit"]).getroot()
    assert report.tag in {"testsuites", "testsuite"}
    assert [case for case in report.iter("testcase") if case.find("failure") is not None]
