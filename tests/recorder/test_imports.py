"""What the recorder's two processes load, and what they do not."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("kimitap.recorder", "textual deepdiff mitmproxy sqlalchemy"),
        ("kimitap.recorder.addon", "textual deepdiff sqlalchemy"),
        ("kimitap.recorder.proxy", "textual deepdiff sqlalchemy"),
        ("kimitap.recorder.writing", "textual deepdiff mitmproxy"),
    ],
)
def test_a_process_loads_no_more_than_it_needs(module: str, unwanted: str) -> None:
    code = f"import sys, {module}; print([m for m in {unwanted.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_recorders_names_can_be_imported_from_the_package() -> None:
    import kimitap.recorder as recorder

    assert all(getattr(recorder, name) is not None for name in recorder.__all__)
    with pytest.raises(AttributeError):
        recorder.nothing  # type: ignore[attr-defined]  # noqa: B018
