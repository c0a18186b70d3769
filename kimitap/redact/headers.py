"""Credentials in headers and URLs, as the recorder masks them before they are queued for disk."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import blake2b
from re import Match
from urllib.parse import unquote_plus

from kimitap.exchange import Headers
from kimitap.redact.shapes import BEGINNINGS, KEY

Mask = Callable[[str], str]
"""Gives what stands for a secret."""

_MASK = re.compile(r"\[masked:[0-9a-f]{8}\]")

# fmt: off
_CREDENTIAL_WORDS = frozenset({
    "token", "secret", "key", "apikey", "password", "passwd", "pwd", "passphrase", "credential",
    "credentials", "auth", "authorization", "cookie", "jwt", "signature", "sig",
})
_HARMLESS_BEFORE_KEY = frozenset({
    "cache", "idempotency", "websocket", "surrogate", "partition", "sort", "primary", "routing",
    "shard", "public",
})
_COOKIE_ATTRIBUTES = frozenset({
    "path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned",
})
# fmt: on
_CREDENTIAL_ENDINGS = ("token", "secret", "apikey", "password", "passwd", "credential")
_HARMLESS = frozenset({"access-control-allow-credentials"})
_URL_HEADERS = frozenset({"referer", "location", "content-location", "link", "origin"})


def marker(secret: str, key: bytes) -> str:
    """What stands for `secret`: equal secrets under one `key` (any length) give equal markers."""
    if not secret or _MASK.fullmatch(secret):
        return secret
    data = secret.encode("utf-8", "surrogateescape")
    keyed = blake2b(data, digest_size=4, key=blake2b(key, digest_size=32).digest())
    return f"[masked:{keyed.hexdigest()}]"


def mask_headers(headers: Headers, key: bytes) -> Headers:
    """`headers` with every credential replaced; the scheme (`Bearer`) and cookies' names stay."""
    return masked_headers(headers, partial(marker, key=key))


def masked_headers(headers: Headers, mask: Mask) -> Headers:
    """The same with what `mask` makes of each credential."""
    return tuple(
        (_without_keys(name, mask), _mask_header(name.lower(), value, mask))
        for name, value in headers
    )


def mask_url(url: str, key: bytes) -> str:
    """A URL or request target without its userinfo's password and its parameters' credentials."""
    return masked_url(url, partial(marker, key=key))


def masked_url(url: str, mask: Mask) -> str:
    """The same with what `mask` makes of each credential."""
    return _mask_url(url, mask, 0)


def _mask_url(url: str, mask: Mask, depth: int) -> str:
    head, mark, query = _cut_query(url)
    head = _USERINFO.sub(lambda found: _mask_userinfo(found, mask), head)
    head = _MATRIX.sub(lambda found: _mask_parameter(found, mask, depth), head)
    head = _without_keys(head, mask)
    if not mark:
        return head
    return head + mark + _PARAMETER.sub(lambda found: _mask_parameter(found, mask, depth), query)


# These run on the recorder's event loop: a long run without `@` is walked once, and once back.
_USERINFO = re.compile(r"(?<=://)([^\s/?#@:]*+)(:?+)([^\s/?#]*)@")
"""The password goes up to the last `@` of the host's part: some hold one."""
_MATRIX = re.compile(r"(?<=;)([^;/=?#]+)(=)([^;/?#]*)")
"""A parameter of a path's segment: `/models;api_key=…/kimi`."""
_PARAMETER = re.compile(r"([^&;#=?]+)(?:(=)([^&;#]*))?")
_SCHEMED = re.compile(r"\s*(?i:bearer|basic)\s+[^\s\[]\S*\s*")
_DEEPEST = 4
"""So many URLs within one another are looked into; what is deeper is masked unseen."""


@lru_cache(maxsize=4096)
def _is_credential(name: str) -> bool:
    """Whether a header or parameter of this name (any case) carries a credential."""
    words = [word for word in re.split(r"[^a-z0-9]+", _split_camel(name).lower()) if word]
    for before, word in zip(["", *words], words, strict=False):
        if word == "key" and before in _HARMLESS_BEFORE_KEY:
            continue
        if word in _CREDENTIAL_WORDS or word.endswith(_CREDENTIAL_ENDINGS):
            return True
    return False


def _split_camel(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name)


def _mask_header(name: str, value: str, mask: Mask) -> str:
    if name in ("cookie", "cookie2"):
        return "; ".join(_mask_cookie(part, mask) for part in value.split("; "))
    if name == "set-cookie2":  # several, by comma: nothing of it is worth the risk
        return mask(value)
    if name == "set-cookie":
        first, *attributes = value.split(";")
        return ";".join([_mask_cookie(first, mask), *attributes])
    if name.endswith("authorization") or (
        _SCHEMED.fullmatch(value) and not name.endswith("authenticate")
    ):
        return _mask_authorization(value, mask)
    if name in _HARMLESS:
        return value
    if _is_credential(name):
        return mask(value)
    if name in _URL_HEADERS or "://" in value:
        return masked_url(value, mask)
    return _without_keys(value, mask)


def _without_keys(text: str, mask: Mask) -> str:
    """The text with every key masked that shows itself by how it begins."""
    begins = _known_to_look_like_a_key(text) if len(text) < _SHORT else _looks_like_a_key(text)
    return KEY.sub(lambda found: mask(found[0]), text) if begins else text


def _looks_like_a_key(text: str) -> bool:
    return any(beginning in text for beginning in BEGINNINGS)


_SHORT = 256
_known_to_look_like_a_key = lru_cache(maxsize=2048)(_looks_like_a_key)
"""The same of a short text. The same names and values come with every request of an agent, and what
a hundred searches in each of them take, an answer would wait for."""


def _mask_authorization(value: str, mask: Mask) -> str:
    scheme, space, credential = value.strip().partition(" ")
    if not space:
        known = scheme.lower() in ("bearer", "basic", "token", "")
        return value if known else mask(scheme)
    return f"{scheme} {mask(credential.strip())}"


def _mask_cookie(pair: str, mask: Mask) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return pair if name.strip().lower() in _COOKIE_ATTRIBUTES else mask(name)
    return f"{name}={mask(value)}"


def _cut_query(url: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", url)
    if not found:
        return url, "", ""
    return url[: found.start()], found[0], url[found.end() :]


def _mask_userinfo(found: Match[str], mask: Mask) -> str:
    user, colon, password = found.groups()
    if not colon:  # `https://TOKEN@host`: the user is the credential
        return f"{mask(user + password)}@"
    return f"{user}:{mask(password)}@"


def _mask_parameter(found: Match[str], mask: Mask, depth: int) -> str:
    name, equals, value = found.groups()
    if not equals:
        return _without_keys(name, mask)
    plain = unquote_plus(value)
    if _is_credential(unquote_plus(name)):
        return f"{name}={mask(value)}"
    if "://" in plain and (depth == _DEEPEST or _mask_url(plain, mask, depth + 1) != plain):
        return f"{name}={mask(value)}"  # a URL within the URL
    if _without_keys(plain, lambda _: "") != plain:
        return f"{name}={mask(value)}"
    return found[0]
