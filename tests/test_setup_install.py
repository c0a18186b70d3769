"""The package as `pip install .` leaves it, used outside the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMAND = (
    "import sys, kimitap; assert kimitap.__file__.startswith(sys.argv.pop(1)), kimitap.__file__; "
    "from kimitap.cli import main; main()"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed package; its dependencies are those of the test run."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--target", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return folder


def kimitap(installed: Path, cwd: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the installed `kimitap` in `cwd`, with no other one in reach."""
    return subprocess.run(
        [sys.executable, "-P", "-c", COMMAND, installed, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_reads_a_recording_outside_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    result = kimitap(installed, tmp_path, "check", ROOT / "sessions" / "lost-tool-turn.db")
    assert (result.returncode, result.stderr) == (1, "")
    assert "tool-turn-lost" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_demo_finds_its_addon_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    play = (
        "import sys, kimitap.demo as d; assert d.__file__.startswith(sys.argv[1]);"
        "print([p.turns for p in d.run('demo.db', str, tokens_per_s=0)])"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", play, installed],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.stdout, result.stderr) == ("[5, 4]\n", "")
    checked = kimitap(installed, tmp_path, "check", "demo.db")
    assert "tool-turn-lost" in checked.stdout


def test_the_package_brings_its_command(installed: Path) -> None:
    [declared] = installed.glob("kimitap-*.dist-info/entry_points.txt")
    assert "kimitap = kimitap.cli:main" in declared.read_text()
