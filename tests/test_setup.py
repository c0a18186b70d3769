"""The set-up: which Python is found, what the lock holds, what the Makefile offers."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FIND = ROOT / "scripts" / "find-python.sh"

GOOD = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
SHIM = "#!/bin/sh\necho 'this version is not active' >&2\nexit 127\n"
OLD = "#!/bin/sh\nexit 1\n"
BARE = (  # new enough, but without the parts that some distributions package apart
    f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n'
)
TOOLS = ("sh", "cat", "sort", "grep")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that is the whole PATH: the few tools the script needs, and what a test puts in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = next(
            Path(place, tool)
            for place in os.environ["PATH"].split(os.pathsep)
            if Path(place, tool).is_file()
        )
        (folder / tool).symlink_to(found)
    return folder


def put(place: Path, script: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(script)
    place.chmod(0o755)
    return place


def find(path: Path, *words: str, behind: Path | None = None) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join(map(str, filter(None, (path, behind))))
    return subprocess.run(
        [FIND, *words], env={"PATH": places}, capture_output=True, text=True, timeout=60
    )


def pyenv(path: Path, *versions: str) -> Path:
    """A pyenv on PATH that lists `versions`; returns its root."""
    root = path.parent / "py env"  # a home directory may hold blanks
    lines = "\\n".join(versions)
    put(
        path / "pyenv",
        f'#!/bin/sh\ncase "$1" in root) echo "{root}";; versions) printf "{lines}\\n";; esac\n',
    )
    return root


def test_the_newest_python_on_the_path_is_taken(path: Path) -> None:
    put(path / "python3.12", GOOD)
    newer = put(path / "python3.13", GOOD)
    put(path / "python3", GOOD)
    assert find(path).stdout == f"{newer}\n"


def test_a_candidate_that_does_not_run_is_passed_over(path: Path) -> None:
    put(path / "python3.14", SHIM)
    put(path / "python3.13", SHIM)
    works = put(path / "python3.12", GOOD)
    assert find(path).stdout == f"{works}\n"


def test_a_shim_does_not_hide_a_python_of_the_same_name(path: Path) -> None:
    behind = path.parent / "behind"
    behind.mkdir()
    put(path / "python3", SHIM)
    works = put(behind / "python3", GOOD)
    assert find(path, behind=behind).stdout == f"{works}\n"


def test_an_older_python3_is_passed_over_for_one_that_pyenv_has(path: Path) -> None:
    put(path / "python3", OLD)
    put(path / "python3.13", SHIM)
    root = pyenv(path, "2.7.18", "3.9.18", "3.12.1", "3.13.0", "3.13.0/envs/work", "pypy3.10-7.3")
    put(root / "versions" / "3.12.1" / "bin" / "python", GOOD)
    newest = put(root / "versions" / "3.13.0" / "bin" / "python", GOOD)
    put(root / "versions" / "3.9.18" / "bin" / "python", OLD)
    assert find(path).stdout == f"{newest}\n"


def test_a_broken_version_of_pyenv_is_passed_over_too(path: Path) -> None:
    root = pyenv(path, "3.12.1", "3.13.0")
    put(root / "versions" / "3.13.0" / "bin" / "python", SHIM)
    works = put(root / "versions" / "3.12.1" / "bin" / "python", GOOD)
    assert find(path).stdout == f"{works}\n"


def test_with_no_python_one_line_says_what_to_install(path: Path) -> None:
    put(path / "python3", OLD)
    result = find(path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "Python 3.12 or newer" in result.stderr
    assert "install" in result.stderr


def test_a_python_without_venv_is_named_in_one_line(path: Path) -> None:
    bare = put(path / "python3.13", BARE)
    result = find(path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"{bare} lacks venv")


def test_a_whole_python_wins_over_a_newer_one_without_venv(path: Path) -> None:
    put(path / "python3.13", BARE)
    whole = put(path / "python3.12", GOOD)
    assert find(path).stdout == f"{whole}\n"


def test_the_named_python_wins(path: Path, tmp_path: Path) -> None:
    put(path / "python3.13", GOOD)
    mine = put(tmp_path / "mine" / "python", GOOD)
    assert find(path, str(mine)).stdout == f"{mine}\n"


def test_a_named_python_that_does_not_serve_is_not_replaced_by_another(
    path: Path, tmp_path: Path
) -> None:
    put(path / "python3.13", GOOD)
    mine = put(tmp_path / "mine" / "python", OLD)
    result = find(path, str(mine))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert str(mine) in result.stderr


def test_only_the_wanted_minor_version_is_taken_when_asked(path: Path) -> None:
    put(path / "python3.13", GOOD)
    here = "{}.{}".format(*sys.version_info[:2])
    assert find(path, "--minor", here).returncode == 0
    assert find(path, "--minor", "3.99").returncode == 1


def test_make_stops_with_the_finder_s_one_line(path: Path, tmp_path: Path) -> None:
    for tool in ("make", "dirname", "env"):
        found = subprocess.run(["sh", "-c", f"command -v {tool}"], capture_output=True, text=True)
        (path / tool).symlink_to(found.stdout.strip())
    result = subprocess.run(
        ["make", "--no-print-directory", "venv", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    told, make_s_own = result.stderr.splitlines()
    assert "No Python 3.12 or newer found: install one" in told
    assert make_s_own.startswith("make: ***")
    assert not (tmp_path / "venv").exists()


def locked() -> dict[str, list[str]]:
    """Package → its lines in the lock, names as PyPI compares them."""
    lines = (ROOT / "requirements.lock").read_text().replace("\\\n", "").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            name = re.split(r"[=<>! ;\[]", line, maxsplit=1)[0]
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), []).append(line)
    return found


def test_the_lock_pins_everything_exactly_by_its_hashes_and_names_no_place() -> None:
    for lines in locked().values():
        for line in lines:
            pinned = r"[\w.-]+==[\w.!+-]+( ; [^;]+?)?( +--hash=sha256:[0-9a-f]{64})+ *"
            assert re.fullmatch(pinned, line), line
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_the_lock_covers_what_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[=<>!~ ;\[]", d)[0]).lower() for d in declared}
    assert len(names) > 10
    assert names <= set(locked())


def test_make_lists_the_doors_that_the_readme_names() -> None:
    result = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    for door in (
        "demo",
        "demo-llama",
        "test",
        "check",
        "samples",
        "screenshots",
        "bench",
        "lock",
        "audit",
    ):
        assert re.search(rf"^make {door} ", result.stdout, re.MULTILINE), door


def test_ci_fails_where_no_test_ran(tmp_path: Path) -> None:
    """`.ci/run` with a `make` that succeeds without running a test."""
    put(tmp_path / "make", "#!/bin/sh\necho '=== no tests ran in 0.01s ==='\n")
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [ROOT / ".ci" / "run"],
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1


def test_ci_passes_on_a_closing_line_that_counts_tests(tmp_path: Path) -> None:
    put(tmp_path / "make", "#!/bin/sh\necho '===== 12 passed, 1 skipped in 3.21s ====='\n")
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [ROOT / ".ci" / "run"],
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0
    assert "12 passed" in result.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing in it but the scripts, a lock and the project's metadata."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    for script in ("make-venv.sh", "find-python.sh"):
        put(folder / "scripts" / script, (ROOT / "scripts" / script).read_text())
    (folder / "requirements.lock").write_text("nothing==1.0\n")
    (folder / "pyproject.toml").write_text("[project]\n")
    return folder


def recording_python(place: Path, log: Path) -> Path:
    """A Python that makes no environment but writes down each `-m` it is asked for."""
    making = (
        f'case "$1 $2" in "-m venv") echo "$@" >>"{log}"; for d; do :; done\n'
        '  mkdir -p "$d/bin"; cp "$0" "$d/bin/python"; exit;;\n'
        f'  -m*) echo "$@" >>"{log}"; exit;; esac\n'
    )
    return put(place, f'#!/bin/sh\n{making}exec {sys.executable} "$@"\n')


def make_venv(checkout: Path, python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "make-venv.sh", ".venv", python],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_environment_is_made_once_and_made_anew_when_the_lock_changes(
    checkout: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    python = recording_python(tmp_path / "python", log)
    assert make_venv(checkout, python).returncode == 0
    first = log.read_text().splitlines()
    assert [line.split()[1] for line in first] == ["venv", "pip", "pip"]
    assert "--requirement requirements.lock" in first[1]
    assert "--no-deps --editable ." in first[2]

    again = make_venv(checkout, python)
    assert (again.returncode, again.stdout, log.read_text().splitlines()) == (0, "", first)

    (checkout / "requirements.lock").write_text("nothing==2.0\n")
    assert make_venv(checkout, python).returncode == 0
    assert len(log.read_text().splitlines()) == 2 * len(first)


def test_an_environment_whose_installation_failed_is_not_taken_for_ready(
    checkout: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    python = recording_python(tmp_path / "python", log)
    broken = python.read_text().replace("-m*) echo", "-m*) exit 1; echo")
    put(python, broken)
    assert make_venv(checkout, python).returncode != 0
    assert make_venv(checkout, python).returncode != 0


def test_another_platform_is_told_that_no_llama_server_exists_for_it(tmp_path: Path) -> None:
    put(tmp_path / "uname", '#!/bin/sh\ncase "$1" in -s) echo Darwin;; *) echo arm64;; esac\n')
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [ROOT / "scripts" / "setup-llama.sh"],
        env={**os.environ, "PATH": search, "KIMITAP_LLAMA_DIR": str(tmp_path / "llama")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 3
    assert result.stderr.startswith("no real llama-server here: ")
    assert "Darwin on arm64" in result.stderr
    assert not (tmp_path / "llama").exists()
