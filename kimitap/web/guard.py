"""Who is let in: a browser on this machine whose user opened the address that was printed.

Any page that the user has open can send requests to this machine, under any name that it makes a
name server point here. So each request must name this server (Host), come from its own page
(Origin) and carry a cookie that only the printed address gives, and that no other site's request
carries (SameSite=Strict). https://owasp.org/www-community/attacks/csrf
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import hdrs, web

from kimitap.web.address import Address, reachable

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = Path(__file__).parent / "page"
"""The page's own files."""
STRANGER = (
    "kimitap: open the address that `kimitap web` printed; it holds the token that is missing here"
)
_POLICY = "Content-Security-Policy"
ELSEWHERE = "kimitap: this request comes from somewhere else"


class Guard:
    """The token, the cookie that it is traded for, and the names that this server answers to."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"kimitap-{address.port}"  # a cookie belongs to all ports of its host
        self._pass = secrets.token_urlsafe(32)

    @property
    def url(self) -> str:
        """What the user opens."""
        return f"{reachable(self.address).origin}/?token={self.token}"

    def install(self, app: web.Application) -> None:
        """Stand before all that the app answers."""

        @web.middleware
        async def check(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return self._refusal(request) or self._welcome(request) or await handler(request)

        app.middlewares.append(check)
        app.on_response_prepare.append(_seal(self.address))

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why a request is not answered; None where it is let in, by its cookie or the token."""
        if not self._at_home(request):
            return web.Response(status=403, text=ELSEWHERE)
        known = _same(request.cookies.get(self.cookie, ""), self._pass)
        if known or self._has_token(request):
            return None
        return web.Response(status=403, text=STRANGER)

    def _has_token(self, request: web.Request) -> bool:
        return request.path == "/" and _same(request.query.get("token", ""), self.token)

    def _at_home(self, request: web.Request) -> bool:
        """True where the request names this server, and no other page sent it.

        A browser gives each WebSocket's Origin; without one it is no browser.
        """
        hosts = request.headers.getall(hdrs.HOST, [])
        origins = request.headers.getall(hdrs.ORIGIN, [])
        if len(hosts) != 1 or not self.address.knows(hosts[0]):
            return False
        if hdrs.UPGRADE in request.headers and not origins:
            return False
        return all(origin == f"http://{hosts[0]}" for origin in origins)

    def _welcome(self, request: web.Request) -> web.Response | None:
        """Trade the token for the cookie, then go on to the page, whose address has no token.

        Not by a redirect: where another site's link led here, that would come without the cookie.
        """
        if not self._has_token(request):
            return None
        page = (PAGE / "enter.html").read_text("utf-8")
        response = web.Response(text=page, content_type="text/html")
        response.set_cookie(self.cookie, self._pass, path="/", httponly=True, samesite="Strict")
        return response


def _seal(
    address: Address,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What gives each answer the headers that allow the page nothing but what is here."""
    headers = {
        _POLICY: (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            "font-src 'self'; img-src 'self' data:; connect-src 'self'{sockets}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "clipboard-read=(), camera=(), microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Server": "kimitap",
    }

    async def seal(request: web.Request, response: web.StreamResponse) -> None:
        sockets = f" ws://{request.host}" if address.knows(request.host) else ""
        response.headers.update(headers)
        response.headers[_POLICY] = headers[_POLICY].replace("{sockets}", sockets)

    return seal


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
