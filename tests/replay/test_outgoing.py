"""What goes out: where to, with which headers, and whose keys."""

from dataclasses import replace

import pytest

from kimitap.errors import UsageError
from kimitap.exchange import NO_REQUEST, Exchange
from kimitap.recorder.secret import digest_key
from kimitap.redact import mask_headers
from kimitap.replay import outgoing
from kimitap.replay.outgoing import parse_header
from tests.support.recorded import lost

KEYED = (
    ("Host", "api.example.com"),
    ("Authorization", "Bearer [masked:1f2e3d4c]"),
    ("x-api-key", "[masked:1f2e3d4c]"),
    ("Transfer-Encoding", "chunked"),
    ("Connection", "keep-alive"),
    ("X-Title", "Roo"),
)
ENVIRONMENT = {"OPENAI_API_KEY": "sk-open", "ANTHROPIC_API_KEY": "sk-ant"}


def recorded(**changes: object) -> Exchange:
    away = {"scheme": "https", "host": "api.example.com", "port": 443}
    return replace(lost()[0], **{**away, "request_headers": KEYED, **changes})  # type: ignore[arg-type]


def test_it_goes_where_it_went_byte_for_byte() -> None:
    exchange = recorded()
    request = outgoing(exchange)
    assert request.url == "https://api.example.com/v1/chat/completions"
    assert request.body == exchange.request.content
    assert not request.edited
    assert not request.stays_here


def test_headers_keep_their_order_and_those_of_a_connection_are_made_anew() -> None:
    request = outgoing(recorded(), "http://127.0.0.1:8080")
    assert request.headers == (
        ("Host", "127.0.0.1:8080"),
        ("X-Title", "Roo"),
        ("Content-Length", str(len(request.body))),
        ("X-Kimitap-Replay", "1"),
    )
    assert request.left_out == ("Authorization", "x-api-key")


def test_keys_of_the_environment_go_to_the_host_that_had_them_and_to_no_other() -> None:
    home = outgoing(recorded(), environment=ENVIRONMENT)
    assert ("Authorization", "Bearer sk-open") in home.headers
    assert ("x-api-key", "sk-ant") in home.headers
    assert home.borrowed == ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
    for server in ("https://evil.example", "http://api.example.com", "https://api.example.com:444"):
        away = outgoing(recorded(), server, environment=ENVIRONMENT)
        assert not any("sk-" in value for _, value in away.headers), server
        assert away.borrowed == ()


def test_on_this_machine_only_the_very_key_that_was_recorded_goes_out() -> None:
    here = {"scheme": "http", "host": "127.0.0.1", "port": 8080}
    known = mask_headers((("Authorization", "Bearer sk-open"),), digest_key())
    same = outgoing(recorded(**here, request_headers=known), environment=ENVIRONMENT)
    assert same.borrowed == ("OPENAI_API_KEY",)
    other = outgoing(recorded(**here), environment=ENVIRONMENT)
    assert (other.borrowed, other.left_out) == ((), ("Authorization", "x-api-key"))


def test_a_bearer_of_anthropics_api_is_not_openais_key() -> None:
    request = outgoing(recorded(path="/v1/messages"), environment=ENVIRONMENT)
    assert request.borrowed == ("ANTHROPIC_API_KEY",)
    assert request.left_out == ("Authorization",)


def test_a_header_that_is_given_takes_the_recorded_ones_place_or_takes_it_away() -> None:
    given = (("authorization", "Bearer mine"), ("X-Title", ""))
    request = outgoing(recorded(), environment=ENVIRONMENT, given=given)
    assert [h for h in request.headers if h[0].lower() == "authorization"] == [given[0]]
    assert "X-Title" not in dict(request.headers)
    assert "Authorization" not in request.left_out


@pytest.mark.parametrize(
    ("path", "server", "url"),
    [
        ("/v1/chat/completions", "h:1", "http://h:1/v1/chat/completions"),
        ("/v1/chat/completions", "http://h:1/v1", "http://h:1/v1/chat/completions"),
        ("/v1/messages", "https://h/api/v1/", "https://h/api/v1/messages"),
        ("/api/v1/chat/completions", "http://h:1", "http://h:1/v1/chat/completions"),
        ("/completion", "http://h:1", "http://h:1/completion"),
        (
            "/v1/x?key=[masked:1f2e3d4c]&beta=true",
            "http://[::1]:9",
            "http://[::1]:9/v1/x?beta=true",
        ),
    ],
)
def test_another_server_takes_what_stands_from_v1_on(path: str, server: str, url: str) -> None:
    assert outgoing(recorded(path=path), server).url == url


def test_a_key_in_the_url_is_left_out_and_said() -> None:
    request = outgoing(recorded(path="/v1/x?key=[masked:1f2e3d4c]"))
    assert (request.path, request.left_out[-1]) == ("/v1/x", "?key")


@pytest.mark.parametrize(
    ("path", "server", "target"),
    [
        ("/v1/x", "http://h/v1?api-version=2", "/v1/x?api-version=2"),
        (
            "/v1/x?api-version=1&beta=true",
            "http://h?api-version=2",
            "/v1/x?beta=true&api-version=2",
        ),
        ("/v1/x?beta=true", "http://h/v1/?", "/v1/x?beta=true"),
        ("/v1/x?key=[masked:1f2e3d4c]", "http://h/v1?key=mine", "/v1/x?key=mine"),
    ],
)
def test_the_parameters_of_an_address_go_with_the_request(
    path: str, server: str, target: str
) -> None:
    request = outgoing(recorded(path=path), server)
    assert request.path == target
    assert "?key" not in request.left_out


@pytest.mark.parametrize(
    "server",
    [
        *("ftp://h", "http://", "http://u:secret@h", "http://h:x", "::", "http://["),
        *("http://[secret@h?secret", "http://h/#secret", "http://a b", "http://h\x1b[2J", ""),
    ],
)
def test_what_is_no_address_is_refused_without_its_password(server: str) -> None:
    with pytest.raises(UsageError, match="no server's address") as told:
        outgoing(recorded(), server)
    assert "secret" not in str(told.value)
    assert str(told.value).isprintable()


def test_an_edited_body_goes_without_the_encoding_of_the_recorded_one() -> None:
    fields = (("Content-Encoding", "zstd"), ("Content-Type", "application/json"))
    request = outgoing(recorded(request_headers=fields), body=b"{}", note="edited")
    assert dict(request.headers) == {
        "Host": "api.example.com",
        "Content-Type": "application/json",
        "Content-Length": "2",
        "X-Kimitap-Replay": "1; edited",
    }
    assert ("Content-Encoding", "zstd") in outgoing(recorded(request_headers=fields)).headers


def test_a_replay_that_is_replayed_names_the_one_it_repeats() -> None:
    fields = (("x-kimitap-replay", "7; edited"),)
    request = outgoing(recorded(request_headers=fields, number=9), elsewhere=True)
    marks = [value for name, value in request.headers if name.lower() == "x-kimitap-replay"]
    assert marks == ["elsewhere"]


def test_a_request_that_was_not_kept_cannot_be_sent() -> None:
    with pytest.raises(UsageError, match="exchange 1 cannot be sent again"):
        outgoing(recorded(detail=NO_REQUEST))


@pytest.mark.parametrize("text", ["Bearer sk-secret", "a b: c", ": x", "X: a\r\nY: b", "Ü: x"])
def test_what_is_no_header_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError, match="--header") as told:
        parse_header(text)
    assert "secret" not in str(told.value)
