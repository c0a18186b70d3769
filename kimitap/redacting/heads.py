"""The head of a request or an answer without its secrets: headers, the request target, reasons."""

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote_plus

from kimitap.exchange import Headers
from kimitap.redact.finder import Finder, password_in
from kimitap.redact.headers import masked_headers, masked_url
from kimitap.redact.hosts import tells, without_hosts
from kimitap.redact.kinds import HOST_KIND, PASSWORD_KIND, TOKEN_KIND
from kimitap.redact.ledger import Ledger

Told = Counter[tuple[str, str]]
_UNFIT = re.compile(r"[\[\] :]+")
"""What of a mask must not stand in a header's name."""


def head_text(text: str, where: str, finder: Finder, told: Told) -> str:
    """A text of one line without its secrets."""
    out: list[str] = []
    at = 0
    for found in finder.find(text):
        out += (text[at : found.start], finder.ledger.mask(found.kind, found.value))
        told[where, found.kind] += 1
        at = found.stop
    return "".join((*out, text[at:])) if out else text


def head_headers(headers: Headers, side: str, finder: Finder, told: Told) -> Headers:
    """Headers without credentials, whole values where a name tells of one, and other secrets."""
    if not finder.only_named:
        headers = without_hosts(headers, _host_masks(finder.ledger, side, told))
    return tuple(_header(name, value, side, finder, told) for name, value in headers)


def _host_masks(ledger: Ledger, side: str, told: Told) -> Callable[[str, str], str]:
    def mask(name: str, host: str) -> str:
        told[f"{side} header {name}", HOST_KIND] += 1
        return ledger.mask(HOST_KIND, host)

    return mask


def head_host(host: str, finder: Finder, told: Told) -> str:
    """A host's name, or what stands for one that tells which it is; a name still."""
    if finder.only_named or not tells(host):
        return host
    told["host", HOST_KIND] += 1
    return finder.ledger.mask(HOST_KIND, host)


def _header(name: str, value: str, side: str, finder: Finder, told: Told) -> tuple[str, str]:
    where = f"{side} header {_header_name(name, side, finder, Counter())}"
    if not finder.only_named:
        ((_, value),) = masked_headers(((name, value),), _counting(finder.ledger, where, told))
    return _header_name(name, side, finder, told), head_text(value, where, finder, told)


def _header_name(name: str, side: str, finder: Finder, told: Told) -> str:
    """A header's name without its secrets, of which one that is masked is a name still."""
    where = f"{side} header's name"
    return _UNFIT.sub("-", head_text(name, where, finder, told)) if finder.find(name) else name


def head_url(path: str, finder: Finder, told: Told) -> str:
    """A request target without its secrets; masks in it hold no blank."""
    mask = _counting(finder.ledger, "URL", told)
    if not finder.only_named:
        path = masked_url(path, lambda secret: mask(secret).replace(" ", "-"))
    out: list[str] = []
    at = 0
    for found in finder.find(path):
        out += (
            path[at : found.start],
            finder.ledger.mask(found.kind, found.value).replace(" ", "-"),
        )
        told["URL", found.kind] += 1
        at = found.stop
    return "".join((*out, path[at:]))


def _counting(ledger: Ledger, where: str, told: Told) -> Callable[[str], str]:
    def mask(secret: str) -> str:
        plain = unquote_plus(secret) if "%" in secret else secret
        made = ledger.mask(TOKEN_KIND, plain) if secret.strip() else secret
        told[where, TOKEN_KIND] += made != secret
        return made

    return mask


def learn_head(headers: Headers, path: str, ledger: Ledger) -> None:
    """Have the credentials of a head looked for everywhere."""

    def learn(secret: str) -> str:
        ledger.learn(TOKEN_KIND, unquote_plus(secret) if "%" in secret else secret)
        ledger.learn(PASSWORD_KIND, password_in(secret))
        return secret

    masked_headers(headers, learn)
    masked_url(path, learn)
