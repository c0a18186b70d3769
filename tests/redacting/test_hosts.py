"""The host that answered leaves no more than a key does; this machine's names stay."""

from dataclasses import replace

import orjson
import pytest

from kimitap.exchange import Body, Exchange
from kimitap.redact.hosts import tells
from kimitap.redacting import Level, Masked, redacted
from tests.redacting.test_planted import left
from tests.support import wire

HOSTS = [
    "box.tail1234.ts.net",
    "gpu.corp.example",
    "203.0.113.7",
    "192.168.7.9",
    "2001:db8::7",
    "llamabox",
]
LEVELS = [Level.SECRETS, Level.TEXT]


def asked(host: str, text: str = "hello", header: str | None = None) -> Exchange:
    """A request to a host, whose client calls it `header`."""
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})
    called = f"[{host}]" if ":" in host else host
    headers = (("Host", header or f"{called}:8080"), ("Content-Type", "application/json"))
    exchange = wire.load("chat_nonstream")
    return replace(exchange, host=host, request_headers=headers, request=Body.whole(body))


def one(exchange: Exchange, level: Level = Level.SECRETS) -> tuple[Exchange, tuple[Masked, ...]]:
    ((out, masked),) = redacted([exchange], level)
    return out, masked


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_gone_from_the_exchange_and_its_port_stays(host: str, level: Level) -> None:
    url = f"http://[{host}]:8080/v1" if ":" in host else f"http://{host}:8080/v1"
    exchange = replace(
        asked(host, f"POST {url} failed"),
        path=f"/v1?next={url}",
        detail=f"cannot connect to {url}",
        response=orjson.dumps({"error": {"message": f"refused by {url}"}}),
        response_headers=(("Location", url), ("Via", f"1.1 //{host}:8080")),
    )
    out, masked = one(exchange, level)
    assert (out.host, out.port) == ("host-1.invalid", exchange.port)
    assert host.encode() not in left(out)
    assert out.request_headers[0] in (
        ("Host", "host-1.invalid:8080"),
        ("Host", "[host-1.invalid]:8080"),
    )
    assert Masked(out.number, "host", "host name", 1) in masked
    assert all(host not in told.where for told in masked)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "x.localhost"])
def test_this_machines_names_stay(host: str) -> None:
    exchange = asked(host, f"see http://{host}:8080/")
    assert one(exchange)[0] == exchange
    assert not tells(host)


def test_hosts_are_numbered_over_all_exchanges() -> None:
    outs = [out for out, _ in redacted([asked(h) for h in ("a.example", "b.example", "a.example")])]
    assert [out.host for out in outs] == ["host-1.invalid", "host-2.invalid", "host-1.invalid"]


def test_a_second_redaction_changes_nothing_more_and_counts_on() -> None:
    once, _ = one(asked("a.example", "http://a.example/"))
    assert one(once)[0] == once
    outs = [out.host for out, _ in redacted([once, asked("b.example")])]
    assert outs == ["host-1.invalid", "host-2.invalid"]


def test_at_the_level_none_it_stays() -> None:
    exchange = asked("a.example")
    assert one(exchange, Level.NONE)[0] == exchange


def test_a_host_of_one_word_stays_where_it_is_a_word() -> None:
    text = "our llamabox is at http://llamabox:8080/v1, ask llamabox-server or //llamaboxes/"
    out, _ = one(asked("llamabox", text))
    (message,) = orjson.loads(out.request.content)["messages"]
    assert message["content"] == text.replace("//llamabox:", "//host-1.invalid:")


def test_an_address_within_another_stays() -> None:
    out, _ = one(asked("10.1.1.1", "10.1.1.1 is not 10.1.1.12 nor 110.1.1.1"))
    (message,) = orjson.loads(out.request.content)["messages"]
    assert message["content"] == "host-1.invalid is not 10.1.1.12 nor 110.1.1.1"


def test_the_name_by_which_a_client_calls_its_proxy_is_masked_too() -> None:
    exchange = asked("127.0.0.1", "at gate.corp.example", header="gate.corp.example:9000")
    out, _ = one(exchange)
    assert out.host == "127.0.0.1"
    assert b"gate.corp" not in left(out)


@pytest.mark.parametrize(
    ("name", "value", "new"),
    [
        ("X-Forwarded-For", "203.0.113.7, 127.0.0.1", "host-1.invalid, 127.0.0.1"),
        ("X-Real-IP", "2001:db8::7", "host-1.invalid"),
        ("Forwarded", 'for="203.0.113.7:99";proto=http', 'for="host-1.invalid:99";proto=http'),
        ("X-Forwarded-Host", "a.example, b.example:81", "host-1.invalid, host-2.invalid:81"),
        ("X-Version", "203.0.113.7", "203.0.113.7"),
    ],
)
def test_clients_addresses_are_masked_in_the_headers_that_proxies_add(
    name: str, value: str, new: str
) -> None:
    exchange = replace(asked("localhost"), request_headers=((name, value),))
    assert one(exchange)[0].request_headers == ((name, new),)


def test_a_machine_of_a_tailnet_is_masked_wherever_it_is_named() -> None:
    out, _ = one(asked("localhost", "ssh to tower.tail99.ts.net, please"))
    assert b"to host-1.invalid, please" in out.request.content
