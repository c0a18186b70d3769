"""The script is changed while mitmdump runs, which loads it anew: nothing is lost."""

import os
import shutil
import time
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Begin
from tests.support.killing import Agents, serve_agents
from tests.support.proxy import SCRIPT, Client, Proxy, Upstream, wait_for
from tests.support.recorders import MITMDUMP, stop
from tests.support.wholeness import assert_whole, by_path, ended, losses, recorded

RELOADS = 3


@pytest.fixture
def kind() -> str:
    return MITMDUMP


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A copy of the addon that may be changed; the package that it loads is the installed one."""
    script = tmp_path / "addons" / "kimitap.py"
    script.parent.mkdir()
    shutil.copy(SCRIPT, script)
    return script


def change(script: Path, proxy: Proxy, text: str | None = None) -> None:
    """Change the script, and wait until mitmdump has loaded it again."""
    before = proxy.output.count("Loading script")
    script.write_text(script.read_text() + "\n" if text is None else text)
    later = time.time() + 10 * before
    os.utime(script, (later, later))
    wait_for(lambda: proxy.output.count("Loading script") > before, "the reload", 60)


def test_reloads_while_agents_are_at_work_lose_nothing(
    begin: Begin, server: Upstream, where: Path, script: Path
) -> None:
    serve_agents(server)
    proxy = begin(server.url, where, script=script)
    agents = Agents(proxy.port, "reload")
    for _ in range(RELOADS):
        change(script, proxy)
        time.sleep(0.5)
    agents.stop()
    assert len(agents.asked) > RELOADS
    ended(where, len(agents.asked))
    output = stop(proxy)
    assert f": {len(agents.asked):,} exchanges recorded" in output
    found = by_path(where)
    for one in agents.asked:
        assert one.content == one.reply
        assert found[one.path].outcome is Outcome.COMPLETE
        assert found[one.path].request.content == one.body
        assert found[one.path].response == one.reply
    assert losses(where) == ()
    assert_whole(where)


def test_a_request_that_is_streamed_past_the_addons_keeps_its_body_over_a_reload(
    begin: Begin, server: Upstream, where: Path, script: Path
) -> None:
    body = b'{"messages":[' + b"1," * 5000 + b"1]}"
    server.on("/upload", lambda peer: peer.answer(b"%d" % len(peer.body)))
    proxy = begin(server.url, where, "--set", "stream_large_bodies=1k", script=script)
    head = f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    client = Client(proxy.port).send(head + body[:4000])
    time.sleep(0.5)
    change(script, proxy)
    client.send(body[4000:])
    client.until(b"%d" % len(body))
    assert recorded(where, "/upload").request.content == body
    client.close()
    assert "NOT recorded" not in stop(proxy)
    assert losses(where) == ()


def test_a_script_that_is_broken_for_a_moment_leaves_the_recorder_as_it_was(
    begin: Begin, server: Upstream, where: Path, script: Path
) -> None:
    whole = script.read_text()
    server.on("/before", lambda peer: peer.answer(b"before"))
    server.on("/after", lambda peer: peer.answer(b"after"))
    proxy = begin(server.url, where, script=script)
    Client(proxy.port).send(b"GET /before HTTP/1.1\r\nHost: x\r\n\r\n").until(b"before")
    change(script, proxy, "this is no Python\n")
    proxy.said("SyntaxError", 60)
    change(script, proxy, whole)
    Client(proxy.port).send(b"GET /after HTTP/1.1\r\nHost: x\r\n\r\n").until(b"after")
    found = ended(where, 2)
    stop(proxy)
    assert [exchange.response for exchange in found] == [b"before", b"after"]
    assert losses(where) == ()
    assert_whole(where)
