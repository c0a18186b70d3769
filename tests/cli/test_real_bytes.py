"""Real servers' and real agents' bytes go through import, check and show without a traceback."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from mitmproxy import http, io
from mitmproxy.test import tflow

from kimitap.cli import run
from kimitap.exchange import Exchange
from tests.support import corpus
from tests.support.wire import IK, MAINLINE, load, names


def as_flow(exchange: Exchange) -> http.HTTPFlow:
    """The exchange as mitmproxy would have captured it."""
    began = exchange.started_at.timestamp()
    fields = [(k.encode(), v.encode("latin-1")) for k, v in exchange.request_headers]
    flow = tflow.tflow(
        req=http.Request(
            exchange.host, exchange.port, exchange.method.encode(), b"http", b"",
            exchange.path.encode(), b"HTTP/1.1", http.Headers(fields),
            exchange.request.content, None, began, began,
        )
    )  # fmt: skip
    if exchange.status is not None:
        fields = [(k.encode(), v.encode("latin-1")) for k, v in exchange.response_headers]
        flow.response = http.Response(
            b"HTTP/1.1", exchange.status, exchange.reason.encode(), http.Headers(fields),
            exchange.response, None, began, began + 1,
        )  # fmt: skip
    return flow


def commands(where: Path, captures: Sequence[Path], capsys: pytest.CaptureFixture[str]) -> str:
    """Import, check and show; what was printed, after looking for failures."""
    assert run(["import", *map(str, captures), "--db", str(where)]) == 0
    assert run(["check", str(where), "--fail-on", "never"]) == 0
    assert run(["check", str(where), "--json"]) in (0, 1)
    assert run(["show", str(where)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "Traceback" not in said.out
    return said.out


@pytest.mark.parametrize("folder", [MAINLINE, IK], ids=["llama.cpp", "ik_llama.cpp"])
def test_every_pair_of_a_real_server_goes_through(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "server.flow"
    pairs = [load(name, folder) for name in names(folder)]
    with capture.open("wb") as file:
        writer = io.FlowWriter(file)
        for pair in pairs:
            writer.add(as_flow(pair))
    said = commands(tmp_path / "server.db", [capture], capsys)
    assert f"{len(pairs)} added" in said
    assert len(pairs) > 80
    for number in range(1, len(pairs) + 1):
        assert run(["show", str(tmp_path / "server.db"), str(number)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
@pytest.mark.parametrize("agent", sorted({agent for agent, _ in corpus.captures()}))
def test_every_capture_of_a_real_agent_goes_through(
    agent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [corpus.CORPUS / a / f"{case}.flow.xz" for a, case in corpus.captures() if a == agent]
    said = commands(tmp_path / "agent.db", cases, capsys)
    imported = said.splitlines()[: len(cases)]
    assert all(re.fullmatch(r"\S+: [1-9]\d* added to .*, 0 already there", x) for x in imported)


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
def test_the_same_capture_again_adds_nothing_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent, case = corpus.captures()[0]
    words = ["import", str(corpus.CORPUS / agent / f"{case}.flow.xz"), "--db", str(tmp_path / "a")]
    assert run(words) == 0
    capsys.readouterr()
    assert run(words) == 0
    assert " 0 added to " in capsys.readouterr().out


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
def test_a_session_of_claude_code_reads_as_one_of_chat_completions_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = str(tmp_path / "claude.db")
    said = commands(Path(where), [corpus.CORPUS / "claude" / "kimi.flow.xz"], capsys)
    assert "error:" not in said and "warning:" not in said
    for seen in ("SYS ", "(thinks)", "Read(file_path=", "◂──  Read"):
        assert seen in said
    for unseen in ("finish:", "UNREADABLE", "CUT", "LOST"):
        assert unseen not in said
    assert run(["diff", where, "3"]) == 0
    report = capsys.readouterr().out
    assert "| `/v1/messages?beta=true (streamed)` |" in report
    assert "| API | `anthropic-messages` |" in report
    assert "repeats 7, changes 0 and drops 0; it adds 1." in report
    assert "message 7 (on the wire in entry 5)" in report


def test_a_capture_without_bodies_is_said_to_lack_them_and_blames_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = as_flow(load("chat_stream", MAINLINE))
    assert flow.response is not None
    flow.request.raw_content = flow.response.raw_content = None
    capture = tmp_path / "streamed.flow"
    with capture.open("wb") as file:
        io.FlowWriter(file).add(flow)
    said = commands(tmp_path / "streamed.db", [capture], capsys)
    assert "1 of them without their bodies" in said
    assert "nothing wrong found" in said
    assert "a part of the answer is not recorded" in said
