"""The scripts that install and start the real server, and our template inside it."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from kimitap.demo import history
from kimitap.demo.history import Memory, Result
from kimitap.demo.speech import Call, Speech, rendered
from kimitap.demo.tools import TOOLS
from kimitap.doctor import State
from kimitap.doctor.server import look_at_server
from tests.support.llama import SCRIPTS, install

CALL = Call("read_file", '{"path": "a.txt"}', "functions.read_file:0")
PAST = [Memory(Speech("The file first.", "I read it.", (CALL,)), (Result(CALL, "leaves"),))]

DEFAULT_SYSTEM = (  # what the template says where a request has no system message
    "<|im_system|>system<|im_middle|>"
    "You are Kimi, an AI assistant created by Moonshot AI.<|im_end|>"
)


def fetch(url: str, body: object = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
        return json.load(answer)


def test_installing_again_is_quick(llama: str) -> None:
    begun = time.monotonic()
    install()
    assert time.monotonic() - begun < 5


def test_the_server_knows_our_template_as_one_that_can_call_tools(llama: str) -> None:
    caps = fetch(f"{llama}/props")["chat_template_caps"]
    assert caps["supports_tools"]
    assert caps["supports_tool_calls"]
    assert caps["supports_parallel_tool_calls"]


@pytest.mark.parametrize("written", [history.healthy, history.r1], ids=["healthy", "r1"])
def test_the_demo_renders_a_prompt_as_the_real_template_does(
    llama: str, written: history.History
) -> None:
    request = {"messages": written(PAST), "tools": list(TOOLS)}
    prompt = fetch(f"{llama}/apply-template", request)["prompt"]
    default = (
        "<|im_system|>system<|im_middle|>You are Kimi, an AI assistant created by Moonshot AI."
    )
    assert prompt.replace(f"{default}<|im_end|>", "") == rendered(request)


def test_a_server_in_the_background_is_started_and_stopped_by_its_url(llama: str) -> None:
    script = SCRIPTS / "serve-llama.sh"
    started = subprocess.run(
        [script, "start"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120
    )
    url = started.stdout.strip()
    try:
        assert started.returncode == 0
        assert fetch(f"{url}/health") == {"status": "ok"}
    finally:
        stopped = subprocess.run([script, "stop", url], timeout=30)
    assert stopped.returncode == 0
    deadline = time.monotonic() + 15
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        while time.monotonic() < deadline:
            fetch(f"{url}/health")
            time.sleep(0.1)
    again = subprocess.run([script, "stop", url], capture_output=True, text=True, timeout=30)
    assert again.returncode == 1
    assert "no server of this script" in again.stderr


def test_the_doctor_finds_the_real_server_well(llama: str) -> None:
    checks = {check.what: check for check in look_at_server(llama)}
    assert {check.state for check in checks.values()} <= {State.GOOD, State.WARNING}
    assert checks["Server"].state is checks["Template"].state is State.GOOD
    assert {"Build", "Models", "Context"} <= checks.keys()
