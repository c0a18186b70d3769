"""One clock for all pictures: UTC, and a text cursor that does not blink."""

import time

import pytest
from textual.widgets import Input


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
