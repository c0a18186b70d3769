"""Who is let in: asked by a real client, over real connections."""

import re
from http import HTTPStatus

import aiohttp
import pytest
from aiohttp import WSServerHandshakeError

from tests.support.served import known, served, until

PATHS = (
    "/",
    "/ws",
    "/static/js/textual.js",
    "/page/kimitap.css",
    "/download/0123",
    "/nothing",
)
EVIL = "https://evil.example"


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_nothing_is_answered(path: str) -> None:
    async with served() as page, aiohttp.ClientSession() as client:
        for query in ("", "?token=", "?token=wrong", "?token=%ff%00"):
            async with client.get(page.origin + path + query) as answer:
                assert answer.status == HTTPStatus.FORBIDDEN
                assert "Set-Cookie" not in answer.headers
                assert "kimitap web" in await answer.text()


async def test_the_token_opens_the_first_page_only() -> None:
    async with served() as page, aiohttp.ClientSession() as client:
        url = f"{page.origin}/static/js/textual.js?token={page.server.guard.token}"
        async with client.get(url) as answer:
            assert answer.status == HTTPStatus.FORBIDDEN


async def test_the_token_is_traded_for_a_cookie_that_no_script_and_no_other_site_gets() -> None:
    async with served() as page, aiohttp.ClientSession() as client, client.get(page.url) as answer:
        assert answer.status == HTTPStatus.OK
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"kimitap-{page.port}=")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert page.server.guard.token not in cookie
        assert page.server.guard.token not in await answer.text()


async def test_each_server_has_a_token_of_its_own() -> None:
    async with served() as one, served() as other:
        assert one.server.guard.token != other.server.guard.token
        async with known(one) as client, client.get(other.origin) as answer:
            assert answer.status == HTTPStatus.FORBIDDEN


async def test_with_the_cookie_the_page_and_its_files_are_there() -> None:
    async with served() as page, known(page) as client:
        async with client.get(page.origin) as answer:
            assert answer.status == HTTPStatus.OK
            text = await answer.text()
        assert f'"ws://127.0.0.1:{page.port}/ws"' in text
        files = re.findall(r'(?:src|href)="(/[^"]+)"', text)
        assert len(files) >= 4
        for path in files:
            async with client.get(page.origin + path) as answer:
                assert answer.status == HTTPStatus.OK, path


async def test_the_page_names_no_other_host_and_no_database() -> None:
    async with served() as page, known(page) as client:
        for path in ("/", "/page/kimitap.css", "/page/kimitap.js", "/static/css/xterm.css"):
            async with client.get(page.origin + path) as answer:
                text = await answer.text()
            other = set(re.findall(r"(?:https?:)?//([\w.-]+\.[a-z]{2,})", text))
            # licences in comments: nothing is loaded from there
            loaded = re.findall(r"(?:url\(|src=|href=|@import)[\"']?(?:https?:)?//[^\"') ]+", text)
            assert not loaded, (path, other)
            assert "lost-tool-turn" not in text and "kimitap.cli" not in text


async def test_each_answer_forbids_the_page_everything_that_is_elsewhere() -> None:
    async with served() as page, known(page) as client:
        for path in ("/", "/static/js/textual.js", "/nothing"):
            async with client.get(page.origin + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
                assert "script-src 'self';" in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "localhost"]
)
async def test_another_name_is_refused_even_with_the_cookie(host: str) -> None:
    """A name server may point any name here (DNS rebinding)."""
    async with served() as page, known(page) as client:
        given = {"Host": host.format(port=page.port)}
        for path in PATHS:
            async with client.get(page.origin + path, headers=given) as answer:
                assert answer.status == HTTPStatus.FORBIDDEN, path
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect(
                f"{page.origin}/ws", headers=given, origin=f"http://{given['Host']}"
            )


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", ""]
)
async def test_another_origin_is_refused_even_with_the_cookie(origin: str) -> None:
    async with served() as page, known(page) as client:
        given = {"Origin": origin.format(port=page.port)}
        async with client.get(page.origin, headers=given) as answer:
            assert answer.status == HTTPStatus.FORBIDDEN
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect(f"{page.origin}/ws", headers=given)
        assert not page.server._open


async def test_a_connection_without_an_origin_is_refused() -> None:
    async with served() as page, known(page) as client:
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect(f"{page.origin}/ws")


async def test_a_connection_from_the_page_without_the_cookie_is_refused() -> None:
    async with served() as page, aiohttp.ClientSession() as client:
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect(f"{page.origin}/ws", origin=page.origin)


async def test_from_the_page_with_the_cookie_the_screens_open() -> None:
    async with (
        served() as page,
        known(page) as client,
        client.ws_connect(f"{page.origin}/ws?width=120&height=40", origin=page.origin) as socket,
    ):
        assert "tool-turn-lost" in await until(socket, "LOST TURN")


async def test_the_machine_may_be_called_localhost() -> None:
    async with served() as page, known(page) as client:
        named = {"Host": f"localhost:{page.port}"}
        async with client.get(page.origin, headers=named) as answer:
            assert f'"ws://localhost:{page.port}/ws"' in await answer.text()
        origin = f"http://localhost:{page.port}"
        async with client.ws_connect(f"{page.origin}/ws", headers=named, origin=origin) as socket:
            assert not socket.closed


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/js/",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/page/%2e%2e/guard.py",
        "/page//etc/passwd",
        "/download/nothing",
    ],
)
async def test_only_the_files_of_the_page_are_served(path: str) -> None:
    async with served() as page, known(page) as client:
        url = aiohttp.client.URL(page.origin + path, encoded=True)
        async with client.get(url) as answer:
            assert answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
            text = await answer.text()
            assert "textual.js" not in text and "import " not in text and "root:" not in text
