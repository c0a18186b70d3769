"""What goes out when a recorded request is sent again: where to, with which headers and body.

Credentials were masked when the request was recorded. They come from the user: a header that he
gives, or his environment, and that only to the host that had them before. On this machine, where
nobody is asked before something is sent, only the very key that was recorded is taken from there:
its mark tells that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kimitap.address import server_address
from kimitap.errors import UsageError
from kimitap.exchange import NO_REQUEST, REPLAY, Exchange, Headers
from kimitap.loopback import is_here
from kimitap.recorder.secret import digest_key
from kimitap.redact import mask_headers

MASKED = "[masked:"
"""How what stands in a credential's place begins."""
_CONNECTION = frozenset(
    {
        *("connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        REPLAY.lower(),
    }
)
"""Headers that belong to one connection, and our own."""
_KEYS = {
    "authorization": (("OPENAI_API_KEY", "Bearer "),),
    "x-api-key": (("ANTHROPIC_API_KEY", ""),),
    "api-key": (("AZURE_OPENAI_API_KEY", ""),),
}
"""Where the SDKs look for a key, by the header in which they send it."""
_ANTHROPIC = (("ANTHROPIC_AUTH_TOKEN", "Bearer "),)


@dataclass(frozen=True)
class Outgoing:
    """A request ready to be sent. `headers` are the true ones: never to be recorded as they are.

    `path` is the request target. `borrowed` says which environment variables gave a key,
    `left_out` which credentials are missing: headers, or parameters of the URL.
    """

    method: str
    scheme: str
    host: str
    port: int
    path: str
    headers: Headers
    body: bytes
    edited: bool = False
    borrowed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """`scheme://host:port`, the port where it is not the scheme's own."""
        return f"{self.scheme}://{_netloc(self.scheme, self.host, self.port)}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}"

    @property
    def stays_here(self) -> bool:
        """True where the request does not leave this machine."""
        return is_here(self.host)


def outgoing(
    exchange: Exchange,
    server: str | None = None,
    *,
    body: bytes | None = None,
    given: Headers = (),
    environment: Mapping[str, str] | None = None,
    elsewhere: bool = False,
    note: str = "",
) -> Outgoing:
    """The request of `exchange` once more, to `server` or to the host that had it.

    `body` takes the place of the recorded one, without its `Content-Encoding`; `given` headers that
    of recorded ones with their names, and one without a value takes those away. Keys are looked
    for in `environment`. The mark names the exchange, or with `elsewhere` says that it is recorded
    in another place; `note` follows it. Raises `UsageError` where there is nothing to send or
    `server` is no address.
    """
    if NO_REQUEST in exchange.detail:
        raise UsageError(f"exchange {exchange.number} cannot be sent again: {NO_REQUEST}")
    scheme, host, port, path = _target(exchange, server)
    path, unsent = _without_masks(path)
    there = (scheme, host, port) == (exchange.scheme, exchange.host, exchange.port)
    fields, borrowed, missing = _fields(
        exchange, given, environment or {} if there else {}, undone=body is not None
    )
    content = exchange.request.content if body is None else body
    number = "elsewhere" if elsewhere else str(exchange.number)
    headers = (
        ("Host", _netloc(scheme, host, port)),
        *fields,
        *((("Content-Length", str(len(content))),) if content else ()),
        (REPLAY, f"{number}; {note}" if note else number),
    )
    edited = body is not None
    left_out = (*missing, *unsent)
    return Outgoing(
        exchange.method, scheme, host, port, path, headers, content, edited, borrowed, left_out
    )


def parse_header(text: str) -> tuple[str, str]:
    """`Name: value` as typed; raises `UsageError` for what is no header, without repeating it."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    fit = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not colon or not fit or not value.isprintable():
        raise UsageError("a header is typed as --header 'Name: value' (what was given is not)")
    return name, value


def _target(exchange: Exchange, server: str | None) -> tuple[str, str, int, str]:
    if server is None:
        return exchange.scheme, exchange.host, exchange.port, exchange.path
    parts = server_address(server)
    path, base = exchange.path, parts.path.rstrip("/")
    at = path.find("/v1/")
    if at >= 0:
        path, base = path[at:], base.removesuffix("/v1")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port, _with_query(f"{base}{path}", parts.query)


def _with_query(path: str, query: str) -> str:
    """The request target with an address's parameters, in the place of recorded ones so named."""
    if not query:
        return path
    endpoint, _, recorded = path.partition("?")
    said = {field.partition("=")[0] for field in query.split("&")}
    kept = [field for field in recorded.split("&") if field and field.partition("=")[0] not in said]
    return f"{endpoint}?{'&'.join([*kept, query])}"


def _without_masks(path: str) -> tuple[str, tuple[str, ...]]:
    """The request target without the parameters whose values were masked; their names."""
    if MASKED not in path:
        return path, ()
    endpoint, _, query = path.partition("?")
    fields = query.split("&")
    kept = [field for field in fields if MASKED not in field]
    lost = tuple(f"?{field.partition('=')[0]}" for field in fields if MASKED in field)
    return f"{endpoint}?{'&'.join(kept)}" if kept else endpoint, lost


def _fields(
    exchange: Exchange, given: Headers, environment: Mapping[str, str], *, undone: bool
) -> tuple[Headers, tuple[str, ...], tuple[str, ...]]:
    """The headers that go out, the variables that gave a key, the credentials that are missing."""
    replaced = {name.lower() for name, _ in given}
    dropped = _CONNECTION | replaced | ({"content-encoding"} if undone else set())
    fields: list[tuple[str, str]] = []
    borrowed: list[str] = []
    missing: list[str] = []
    for name, value in exchange.request_headers:
        if name.lower() in dropped:
            continue
        if MASKED not in value:
            fields.append((name, value))
        elif found := _key(exchange, (name, value), environment):
            fields.append((name, found[1]))
            borrowed.append(found[0])
        else:
            missing.append(name)
    fields += [(name, value) for name, value in given if value]
    return tuple(fields), tuple(borrowed), tuple(missing)


def _key(
    exchange: Exchange, masked: tuple[str, str], environment: Mapping[str, str]
) -> tuple[str, str] | None:
    """The variable that holds what belongs in a header, and the header's value."""
    header = masked[0].lower()
    places: Sequence[tuple[str, str]] = _KEYS.get(header, ())
    if header == "authorization" and exchange.endpoint.endswith("/messages"):
        places = _ANTHROPIC
    for variable, scheme in places:
        key = environment.get(variable, "").strip()
        value = f"{scheme}{key}"
        if key and (not is_here(exchange.host) or _was(masked, value)):
            return variable, value
    return None


def _was(masked: tuple[str, str], value: str) -> bool:
    """True where the header had this value when it was masked, on this user's machine."""
    return mask_headers(((masked[0], value),), digest_key()) == (masked,)


def _netloc(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == (443 if scheme == "https" else 80) else f"{name}:{port}"
