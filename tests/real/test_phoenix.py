"""Traces in a real collector: Arize Phoenix, where a Python that has it is named.

python -m venv /tmp/phoenix && /tmp/phoenix/bin/pip install arize-phoenix
KIMITAP_TEST_PHOENIX=/tmp/phoenix/bin/python pytest tests/real/test_phoenix.py
"""

import json
import os
import subprocess
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kimitap.cli import run
from tests.support.proxy import free_port

SAMPLE = Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db"
READY_S = 180
_QUERY = """{ projects { edges { node { traceCount spans(first: 100) { edges { node {
  name spanKind statusCode parentId tokenCountTotal attributes events { name } } } } } } } }"""


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running Phoenix."""
    python = os.environ.get("KIMITAP_TEST_PHOENIX", "")
    probe = [python, "-c", "import phoenix"]
    if not python or subprocess.run(probe, capture_output=True, check=False).returncode:
        why = "KIMITAP_TEST_PHOENIX names no Python with arize-phoenix"
        warnings.warn(f"the test against a real collector is skipped: {why}", stacklevel=1)
        pytest.skip(why)
    folder, port = tmp_path_factory.mktemp("phoenix"), free_port()
    settings = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "phoenix.server.main", "serve"],
            env={**os.environ, **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: asked(f"{url}/healthz") is not None, READY_S)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def asked(url: str, body: object = None) -> Any:
    """What the server answers; None while it does not."""
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(url, data, {"content-type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(sent, timeout=10) as answer:
            text = answer.read()
    except OSError:
        return None
    return json.loads(text) if body is not None else text


def until(question: Any, patience_s: float) -> Any:
    deadline = time.monotonic() + patience_s
    while not (answer := question()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return answer


def test_phoenix_lists_the_trace_with_its_attributes(phoenix: str) -> None:
    words = ("export", str(SAMPLE), "--format", "otlp", "--content", "--endpoint", phoenix)
    assert run(words) == 0
    assert run(words) == 0  # the same spans again: no second trace

    def project() -> Any:
        found = asked(f"{phoenix}/graphql", {"query": _QUERY})["data"]["projects"]["edges"]
        return found and found[0]["node"]["traceCount"] and found[0]["node"]

    seen = until(project, 60)
    spans = [edge["node"] for edge in seen["spans"]["edges"]]
    assert seen["traceCount"] == 1 and len(spans) == 10
    kinds = [span["spanKind"] for span in spans]
    assert (kinds.count("agent"), kinds.count("llm"), kinds.count("tool")) == (2, 4, 4)
    turns = [span for span in spans if span["spanKind"] == "llm"]
    assert all(turn["tokenCountTotal"] and turn["parentId"] for turn in turns)
    assert sorted(turn["statusCode"] for turn in turns) == ["ERROR", "ERROR", "ERROR", "UNSET"]
    told = json.loads(turns[0]["attributes"])["gen_ai"]
    assert told["request"]["model"] == "kimi-k2" and told["input"]["messages"]
    assert any(event["name"] == "kimitap.finding" for turn in turns for event in turn["events"])
