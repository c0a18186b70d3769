"""HAR 1.2: what is written against its schema, mitmproxy's reader and our own; browsers' files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft6Validator
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader
from referencing import Registry, Resource

from kimitap.errors import CaptureError
from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Exchange, Outcome
from kimitap.interchange.incoming import har as incoming
from kimitap.interchange.incoming.record import LeftOut
from kimitap.interchange.outgoing.har import entry, har
from kimitap.recorder.flow_file import flow_of
from kimitap.wire import request_body, response_body
from tests.support.captured import every_kind, told

SCHEMAS = Path(__file__).parent / "har-schema"
KEY = b"a key for tests"


def written(path: Path, exchanges: list[Exchange]) -> Path:
    path.write_text("".join(har(exchanges)), encoding="utf-8")
    return path


def read(path: Path) -> list[Exchange]:
    found = list(incoming.read(path, KEY))
    assert all(isinstance(one, Exchange) for one in found), found
    return [one for one in found if isinstance(one, Exchange)]


def browser(path: Path, *entries: Mapping[str, Any]) -> Path:
    """A HAR as a browser writes one."""
    value = {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}}}
    path.write_text(json.dumps({"log": {**value["log"], "entries": list(entries)}}))
    return path


def asked(**changes: Any) -> dict[str, Any]:
    """An entry of Chrome's for a chat over HTTP/2."""
    request = {
        "method": "POST",
        "url": "https://api.example/v1/chat/completions?a=1",
        "httpVersion": "http/2.0",
        "headers": [
            {"name": ":authority", "value": "api.example"},
            {"name": ":path", "value": "/v1/chat/completions"},
            {"name": "authorization", "value": "Bearer planted-secret-1"},
            {"name": "content-type", "value": "application/json"},
        ],
        "bodySize": 15,
        "postData": {"mimeType": "application/json", "text": '{"messages":[]}'},
    }
    response = {
        "status": 200,
        "statusText": "",
        "httpVersion": "http/2.0",
        "headers": [
            {"name": "content-encoding", "value": "br"},
            {"name": "content-type", "value": "application/json"},
        ],
        "content": {"size": 14, "mimeType": "application/json", "text": '{"choices":[]}'},
        "bodySize": -1,
        "_transferSize": 321,
        "_error": None,
    }
    return {
        "startedDateTime": "2026-05-01T10:00:00.250Z",
        "time": 1500.5,
        "connection": "4711",
        "request": {**request, **changes.get("request", {})},
        "response": {**response, **changes.get("response", {})},
        "cache": {},
        "timings": {"blocked": 10, "dns": -1, "send": 0.5, "wait": 989.5, "receive": 500.5},
    }


def test_a_har_fits_the_schema_of_har_1_2(tmp_path: Path) -> None:
    value = json.loads(written(tmp_path / "x.har", every_kind()).read_text())
    named = {p.name: json.loads(p.read_text()) for p in SCHEMAS.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in named.items()
    )
    checker = Draft6Validator.FORMAT_CHECKER
    validator = Draft6Validator(named["har.json"], registry=registry, format_checker=checker)
    assert [error.message for error in validator.iter_errors(value)] == []
    assert len(value["log"]["entries"]) == len(every_kind())
    del value["log"]["entries"][0]["request"]["method"]
    assert list(validator.iter_errors(value)), "the schema was not looked into"


def test_our_own_import_gives_the_same_exchanges(tmp_path: Path) -> None:
    before = every_kind()
    after = read(written(tmp_path / "x.har", before))
    assert [told(one) for one in after] == [told(one) for one in before]


def test_mitmproxys_own_reader_gives_the_same_bodies(tmp_path: Path) -> None:
    before = [one for one in every_kind() if one.status and "octet" not in str(one.request_headers)]
    with written(tmp_path / "x.har", before).open("rb") as file:
        flows = list(FlowReader(file).stream())
    for one, flow in zip(before, flows, strict=True):
        assert isinstance(flow, HTTPFlow) and flow.response
        assert flow.request.raw_content == request_body(one).data
        assert flow.response.raw_content == response_body(one).data, one.number
        assert flow.response.status_code == one.status
        assert flow.request.path == one.path


def test_a_stream_is_text_that_a_browser_shows() -> None:
    streamed = every_kind()[1]
    content: Any = entry(streamed)["response"]
    assert content["content"]["text"] == streamed.response.decode()
    assert "Grüße" in content["content"]["text"]


def test_a_browsers_tools_find_what_they_need() -> None:
    for exchange in every_kind():
        made: Any = entry(exchange)
        timings = made["timings"]
        assert set(timings) == {"send", "wait", "receive"}
        assert all(ms >= 0 for ms in timings.values())
        assert made["time"] == pytest.approx(sum(timings.values()))
        assert made["startedDateTime"].endswith("Z")
        assert made["request"]["url"].startswith("http://")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what mitmproxy's addons load
def test_what_mitmproxy_saved_is_read(tmp_path: Path) -> None:
    from mitmproxy.addons.savehar import SaveHar

    before = [one for one in every_kind() if ":" not in one.host]  # mitmproxy writes no [::1]
    path = tmp_path / "x.har"
    path.write_text(json.dumps(SaveHar().make_har([flow_of(one) for one in before])))
    for old, new in zip(before, read(path), strict=True):
        assert request_body(new).data == request_body(old).data, old.number
        assert response_body(new).data == response_body(old).data, old.number
        assert new.status == old.status
        assert (new.outcome is Outcome.REFUSED) == (old.outcome is Outcome.REFUSED)


def test_half_of_a_surrogate_pair_does_no_harm(tmp_path: Path) -> None:
    value = asked(request={"postData": {"text": "cut \ud83d", "mimeType": "text/plain"}})
    (one,) = read(browser(tmp_path / "x.har", value))
    assert one.request.content == "cut \ud83d".encode("utf-8", "surrogatepass")


def test_what_a_browser_saved_is_read(tmp_path: Path) -> None:
    (one,) = read(browser(tmp_path / "chrome.har", asked()))
    assert (one.scheme, one.host, one.port) == ("https", "api.example", 443)
    assert (one.method, one.path) == ("POST", "/v1/chat/completions?a=1")
    assert one.http_version == "HTTP/2.0"
    assert one.request.content == b'{"messages":[]}'
    assert one.response == b'{"choices":[]}'
    assert (one.status, one.outcome) == (200, Outcome.COMPLETE)
    assert one.headers_at and one.ended_at
    assert (one.headers_at - one.started_at).total_seconds() == pytest.approx(1.0)
    assert (one.ended_at - one.started_at).total_seconds() == pytest.approx(1.5005)


def test_pseudo_headers_and_the_undone_encoding_are_left_out(tmp_path: Path) -> None:
    (one,) = read(browser(tmp_path / "chrome.har", asked()))
    assert [name for name, _ in one.request_headers] == ["authorization", "content-type"]
    assert [name for name, _ in one.response_headers] == ["content-type"]
    assert response_body(one).trouble == ""


def test_credentials_are_masked_on_their_way_in(tmp_path: Path) -> None:
    value = asked(request={"url": "https://api.example/v1?key=planted-secret-2"})
    (one,) = read(browser(tmp_path / "chrome.har", value))
    assert "planted-secret" not in repr(one)
    assert "[masked:" in one.request_headers[0][1] and "[masked:" in one.path


def test_a_body_that_the_browser_left_out_is_said_to_be_missing(tmp_path: Path) -> None:
    lost = asked(response={"content": {"size": 5000, "mimeType": "image/png"}})
    unsent = asked(request={"postData": None, "bodySize": 40})
    one, other = read(browser(tmp_path / "firefox.har", lost, unsent))
    assert one.detail == NO_RESPONSE and one.lost_bytes == 5000 and one.response == b""
    assert other.detail == NO_REQUEST


def test_base64_is_undone_whatever_the_type(tmp_path: Path) -> None:
    content = {"size": 3, "mimeType": "image/png", "text": "/wCA", "encoding": "base64"}
    (one,) = read(browser(tmp_path / "x.har", asked(response={"content": content})))
    assert one.response == b"\xff\x00\x80"


def test_what_is_no_base64_is_kept_as_it_stands_and_said(tmp_path: Path) -> None:
    posted = {"postData": {"text": "half of it=", "encoding": "base64", "mimeType": "x/y"}}
    content = {"size": 3, "mimeType": "image/png", "text": "!", "encoding": "base64"}
    one, other = read(
        browser(tmp_path / "x.har", asked(request=posted), asked(response={"content": content}))
    )
    assert one.request.content == b"half of it="
    assert one.detail == "the request's body is said to be base64, and is none: kept as it stands"
    assert other.response == b"!" and "the response's body is said to be base64" in other.detail


def test_bytes_of_the_wire_that_are_no_base64_give_way_to_the_text_and_it_is_said(
    tmp_path: Path,
) -> None:
    own = {"outcome": "complete", "detail": "seen", "request": "%", "response": "%"}
    value = {**asked(request={"postData": {"text": "{}"}}), "_kimitap": own}
    (one,) = read(browser(tmp_path / "x.har", value))
    assert one.request.content == b"{}" and one.response
    assert one.detail.startswith("seen; the request's bytes in _kimitap are no base64")


def test_a_request_that_failed_has_no_response(tmp_path: Path) -> None:
    refused = asked(response={"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"})
    aborted = asked(response={"status": 0, "_error": "net::ERR_ABORTED"})
    blocked = asked(response={"status": 0, "_error": "net::ERR_BLOCKED_BY_CLIENT"})
    found = read(browser(tmp_path / "x.har", refused, aborted, blocked))
    outcomes = [Outcome.REFUSED, Outcome.CLIENT_HUNG_UP, Outcome.INTERRUPTED]
    assert [one.outcome for one in found] == outcomes
    assert all(one.status is None for one in found)
    assert found[2].detail == "net::ERR_BLOCKED_BY_CLIENT"


def test_the_same_entry_has_the_same_origin_each_time(tmp_path: Path) -> None:
    first, second = asked(), asked(request={"postData": {"text": '{"messages":[1]}'}})
    path = browser(tmp_path / "x.har", first, first, second)
    origins = [one.origin for one in read(path)]
    assert origins[0] == origins[1] != origins[2]
    assert origins == [one.origin for one in read(path)]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"request": {"url": "chrome-extension://x/y"}}, "its URL is none of http or https"),
        ({"request": {"url": "http://[::1"}}, "its URL is none"),
        ({"response": {"status": 77}}, "its status is 77"),
    ],
)
def test_an_entry_that_cannot_be_read_is_left_out_by_name(
    tmp_path: Path, broken: Mapping[str, Any], why: str
) -> None:
    path = browser(tmp_path / "x.har", asked(), asked(**broken), asked(request={"method": "PUT"}))
    one, out, other = incoming.read(path, KEY)
    assert isinstance(one, Exchange) and isinstance(other, Exchange)
    assert isinstance(out, LeftOut) and out.where == "entry 2" and why in out.why


def test_a_har_that_breaks_off_is_one_line(tmp_path: Path) -> None:
    path = browser(tmp_path / "x.har", asked())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CaptureError, match=r"x\.har is no whole HAR"):
        list(incoming.read(path, KEY))
