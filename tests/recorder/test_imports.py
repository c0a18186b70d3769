"""What the recorder's two processes load, and what they do not."""

import subprocess
import sys

import pytest

RECORDER = """
import sys
import kimitap.recorder
assert not {"mitmproxy", "sqlalchemy"} & sys.modules.keys()
import kimitap.recorder.addon, kimitap.recorder.proxy
assert not {"sqlalchemy", "textual", "deepdiff"} & sys.modules.keys()
"""
SCRIBE = """
import sys
import kimitap.recorder.writing
assert not {"mitmproxy", "textual", "deepdiff"} & sys.modules.keys()
"""


@pytest.mark.parametrize("code", [RECORDER, SCRIBE], ids=["recorder", "scribe"])
def test_a_process_loads_no_more_than_it_needs(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_recorders_names_can_be_imported_from_the_package() -> None:
    import kimitap.recorder as recorder

    assert all(getattr(recorder, name) is not None for name in recorder.__all__)
    with pytest.raises(AttributeError):
        recorder.nothing  # type: ignore[attr-defined]  # noqa: B018
