from pathlib import Path

import pytest

from bench import shrinking
from bench.settings import TINY
from tests.support import corpus


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
def test_findings_of_the_corpus_get_smaller(tmp_path: Path) -> None:
    rows = shrinking.measure(TINY, tmp_path)
    assert any(row.name.endswith("bytes left ÷ before") for row in rows)
    assert all(0 < row.value < 1 for row in rows if row.unit == "×")


def test_without_a_corpus_nothing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shrinking.measure(TINY, tmp_path, tmp_path / "none") == []
    assert "no captures at" in capsys.readouterr().err
