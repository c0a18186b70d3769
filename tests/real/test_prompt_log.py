"""The prompts that a real llama-server logs, beside the requests that led to them."""

import json
import urllib.request
from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.interchange.incoming import adding, detect
from kimitap.store import Recording
from tests.support.llama import NoLlama, install, serve

CHAT = {"messages": [{"role": "user", "content": "Say é."}], "max_tokens": 4}


def test_what_the_server_logged_is_imported(tmp_path: Path) -> None:
    try:
        install()
    except NoLlama as reason:
        pytest.skip(str(reason))
    folder = tmp_path / "prompts"
    folder.mkdir()
    with serve(tmp_path / "server.log", "--log-prompts-dir", str(folder)) as url:
        for path, body in (("/v1/chat/completions", CHAT), ("/v1/completions", {"prompt": "once"})):
            sent = json.dumps({"max_tokens": 4} | body).encode()
            kind = {"content-type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(url + path, sent, kind)).read()
    kind_found = detect.kind_of(folder)
    done = adding.add(folder, str(tmp_path / "x.db"), b"a key for tests", kind_found)
    assert (kind_found, done.added, done.left_out) == ("llama-prompts", 2, 0)
    with Recording.open(str(tmp_path / "x.db")) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
    first, second = (turn.messages[0].text for turn in analysis.turns.values())
    assert "Say é." in first and first.endswith("<|im_middle|>")
    assert second == "once"
    assert analysis.findings == ()
