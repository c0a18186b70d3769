"""The JSON document keeps its promise."""

import json
from pathlib import Path

from kimitap.export.formats.json import json as as_json
from tests.support.checks import checked, two_threads


def test_what_programs_read_is_there(tmp_path: Path) -> None:
    document = json.loads(as_json(checked(tmp_path / "a.db", two_threads())))
    assert (document["sessions"], document["threads"], document["turns"]) == (2, 2, 4)
    assert [f["rule"] for f in document["findings"]] == ["tool-turn-lost"]


def test_every_reply_that_was_followed_has_an_echo(tmp_path: Path) -> None:
    document = json.loads(as_json(checked(tmp_path / "a.db", two_threads())))
    lost, kept = document["echoes"]
    assert (lost["session"], lost["thread"], lost["exchange"], lost["next"]) == ("s1", "t1", 1, 2)
    assert (lost["kind"], lost["judged"], lost["place"]) == ("blanked", True, 1)
    assert lost["words"].startswith("blanked in #2")
    assert lost["altered"] == ["text", "tool_calls[0]"]
    (call,) = lost["calls"]
    assert (call["name"], call["fate"], call["answered"]) == ("write_to_file", "gone", False)
    assert (kept["thread"], kept["kind"], kept["altered"]) == ("t3", "same", [])
    assert kept["calls"][0]["answered"] is True
