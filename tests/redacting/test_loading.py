"""What is heavy is loaded only where exchanges are redacted."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("room", ["kimitap.redact", "kimitap.recorder", "kimitap.cli"])
def test_a_room_that_masks_no_exchanges_loads_no_detector(room: str) -> None:
    code = f"import {room}, sys; sys.exit('detect_secrets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
