"""The house's floors as data: which room may import which (see the table in the design)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kimitap"

VALUES = {"errors", "exchange", "conversation", "lineage", "visible", "places"}
FLOORS: dict[str, set[str]] = {
    "errors": set(),
    "visible": set(),
    "rewrites": set(),
    "places": {"errors"},
    "recipes": set(),
    "loopback": set(),
    "address": {"errors", "visible"},
    "lazily": set(),
    "beginnings": set(),
    "uncollected": set(),
    "amounts": {"errors"},
    "exchange": {"errors"},
    "canonical": set(),
    "conversation": {"exchange", "canonical"},
    "lineage": {"conversation"},
    "redact": {"exchange", "loopback"},
    "redacting": {"exchange", "redact", "dialects", "rewrites", "rules", "weave"},
    "store": {"amounts", "beginnings", "errors", "exchange", "lazily"},
    "recorder": {"amounts", "errors", "exchange", "redact", "store"},
    "sse": set(),
    "dialects": {"errors", "exchange", "conversation", "sse"},
    "wire": {"exchange", "dialects", "sse"},
    "weave": {"conversation", "lineage", "rewrites"},
    "prompt": {"conversation", "visible"},
    "asking": {"loopback", "address", "errors", "conversation", "lineage", "rules", "visible"},
    "rules": {"conversation", "lineage", "exchange", "visible", "rewrites", "prompt", "lazily"},
    "diff": {"beginnings", "conversation", "lineage", "visible", "weave"},
    "transcript": {"conversation", "lineage", "exchange", "rules", "visible"},
    "export": {"conversation", "lineage", "exchange", "rules", "diff", "redact", "visible"}
    | {"transcript", "prompt", "beginnings"},
    "analysis": VALUES | {"store", "dialects", "weave", "rules", "uncollected"},
    "comparison": VALUES | {"analysis", "diff"},
    "report": VALUES | {"analysis", "comparison", "diff", "export", "rules"},
    "belief": VALUES | {"dialects", "weave", "rules", "redact"},
    "interchange": VALUES | {"loopback", "redact", "store", "dialects", "wire", "weave", "rules"},
    "replay": VALUES | {"loopback", "address", "store", "recorder", "redact", "dialects", "rules"},
    "serving": VALUES | {"analysis", "beginnings", "dialects", "diff", "redact", "weave", "web"},
    "evidence": VALUES
    | {"analysis", "report", "store", "diff", "export", "redact", "redacting", "rules", "shrink"}
    | {"transcript", "weave", "interchange"},
    "settings": {"errors", "rules"},
    "shrink": VALUES | {"store", "dialects", "weave", "rules", "uncollected"},
    "tui": VALUES
    | {"analysis", "comparison", "report", "diff", "export", "rules", "transcript", "store"}
    | {"asking", "prompt", "wire", "replay", "evidence", "redact"},
    "demo": set(),
    "web": {"errors", "visible"},
    "running": VALUES | {"loopback", "address", "store", "recorder", "analysis", "rules"},
    "pytest_plugin": VALUES | {"store", "analysis", "rules", "export", "settings", "running"},
    "doctor": {"loopback", "errors", "visible", "running", "store"},
    "__main__": {"cli"},
    "cli": VALUES
    | {"store", "recorder", "analysis", "rules", "diff", "transcript", "export", "tui", "demo"}
    | {"report", "recipes", "settings", "asking", "prompt", "web", "doctor", "running"}
    | {"comparison"}
    | {"amounts"}
    | {"shrink"}
    | {"redact", "redacting", "interchange", "belief"}
    | {"replay", "serving"}
    | {"evidence"},
}
"""Room → the rooms it may know. `tui` opens the recording that it shows, hence `store`."""

OWNERS = {
    "sqlmodel": {"store"},
    "sqlalchemy": {"store"},
    "mitmproxy": {"recorder"},
    "textual": {"tui"},
    "deepdiff": {"diff"},
    "detect_secrets": {"redact"},
    "textual_serve": {"web"},
    "aiohttp": {"web", "replay", "serving"},
    "opentelemetry": {"interchange"},
    "jinja2": {"export"},
    "markupsafe": {"export"},
}
"""Library → the only rooms that may import it."""


def imports() -> Iterator[tuple[str, str, str]]:
    """(room, imported module, file:line) for every import of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                if node.module == "kimitap":
                    names = [f"kimitap.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                yield parts[0], name, f"{'/'.join(parts)}.py:{node.lineno}"


def test_no_room_knows_a_room_above_it() -> None:
    seen = 0
    for room, name, where in imports():
        parts = name.split(".")
        if parts[0] != "kimitap" or room == "__init__":
            continue
        target = parts[1] if len(parts) > 1 else "__version__"
        if target in {room, "__version__"} or not (
            (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").is_file()
        ):
            continue
        seen += 1
        assert target in FLOORS[room], f"{where}: {room} must not import {target}"
    assert seen > 20


def test_a_library_is_imported_only_by_its_room() -> None:
    for room, name, where in imports():
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or room in owners, f"{where}: only {owners} may import {name}"


def test_every_room_stands_in_the_table() -> None:
    rooms = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("library", ["textual", "textual_serve", "aiohttp"])
def test_the_command_line_loads_screens_and_server_only_where_they_are_asked_for(
    library: str,
) -> None:
    code = f"import kimitap.cli, sys; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("library", ["textual", "deepdiff"])
def test_the_recorder_loads_no_screens_and_no_diff(library: str) -> None:
    code = f"import kimitap.recorder, sys; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_stays_small_enough_to_read() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 360, path
