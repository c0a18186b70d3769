"""One clock for all pictures, a text cursor that does not blink, a folder for what is written."""

import time
from pathlib import Path

import pytest
from textual.widgets import Input


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
