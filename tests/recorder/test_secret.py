"""The key under which credentials are digested."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kimitap.recorder.secret import digest_key


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_key_is_made_once_and_stays_for_this_user(state: Path) -> None:
    first = digest_key()
    assert len(first) == 32
    assert digest_key() == first
    code = "from kimitap.recorder.secret import digest_key as k; print(k().hex())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == first.hex()


def test_the_key_can_be_read_by_its_user_alone(state: Path) -> None:
    digest_key()
    (file,) = (state / "kimitap").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_key_that_was_cut_short_is_made_anew(state: Path) -> None:
    digest_key()
    (file,) = (state / "kimitap").iterdir()
    file.write_bytes(b"short")
    assert len(digest_key()) == 32
    assert digest_key() == digest_key()


def test_without_a_place_for_it_the_key_is_this_moments(state: Path) -> None:
    state.write_text("a file where a folder should be")
    assert len(digest_key()) == 32
    assert digest_key() != digest_key()
