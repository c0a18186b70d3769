"""The command line, as tests of what it reads and writes use it."""

from pathlib import Path

import pytest

from tests.support.commands import Command, command


@pytest.fixture
def kimitap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run a command in the test's own folder."""
    monkeypatch.delenv("KIMITAP_DB", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return command(tmp_path, capsys)
