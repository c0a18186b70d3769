"""The JSON document keeps its promise."""

import json
from pathlib import Path

from kimitap.export.formats.json import json as as_json
from tests.support.checks import checked, two_threads


def test_what_programs_read_is_there(tmp_path: Path) -> None:
    document = json.loads(as_json(checked(tmp_path / "a.db", two_threads())))
    assert (document["sessions"], document["threads"], document["turns"]) == (2, 2, 4)
    assert [f["rule"] for f in document["findings"]] == ["tool-turn-lost"]
