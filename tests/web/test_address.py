"""Where the screens may be served: on this machine, for this machine."""

import socket
from ipaddress import ip_address

import pytest

from kimitap.errors import UsageError
from kimitap.web.address import Address, bound, parse_listen, reachable


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9091", Address("127.0.0.1", 9091)),
        ("127.0.0.2:80", Address("127.0.0.2", 80)),
        ("localhost:0", Address("127.0.0.1", 0)),
        ("[::1]:9091", Address("::1", 9091)),
    ],
)
def test_loopback_is_taken_in_any_spelling(listen: str, address: Address) -> None:
    assert parse_listen(listen) == address


@pytest.mark.parametrize("listen", ["0.0.0.0:9091", "192.168.1.5:9091", "[::]:80", "[fe80::1]:1"])
def test_an_address_that_others_can_reach_is_refused(listen: str) -> None:
    with pytest.raises(
        UsageError, match=r"can be reached by other machines.*or say --allow-remote"
    ):
        parse_listen(listen)
    address = parse_listen(listen, remote=True)
    assert address.remote
    assert listen == f"{address.name}:{address.port}"


@pytest.mark.parametrize(
    "listen", ["", "9091", ":9091", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "evil.example:1"]
)
def test_what_is_no_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(UsageError, match=r"give one like 127\.0\.0\.1:9091"):
        parse_listen(listen)


def test_a_port_in_use_says_what_to_do() -> None:
    with bound(Address("127.0.0.1", 0)) as first:
        taken = Address("127.0.0.1", first.getsockname()[1])
        with pytest.raises(UsageError, match=f"port {taken.port} is in use .* --listen"):
            bound(taken)


def test_loopback_is_no_remote_address() -> None:
    assert not parse_listen("127.0.0.1:1", remote=True).remote
    assert not parse_listen("[::1]:1", remote=True).remote


def test_what_others_reach_goes_by_the_machines_addresses_and_its_name_only() -> None:
    remote = Address("0.0.0.0", 9091)
    for host in ("192.0.2.7:9091", "[fe80::1]:9091", f"{socket.gethostname()}:9091"):
        assert remote.knows(host), host
    for host in ("evil.example:9091", "192.0.2.7:1", "192.0.2.7", "evil.example", "", ":9091"):
        assert not remote.knows(host), host
    assert Address("192.0.2.7", 80).knows("192.0.2.7")
    assert not Address("127.0.0.1", 9091).knows("192.0.2.7:9091")


def test_any_address_is_told_as_one_that_can_be_opened() -> None:
    assert not ip_address(reachable(Address("0.0.0.0", 1)).host).is_unspecified
    assert reachable(Address("192.0.2.7", 1)) == Address("192.0.2.7", 1)


def test_a_server_answers_to_its_own_names_only() -> None:
    assert Address("127.0.0.1", 9091).hosts == {"127.0.0.1:9091", "localhost:9091"}
    assert Address("::1", 9091).hosts == {"[::1]:9091", "localhost:9091"}
    assert "127.0.0.1" in Address("127.0.0.1", 80).hosts
