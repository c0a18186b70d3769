"""What counts as a secret, and what stands in its place.

Two jobs. *Recording*: credentials in headers and URLs are replaced before they are queued for disk,
by `[masked:1f2e3d4c]`, eight hex digits of a keyed digest: equal digits mean equal credentials, so
"was it the same key?" can still be answered, and without the key (which never lies beside a
recording) the digits tell nothing, not even about a guessable password. *Exporting*: `mask_text`
takes what looks like a secret or names a person out of any text.

Both would rather keep a harmless word than damage evidence: tool call ids, git hashes, UUIDs,
session headers and token counts stay.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from re import Match
from urllib.parse import unquote_plus

from kimitap.exchange import Headers

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
_URL_HEADERS = frozenset({"referer", "location", "content-location", "link", "origin"})

_KEY_SHAPES = (
    r"sk-(?=[A-Za-z_-]{0,60}[0-9])(?=[A-Za-z0-9_-]{0,60}?[A-Za-z0-9_]{12})[A-Za-z0-9_-]{16,}",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"hf_[A-Za-z0-9]{30,}",
    r"gh[pousr]_[A-Za-z0-9]{36,}",
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"gsk_[A-Za-z0-9]{40,}",
    r"r8_[A-Za-z0-9]{37,}",
    r"pplx-[A-Za-z0-9]{40,}",
    r"xai-[A-Za-z0-9]{60,}",
    r"nvapi-[A-Za-z0-9_-]{40,}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgE[A-Za-z0-9_-]{50,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"dop_v1_[a-f0-9]{64}",
    r"eyJ[A-Za-z0-9_-]{8,1024}+\.eyJ[A-Za-z0-9_.-]{16,}[A-Za-z0-9_-]",  # JWT
)
_ESCAPED = r"(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=[\[0-9;][mK])"
"""Behind white space or a control character that was written out (`\\n`, `\\u001b`), and behind a
terminal's colour (`ESC[32m`): the last letter there is no part of the word that follows."""
_START = rf"(?:(?<![A-Za-z0-9_])|{_ESCAPED})"
# Every pattern takes time in proportion to the text, whatever it is: what may begin anywhere in a
# run of letters ends after a bounded length, or takes all the rest of the run.
_KEY = re.compile(rf"{_START}(?:{'|'.join(_KEY_SHAPES)})(?![A-Za-z0-9])")
_KEY_BEGINNINGS = (
    r"sk-(?=[A-Za-z_-]{0,60}[0-9])|[sr]k_(?:live|test)_|hf_|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA"
    r"|AIza|ya29\.|xox[abeoprs]-|gsk_|r8_|pplx-|xai-|nvapi-|npm_|pypi-AgE|SG\.|dop_v1_|eyJ"
)
_CUT_KEY = re.compile(rf"{_START}(?:{_KEY_BEGINNINGS})[A-Za-z0-9_.-]{{4,100}}(?=…)")
"""The first part of a key where a quote was cut: all but one letter is as good as the key."""


def marker(secret: str, key: bytes) -> str:
    """What stands for `secret`: equal secrets under one `key` (any length) give equal markers."""
    if not secret or _MASK.fullmatch(secret):
        return secret
    data = secret.encode("utf-8", "surrogateescape")
    keyed = blake2b(data, digest_size=4, key=blake2b(key, digest_size=32).digest())
    return f"[masked:{keyed.hexdigest()}]"


def mask_headers(headers: Headers, key: bytes) -> Headers:
    """`headers` with every credential replaced; the scheme (`Bearer`) and cookies' names stay."""
    return tuple((name, _mask_header(name.lower(), value, key)) for name, value in headers)


def mask_url(url: str, key: bytes) -> str:
    """A URL or request target without its userinfo's password and its parameters' credentials."""
    return _mask_url(url, key, 0)


def _mask_url(url: str, key: bytes, depth: int) -> str:
    head, mark, query = _cut_query(url)
    head = _USERINFO.sub(lambda found: _mask_userinfo(found, key), head)
    head = _MATRIX.sub(lambda found: _mask_parameter(found, key, depth), head)
    head = _KEY.sub(lambda found: marker(found[0], key), head)
    if not mark:
        return head
    return head + mark + _PARAMETER.sub(lambda found: _mask_parameter(found, key, depth), query)


def mask_text(text: str) -> str:
    """`text` without keys, tokens, passwords, private keys, e-mail addresses and users' names in
    home paths. A JSON text stays valid JSON; equal texts stay equal."""
    for pattern, mask in _TEXT_RULES:
        text = pattern.sub(mask, text)
    return text


# --- headers and URLs ---------------------------------------------------------------------------

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


def _mask_header(name: str, value: str, key: bytes) -> str:
    if name in ("cookie", "cookie2"):
        return "; ".join(_mask_cookie(part, key) for part in value.split("; "))
    if name == "set-cookie2":  # several, by comma: nothing of it is worth the risk
        return marker(value, key)
    if name == "set-cookie":
        first, *attributes = value.split(";")
        return ";".join([_mask_cookie(first, key), *attributes])
    if name.endswith("authorization") or (
        _SCHEMED.fullmatch(value) and not name.endswith("authenticate")
    ):
        return _mask_authorization(value, key)
    if _is_credential(name):
        return marker(value, key)
    if name in _URL_HEADERS or "://" in value:
        return mask_url(value, key)
    return _KEY.sub(lambda found: marker(found[0], key), value)


def _mask_authorization(value: str, key: bytes) -> str:
    scheme, space, credential = value.strip().partition(" ")
    if not space:
        known = scheme.lower() in ("bearer", "basic", "token", "")
        return value if known else marker(scheme, key)
    return f"{scheme} {marker(credential.strip(), key)}"


def _mask_cookie(pair: str, key: bytes) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return pair if name.strip().lower() in _COOKIE_ATTRIBUTES else marker(name, key)
    return f"{name}={marker(value, key)}"


def _cut_query(url: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", url)
    if not found:
        return url, "", ""
    return url[: found.start()], found[0], url[found.end() :]


def _mask_userinfo(found: Match[str], key: bytes) -> str:
    user, colon, password = found.groups()
    if not colon:  # `https://TOKEN@host`: the user is the credential
        return f"{marker(user + password, key)}@"
    return f"{user}:{marker(password, key)}@"


def _mask_parameter(found: Match[str], key: bytes, depth: int) -> str:
    name, equals, value = found.groups()
    if not equals:
        return _KEY.sub(lambda inner: marker(inner[0], key), name)
    plain = unquote_plus(value)
    if _is_credential(unquote_plus(name)):
        return f"{name}={marker(value, key)}"
    if "://" in plain and (depth == _DEEPEST or _mask_url(plain, key, depth + 1) != plain):
        return f"{name}={marker(value, key)}"  # a URL within the URL
    if _KEY.search(plain):
        return f"{name}={marker(value, key)}"
    return found[0]


# --- free text ----------------------------------------------------------------------------------

_SECRET_NAME = r"(?:api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?|access[_-]?token|auth[_-]?token"
_SECRET_NAME += r"|refresh[_-]?token|private[_-]?key|client[_-]?secret|password|passwd|passphrase)"
_QUOTED = re.compile(
    rf"(?i)({_SECRET_NAME}\\*[\"']?\s*(?:=>|[:=])\s*(\\*[\"']))"
    r"(?!\[|\$|\{|<|%)([^\s\"'\\]{6,})(?=\2)"
)
_ENVIRONMENT = re.compile(
    rf"(?=[A-Z]){_START}([A-Z][A-Z0-9_]{{0,64}}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)=)"
    r"(?![\[$<{(\"'\\]|os\.|process\.)([^\s\"'\\;&|()]{8,})"
)
_AUTHORIZATION = re.compile(
    r"((?i:authorization|api-key)\\*[\"']?\s*[:=]\s*\\*[\"']?(?:(?i:bearer|basic|token)\s+)?)"
    r"(?!\[|\$|\{|<|(?i:bearer|basic|token)\b)"
    r"(?=[^\s\"'\\,]{0,64}?(?:[0-9]|[a-z][A-Z]))([^\s\"'\\,]{8,})"
)
_BEARER = re.compile(
    rf"(?i)(?=b)(?:\b|{_ESCAPED})"
    r"(bearer\s+)(?=[A-Za-z0-9._~+/-]*[0-9])([A-Za-z0-9._~+/-]{16,}=*)(?![A-Za-z0-9])"
)
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)"
    r"(?=(?:\s|\\+[nr])*(?:[A-Za-z0-9+/]{16}|[A-Za-z-]+: ))"
    r"(?:[A-Za-z0-9+/=\s:,.]|\\+[nr]|-(?!----))*"
    r"(-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/?#@:\"'\\]*):([^\s/?#\"'\\\[]+)@")
_MATRIX_PARAMETER = re.compile(
    r"(?i)(/[A-Za-z0-9._~%-]{1,64};(?:api[_-]?key|key|token|access[_-]?token|client[_-]?secret"
    r"|password|secret)=)([A-Za-z0-9._~%+-]{8,})(?=[;/?#&\s\"']|\Z)"
)
_URL_PARAMETER = re.compile(
    r"(?i)([?&](?:api[_-]?key|key|token|access_token|auth|password|secret|client_secret|"
    r"sig|signature|x-amz-signature|x-amz-security-token)=)(?!\[)([^\s&#\"'\\<>)]{8,})"
)
_EMAIL = re.compile(
    rf"(?:(?<![A-Za-z0-9._%+/@-])(?!(?<=\\)(?:[bfnrt]|u[0-9a-fA-F]{{4}}))|{_ESCAPED})"
    r"(?!git@|hg@|svn@)[A-Za-z0-9][A-Za-z0-9._%+-]{0,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"(?!(?:png|jpe?g|gif|svg|webp|ico|py|js|ts|tsx|jsx|json|md|txt|css|html|service)\b)"
    r"[A-Za-z]{2,24}(?![A-Za-z0-9-]*[A-Za-z0-9(@])"
)
_UNIX_HOME = re.compile(
    rf"(?=/)(?:(?<![A-Za-z0-9_.-])|{_ESCAPED})"
    r"(/(?:home|Users)/)(?!Shared\b|\[user\]|\$|\{|<|\*)[A-Za-z0-9_][\w.@+-]*"
)
_MOUNTED_HOME = re.compile(
    r"((?:/mnt|/cygdrive)?/[a-z]/Users/)(?!Public\b|Default\b|\[user\])[\w.@+-]+"
)
_WINDOWS_HOME = re.compile(
    r"([A-Za-z]:(?:\\{1,4}|/)Users(?:\\{1,4}|/))(?!Public\b|Default\b|All Users\b|\[user\]|%|\$|<)"
    r"(?:[^\\/:*?\"<>|\r\n]{1,64}(?=[\\/](?!n\b|r\b|t\b))|[\w.@+-]+)"
)


def _private_key(found: Match[str]) -> str:
    return f"{found[1]}[masked]{found[2] or ''}"


def _quoted(found: Match[str]) -> str:
    return f"{found[1]}[masked]"


_TEXT_RULES: tuple[tuple[re.Pattern[str], str | Callable[[Match[str]], str]], ...] = (
    (_PRIVATE_KEY, _private_key),
    (_KEY, "[masked]"),
    (_CUT_KEY, "[masked]"),
    (_AUTHORIZATION, r"\1[masked]"),
    (_BEARER, r"\1[masked]"),
    (_QUOTED, _quoted),
    (_ENVIRONMENT, r"\1[masked]"),
    (_URL_PASSWORD, r"\1:[masked]@"),
    (_URL_PARAMETER, r"\1[masked]"),
    (_MATRIX_PARAMETER, r"\1[masked]"),
    (_EMAIL, "[e-mail]"),
    (_MOUNTED_HOME, r"\1[user]"),
    (_UNIX_HOME, r"\1[user]"),
    (_WINDOWS_HOME, r"\1[user]"),
)
