"""What is answered without a search is what a search would have found."""

from collections.abc import Callable

import pytest
from mitmproxy import http
from mitmproxy.addons.core import Core
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.master import Master

from kimitap.recorder.swift import SwiftHeaders, SwiftOptions

FIELDS = ((b"Server", b"llama.cpp"), (b"Transfer-Encoding", b"chunked"), (b"X", b"1"))


def set_it(headers: http.Headers) -> None:
    headers["transfer-encoding"] = "identity"


def drop_it(headers: http.Headers) -> None:
    del headers["Transfer-Encoding"]


def add_to_it(headers: http.Headers) -> None:
    headers.add("transfer-encoding", "gzip")


def put_others(headers: http.Headers) -> None:
    headers.fields = FIELDS[:1]


def empty_it(headers: http.Headers) -> None:
    headers.clear()


@pytest.mark.parametrize("change", [set_it, drop_it, add_to_it, put_others, empty_it])
def test_a_field_that_another_addon_changes_is_seen_at_once(
    change: Callable[[http.Headers], None],
) -> None:
    swift, usual = SwiftHeaders(FIELDS), http.Headers(FIELDS)
    for headers in (swift, usual):
        assert headers.get("transfer-encoding", "") == "chunked"
        change(headers)
    for name in ("transfer-encoding", "Transfer-Encoding", "server", "x", "none"):
        assert swift.get(name, "?") == usual.get(name, "?")
        assert swift.get(name) == usual.get(name)
    assert swift == usual


def test_fields_without_it_answer_what_is_asked_for_instead() -> None:
    headers = SwiftHeaders(FIELDS[:1])
    assert [headers.get("transfer-encoding", ""), headers.get("transfer-encoding")] == ["", None]


@pytest.mark.parametrize("fields", [FIELDS, FIELDS[:1]])
def test_it_is_looked_for_once(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    class Counting(SwiftHeaders):
        searches = 0

        def get_all(self, name: str | bytes) -> list[str]:
            self.searches += 1
            return super().get_all(name)

    headers = Counting(fields)
    for _ in range(9):
        headers.get("transfer-encoding", "")
    assert headers.searches == 1


def test_a_flow_with_them_is_saved_and_copied_as_any() -> None:
    response = http.Response.make(200, b"", FIELDS)
    response.headers = SwiftHeaders(response.headers.fields)
    again = http.Response.from_state(response.get_state())
    assert again.headers.fields == response.headers.fields == response.copy().headers.fields


async def test_the_option_is_one_of_mitmproxys_and_all_others_are_as_ever() -> None:
    swift = Master(SwiftOptions())
    swift.addons.add(Core(), Proxyserver())
    assert "store_streamed_bodies" in swift.options
    assert swift.options.store_streamed_bodies is False
    swift.options.update(connection_strategy="lazy", store_streamed_bodies=True)
    assert swift.options.store_streamed_bodies is False
    assert swift.options.connection_strategy == "lazy"
