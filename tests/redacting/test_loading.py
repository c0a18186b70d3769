"""What is heavy is loaded only where exchanges are redacted."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("room", ["kimitap.redact", "kimitap.recorder", "kimitap.cli"])
def test_a_room_that_masks_no_exchanges_loads_no_detector(room: str) -> None:
    code = f"import {room}, sys; sys.exit('detect_secrets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("room", ["kimitap.redact", "kimitap.recorder", "kimitap.cli"])
def test_a_room_that_may_mask_nothing_compiles_no_pattern(room: str) -> None:
    code = f"import {room}, sys; sys.exit('kimitap.redact.patterns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "text",
    ["nothing", "mail kim@example.org, in /home/kim: SK, AC, aws, gl-1. ibm", "call_aB3dE5f"],
)
def test_a_text_in_which_no_plugin_would_find_anything_loads_none(text: str) -> None:
    code = "import sys; from kimitap.redact import mask_text; print(mask_text(sys.argv[1]), end='')"
    code += "; sys.exit('detect_secrets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, text], check=False, capture_output=True)
    assert done.returncode == 0
    assert b"kim@" not in done.stdout


def test_a_check_without_secrets_loads_no_detector() -> None:
    sample = str(Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db")
    code = "import sys; from kimitap.cli import run; run(['check', sys.argv[1]])"
    code += "; sys.exit('detect_secrets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, sample], check=False, capture_output=True)
    assert b"tool-turn-lost" in done.stdout
    assert done.returncode == 0
