"""mitmproxy's flow files: what is written is read by mitmproxy and by our import as it was."""

import io
import subprocess
from dataclasses import replace
from pathlib import Path

from mitmproxy import http
from mitmproxy.io import FlowReader

from kimitap.exchange import Exchange, Outcome
from kimitap.recorder import import_capture
from kimitap.recorder.flow_file import write_flows
from kimitap.store import Recording
from tests.support.captured import every_kind, told
from tests.support.proxy import SCRIPT, environment, mitmdump


def written(path: Path, exchanges: list[Exchange]) -> Path:
    with path.open("wb") as file:
        assert write_flows(exchanges, file) == len(exchanges)
    return path


def as_a_flow_has_it(exchange: Exchange) -> dict[str, object]:
    """An exchange without what a flow has no place for: segments are one, at the end."""
    kept = told(exchange)
    del kept["lost_bytes"]
    size = len(exchange.response)
    assert exchange.ended_at
    seconds = (exchange.ended_at - exchange.started_at).total_seconds()
    kept["segments"] = [(round(seconds, 4), size)] if size else []
    return kept


def test_import_reads_the_same_exchanges(tmp_path: Path) -> None:
    before = every_kind()
    path, where = written(tmp_path / "x.flow", before), str(tmp_path / "x.db")
    assert import_capture(path, where).added == len(before)
    with Recording.open(where) as recording:
        after = list(recording.exchanges())
    assert [as_a_flow_has_it(a) for a in after] == [as_a_flow_has_it(b) for b in before]


def test_mitmdump_with_the_addon_reads_the_same_exchanges(tmp_path: Path) -> None:
    before = every_kind()
    path, where = written(tmp_path / "x.flow", before), str(tmp_path / "x.db")
    words = mitmdump("-n", "-q", "-r", path, "-s", SCRIPT, "--set", f"kimitap_db={where}")
    subprocess.run(words, check=True, timeout=60, env=environment(tmp_path), cwd=tmp_path)
    with Recording.open(where) as recording:
        after = list(recording.exchanges())
    assert [as_a_flow_has_it(a) for a in after] == [as_a_flow_has_it(b) for b in before]


def test_mitmproxy_shows_what_was_asked_and_answered() -> None:
    file = io.BytesIO()
    write_flows(every_kind()[:1], file)
    (flow,) = FlowReader(io.BytesIO(file.getvalue())).stream()
    assert isinstance(flow, http.HTTPFlow) and flow.response
    assert flow.request.pretty_url == "http://127.0.0.1:8080/v1/chat/completions"
    assert flow.comment == "exchange 1: complete"
    assert flow.response.json()["choices"]


def test_what_is_in_flight_is_told_as_interrupted(tmp_path: Path) -> None:
    open_one = replace(every_kind()[7], outcome=Outcome.IN_FLIGHT, ended_at=None)
    where = str(tmp_path / "x.db")
    import_capture(written(tmp_path / "x.flow", [open_one]), where)
    with Recording.open(where) as recording:
        assert recording.exchange(1).outcome is Outcome.INTERRUPTED
