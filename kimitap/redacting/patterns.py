"""What a secret looks like in a plain text, and which part of what is found is the secret.

Each pattern takes time in proportion to the text, whatever it is. `hints` are texts of which one
must be there, in any letter case: most texts are done with after as many plain searches.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from kimitap.redact.shapes import CUT_KEY, KEY

KEY_KIND = "API key"
TOKEN_KIND = "token"
PASSWORD_KIND = "password"
PRIVATE_KEY_KIND = "private key"
COOKIE_KIND = "cookie"
RANDOM_KIND = "high-entropy string"
WORD_KIND = "word named by the user"
EMAIL_KIND = "e-mail address"
HOME_KIND = "home path"

LABELS = {EMAIL_KIND: "e-mail", HOME_KIND: "user", RANDOM_KIND: "secret", WORD_KIND: "word"}
"""How a mask calls its kind, where that is not the kind's own name."""
_NAMES = "|".join(
    (KEY_KIND, TOKEN_KIND, PASSWORD_KIND, PRIVATE_KEY_KIND, COOKIE_KIND, *LABELS.values())
).replace(" ", "[ -]")
MASK = rf"\[(?:(?:{_NAMES})[ -][0-9]{{1,9}}|masked(?::[0-9a-f]{{8}})?|e-mail|user|binary)\]"
"""What stands for a secret already."""


class Pattern(NamedTuple):
    """Group `group` of a match is a secret of `kind`; a `guess` must also look random."""

    kind: str
    regex: re.Pattern[str]
    group: int
    hints: Sequence[str] = ()
    guess: bool = False


_NO_VALUE = (
    r"(?!\[|\$|\{|<|%[A-Z(]|\(|\*|&|\\|os\.|process\.|env\.|self\.|this\.|config\.|settings\."
    r"|(?i:none|null|nil|true|false|undefined|string|str|bytes|int|bool|object|required|optional"
    r"|any|secret|password|redacted|masked|hidden|changeme|x{3,}|\.{3}|…|your[-_ ]|my[-_ ]|get_?"
    r"|input|example)\b)"
)
"""What stands where a secret would, and is none: a variable, a type, a place to fill in."""
_NAME = (
    r"(?:api[_-]?key|apikey|secret(?:[_-]?(?:access[_-]?)?key)?|access[_-]?key|client[_-]?secret"
    r"|(?:access|auth|refresh|id|session|bearer|bot|user|api|personal[_-]access)[_-]?token|token"
    r"|private[_-]?key|signing[_-]?key|encryption[_-]?key|pass(?:word|wd|phrase)|pwd|credentials?"
    r"|connection[_-]?string|account[_-]?key|master[_-]?key|webhook[_-]?secret)"
)
_HINTS = ("key", "secret", "token", "pass", "pwd", "credential", "connection")
_PASS = r"(?:pass(?:word|wd|phrase)|pwd)"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        PRIVATE_KEY_KIND,
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"((?=\s*(?:[A-Za-z0-9+/]{16}|[A-Za-z-]+: ))(?:[A-Za-z0-9+/=\s:,.]|-(?!----))*)"
        ),
        1,
        ("private key",),
    ),
    Pattern(KEY_KIND, KEY, 0),
    Pattern(KEY_KIND, CUT_KEY, 0, ("…",)),
    Pattern(
        PASSWORD_KIND,
        re.compile(r"(?<=://)[^\s/?#@:\"'\\<>]{0,256}:([^\s/?#\"'\\<>]{1,256})@"),
        1,
        ("://",),
    ),
    Pattern(
        TOKEN_KIND,
        re.compile(
            r"(?i:authorization|api-key|x-auth-token)[\"']?\s{0,8}[:=]\s{0,8}[\"']?"
            r"(?:(?i:bearer|basic|token)\s{1,8})?"
            r"(?!\[|\$|\{|<|(?i:bearer|basic|token)\b)(?=[^\s\"',]{0,64}?(?:[0-9]|[a-z][A-Z]))"
            r"([^\s\"',]{8,})"
        ),
        1,
        ("authorization", "api-key", "auth-token"),
    ),
    Pattern(
        TOKEN_KIND,
        re.compile(
            r"\b(?i:bearer)\s{1,8}(?=[A-Za-z0-9._~+/-]{0,256}?[0-9])([A-Za-z0-9._~+/-]{16,}=*)"
        ),
        1,
        ("bearer",),
    ),
    Pattern(
        COOKIE_KIND,
        re.compile(r"(?i:(?<![\w-])(?:set-)?cookie2?):[ \t]{0,8}(\w[^\r\n\"']{0,4096})"),
        1,
        ("cookie:", "cookie2:"),
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(
            rf"(?i:{_NAME})[\"'\]]{{0,2}}\s{{0,8}}(?:=>|:=|[:=])\s{{0,8}}"
            rf"(?:(\")|(')|(`)){_NO_VALUE}"
            r"((?(1)[^\"\r\n]|(?(2)[^'\r\n]|[^`\r\n])){5,256})(?=(?(1)\"|(?(2)'|`)))"
        ),
        4,
        _HINTS,
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(
            r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]{0,64}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD)"
            rf"\s?=\s?{_NO_VALUE}([^\s\"'`;&|()]{{6,512}})"
        ),
        1,
        _HINTS,
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(
            rf"(?i:(?<![A-Za-z0-9]){_PASS})\s{{0,4}}[:=]\s{{0,4}}{_NO_VALUE}"
            r"(?=[^\s\"'`;&|(),<>]{0,64}?[0-9!@#$%^*?~+])([^\s\"'`;&|(),<>]{5,256})"
        ),
        1,
        _HINTS,
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(
            rf"--?(?i:{_NAME})[ =][\"']?{_NO_VALUE}(?!-)(?=[^\s\"'`;&|()<>]{{0,64}}?[0-9])"
            r"([^\s\"'`;&|()<>]{6,256})"
        ),
        1,
        _HINTS,
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(
            rf"\blogin\s{{1,8}}\S{{1,128}}\s{{1,8}}password\s{{1,8}}{_NO_VALUE}(\S{{3,256}})"
        ),
        1,
        ("password",),
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(r"(?:\s-u|\s--user)[ =][\"']?[^\s:'\"]{1,128}:([^\s'\"$]{3,256})"),
        1,
        (" -u", " --user"),
    ),
    Pattern(
        PASSWORD_KIND,
        re.compile(
            r"(?i)(?:[?&;]|(?<=\A)|(?<=\n))"
            r"(?:api[_-]?key|key|token|access_token|auth|password|passwd|pwd|secret|client_secret"
            r"|refresh_token|id_token|code_verifier"
            r"|sig|signature|x-amz-signature|x-amz-security-token|x-amz-credential|accountkey)="
            r"(?!\[)([^\s&#\"'\\<>);]{6,2048})(?![(\w])"
        ),
        1,
        ("=",),
    ),
    Pattern(
        TOKEN_KIND,
        re.compile(r":_authToken=\s{0,8}([^\s$\"']{8,256})"),
        1,
        ("_authtoken",),
    ),
    Pattern(
        TOKEN_KIND,
        re.compile(
            rf"(?i:{_NAME})[\"']?\s{{0,4}}(?:=>|:=|[:=]|\bis\b)\s{{0,4}}[\"'`]?{_NO_VALUE}"
            r"([A-Za-z0-9+/_.~=-]{16,512})(?![A-Za-z0-9(])"
        ),
        1,
        _HINTS,
        guess=True,
    ),
)
"""Credentials, the surest first."""

_ENDING = r"(?!(?:png|jpe?g|gif|svg|webp|ico|py|js|ts|tsx|jsx|json|md|txt|css|html|service)\b)"
_NOBODY = (
    r"(?!(?:Shared|Public|Default|All Users|runner|user|username|USER|you|me)\b)(?![\[$%{<*.])"
)

_PART = r"[^\\/:*?\"<>|\r\n\s]{1,64}"

PERSONAL: tuple[Pattern, ...] = (
    Pattern(
        EMAIL_KIND,
        re.compile(
            r"(?<![\w.%+/@-])(?!git@|hg@|svn@)([^\W_][\w.%+'-]{0,64}"
            r"@(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.){1,8}" + _ENDING + r"[^\W\d_]{2,24})"
            r"(?![\w-]*[\w(@])"
        ),
        1,
        ("@",),
    ),
    Pattern(
        HOME_KIND,
        re.compile(
            r"(?:(?<![\w.-])|(?<=/var)|(?<=/export)|(?<=/mnt)|(?<=/mnt/[a-z])|(?<=/cygdrive/[a-z])"
            r"|(?<=/[a-z])|(?<=file:/)|(?<=file://)|(?<=[A-Za-z0-9]:)|(?<=localhost))"
            rf"/(?:home|Users)/{_NOBODY}((?:[^\W_]|_)[\w.@+-]*+)(?!:?//)"
        ),
        1,
        ("/home/", "/users/"),
    ),
    Pattern(
        HOME_KIND,
        re.compile(
            r"(?i:[a-z]:|\\\\[\w.$-]{1,64}|\\)[\\/]{1,8}(?i:users|documents and settings)[\\/]{1,8}"
            rf"{_NOBODY}({_PART}(?:[ ]{_PART}){{0,3}}(?=[\\/])"
            r"|[\w.@+-]{1,64})"
        ),
        1,
        ("users", "documents and"),
    ),
    Pattern(
        HOME_KIND,
        re.compile(rf"(?:(?<=[\s\"'`(/:])|\A)-(?:home|Users)-{_NOBODY}([^\W_][^\W_]*)(?=-|\b)"),
        1,
        ("-home-", "-users-"),
    ),
    Pattern(
        HOME_KIND,
        re.compile(r"(?<![\w~/.\\)\]-])~([^\W\d_][\w.-]{0,63})(?=/)"),
        1,
        ("~",),
    ),
)
"""What names a person."""
