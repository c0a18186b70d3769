"""What a secret looks like in a plain text, and which part of what is found is the secret.

A pattern is tried only where one of its anchors stands, a fixed text that plain search finds, and
takes there a bounded time: a text of any size and of any kind takes time in proportion to it.
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
WORD_KIND = "word named by the user"
EMAIL_KIND = "e-mail address"
HOME_KIND = "home path"

LABELS = {EMAIL_KIND: "e-mail", HOME_KIND: "user", WORD_KIND: "word"}
"""How a mask calls its kind, where that is not the kind's own name."""
_OWN = (KEY_KIND, TOKEN_KIND, PASSWORD_KIND, PRIVATE_KEY_KIND, COOKIE_KIND)


class Pattern(NamedTuple):
    """Group `group` of a match is a secret of `kind`.

    `regex` is matched where an anchor begins; what stands before must end with `behind`, of which
    group 1, if any, belongs to the secret. Anchors are in lower case unless `exact`. A `guess` must
    also look random.
    """

    kind: str
    anchors: Sequence[str]
    regex: re.Pattern[str]
    group: int = 1
    behind: re.Pattern[str] | None = None
    exact: bool = False
    guess: bool = False


REACH = 80
"""So many characters before an anchor are looked at."""

_NO_VALUE = (
    r"(?!\[|\$|\{|<|%[A-Z(]|\(|\*|&|\\|os\.|process\.|env\.|self\.|this\.|config\.|settings\."
    r"|(?i:none|null|nil|true|false|undefined|string|str|bytes|int|bool|object|required|optional"
    r"|any|secret|password|redacted|masked|hidden|changeme|x{3,}|\.{3}|…|your[-_ ]|my[-_ ]|get_?"
    r"|input|example)\b)"
)
"""What stands where a secret would, and is none: a variable, a type, a place to fill in."""
_KEYS = "api|secret|access|client|private|signing|encryption|account|master|auth|service|db|ssh"
_TOKENS = "access|auth|refresh|id|session|bearer|bot|user|api|csrf|xsrf|deploy|github|gitlab|hf|npm"


def _after(words: str) -> str:
    """A look behind for one of the words, with or without a mark after it."""
    return "(?:" + "|".join(f"(?<={w}{m})" for w in words.split("|") for m in ("", "_", "-")) + ")"


_NAME = (
    rf"(?i:{_after(_KEYS)}key|{_after(_TOKENS)}token|secret(?:[_-]?(?:access[_-]?)?key)?"
    r"|pass(?:word|wd|phrase)|pwd|credentials?|connection[_-]?string)"
)
_NAMES = ("key", "token", "secret", "pass", "pwd", "credential", "connection")
_IS = r"[\"'\]]{0,2}\s{0,8}(?:=>|:=|[:=])\s{0,8}"

# fmt: off
_BEGINNINGS = (
    "sk-", "sk_", "rk_", "hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "AKIA", "ASIA", "AIza", "ya29.", "xox", "gsk_", "r8_", "pplx-", "xai-", "nvapi-", "npm_",
    "pypi-AgE", "SG.", "dop_v1_", "eyJ",
)
"""Of `KEY`'s shapes."""
_OTHER_BEGINNINGS = (
    "gocspx-", "dckr_pat_", "hvs.", "lin_api_", "ntn_", "tvly-", "shpat_", "whsec_", "glsa_",
    "atatt3", "dapi", "age-secret-key-1", "fw_", "csk-", "sk-ant-", "1//0", "eaac", "phx_",
)
_PARAMETERS = (
    "key=", "token=", "auth=", "password=", "passwd=", "pwd=", "secret=", "sig=", "signature=",
    "code_verifier=", "credential=",
)
# fmt: on
_PARAMETER = (
    r"(?i:x-amz-|x-goog-|api[_-]?|account|access[_-]?|client[_-]?|refresh[_-]?|id[_-]?"
    r"|security[_-]?|x-amz-security-|shared|app[_-]?|user[_-]?)?"
)
_VALUE = r"([^\s&#\"'\\<>();]{5,2048})(?![(\w])"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        PRIVATE_KEY_KIND,
        ("-----begin ",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"((?=\s*(?:[A-Za-z0-9+/]{16}|[A-Za-z-]+: ))(?:[A-Za-z0-9+/=\s:,.]|-(?!----))*)"
        ),
    ),
    Pattern(
        KEY_KIND,
        _BEGINNINGS,
        KEY,
        0,
        exact=True,
    ),
    Pattern(
        KEY_KIND,
        _BEGINNINGS,
        CUT_KEY,
        0,
        exact=True,
    ),
    Pattern(
        KEY_KIND,
        _OTHER_BEGINNINGS,
        re.compile(
            r"(?<![A-Za-z0-9_])(?:GOCSPX-[A-Za-z0-9_-]{20,64}|dckr_pat_[A-Za-z0-9_-]{20,64}"
            r"|hvs\.[A-Za-z0-9_-]{20,256}|lin_api_[A-Za-z0-9]{32,64}|ntn_[A-Za-z0-9]{32,64}"
            r"|tvly-(?:dev-)?[A-Za-z0-9]{24,64}|shpat_[a-f0-9]{32}|whsec_[A-Za-z0-9+/=]{24,64}"
            r"|glsa_[A-Za-z0-9_]{30,64}|ATATT3[A-Za-z0-9_=-]{40,256}|dapi[a-f0-9]{32}"
            r"|AGE-SECRET-KEY-1[A-Z0-9]{50,64}|fw_[A-Za-z0-9]{22,64}|csk-[a-z0-9]{40,64}"
            r"|sk-ant-[A-Za-z0-9_-]{20,256}|1//0[A-Za-z0-9_-]{30,256}|EAAC[A-Za-z0-9]{40,256}"
            r"|phx_[A-Za-z0-9]{40,64})(?![A-Za-z0-9])"
        ),
        0,
    ),
    Pattern(
        PASSWORD_KIND,
        ("://",),
        re.compile(r"://[^\s/?#@:\"'\\<>\[]{0,256}:([^\s/?#\"'\\<>\[]{1,256})@"),
    ),
    Pattern(
        TOKEN_KIND,
        ("authorization", "api-key", "auth-token"),
        re.compile(
            r"(?i:authorization|api-key|auth-token)[\"']?\s{0,8}[:=]\s{0,8}[\"']?"
            r"(?:(?i:bearer|basic|token)\s{1,8})?"
            r"(?!\[|\$|\{|<|(?i:bearer|basic|token)\b)(?=[^\s\"',]{0,64}?(?:[0-9]|[a-z][A-Z]))"
            r"([^\s\"',]{8,4096})"
        ),
    ),
    Pattern(
        TOKEN_KIND,
        ("bearer",),
        re.compile(
            r"\b(?i:bearer)\s{1,8}(?=[A-Za-z0-9._~+/-]{0,256}?[0-9])([A-Za-z0-9._~+/-]{16,4096}=*)"
        ),
    ),
    Pattern(
        COOKIE_KIND,
        ("cookie:", "cookie2:"),
        re.compile(r"(?i:cookie2?):[ \t]{0,8}(\w[^\s\"'=]{0,256}=[^\r\n\"']{0,4096})"),
        behind=re.compile(r"(?:\A|[^\w-]|(?i:set-))\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        _NAMES,
        re.compile(
            rf"{_NAME}{_IS}(?:(\")|(')|(`)){_NO_VALUE}"
            r"((?(1)[^\"\r\n]|(?(2)[^'\r\n]|[^`\r\n])){5,512})(?=(?(1)\"|(?(2)'|`)))"
        ),
        4,
    ),
    Pattern(
        PASSWORD_KIND,
        ("KEY", "TOKEN", "SECRET", "PASS", "PWD"),
        re.compile(
            r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD)"
            rf"\s?=\s?{_NO_VALUE}([^\s\"'`;&|()]{{6,512}})"
        ),
        behind=re.compile(r"(?:\A|[^A-Za-z0-9_])[A-Z0-9_]{0,64}\Z"),
        exact=True,
    ),
    Pattern(
        PASSWORD_KIND,
        ("pass", "pwd"),
        re.compile(
            r"(?i:pass(?:word|wd|phrase)|pwd)\s{0,4}(?:[:=]|\bis\b)\s{0,4}"
            rf"{_NO_VALUE}(?=[^\s\"'`;&|(),<>]{{0,64}}?[0-9!@#$%^*?~+])([^\s\"'`;&|(),<>]{{5,256}})"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        ("key", "token", "secret", "pass", "pwd"),
        re.compile(
            r"(?i:key|token|secret|pass(?:word|wd|phrase)?|pwd)[ =][\"']?"
            rf"{_NO_VALUE}(?!-)(?=[^\s\"'`;&|()<>]{{0,64}}?[0-9])([^\s\"'`;&|()<>]{{6,256}})"
        ),
        behind=re.compile(r"(?:\A|\s)--?[\w-]{0,40}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        ("login ",),
        re.compile(
            rf"(?i:login\s{{1,8}}\S{{1,128}}\s{{1,8}}password)\s{{1,8}}{_NO_VALUE}(\S{{3,256}})"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        (" -u", " --user"),
        re.compile(
            r" (?:-u|--user)[ =]?[\"']?(?![0-9]+:[0-9]+\b)[^\s:'\"]{1,128}:([^\s'\"$\[]{3,256})"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        _PARAMETERS,
        re.compile(rf"[\w-]{{1,40}}={_NO_VALUE}{_VALUE}"),
        behind=re.compile(rf"[?&;]{_PARAMETER}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        _PARAMETERS,
        re.compile(rf"[\w-]{{1,40}}={_NO_VALUE}(?=[^\s&]{{0,64}}?[0-9]){_VALUE}"),
        behind=re.compile(rf"(?:\n|\A){_PARAMETER}\Z"),
    ),
    Pattern(TOKEN_KIND, (":_authtoken=",), re.compile(r":_authToken=\s{0,8}([^\s$\"']{8,256})")),
    Pattern(
        TOKEN_KIND,
        _NAMES,
        re.compile(
            r"(?i:key|token|secret|password|pass(?:wd|phrase)|pwd|credentials?|connection[_-]?string)"
            rf"[\"']?\s{{0,4}}(?:=>|:=|[:=]|\bis\b)\s{{0,4}}[\"'`]?{_NO_VALUE}"
            r"([A-Za-z0-9+/_.~=-]{16,512})(?![A-Za-z0-9(])"
        ),
        behind=re.compile(rf"(?i)(?:\A|[^A-Za-z0-9_-]|(?:{_KEYS}|{_TOKENS})[_-]?|[A-Z]_)\Z"),
        guess=True,
    ),
)
"""Credentials, the surest first."""

_ENDING = r"(?!(?:png|jpe?g|gif|svg|webp|ico|py|js|ts|tsx|jsx|json|md|txt|css|html|service)\b)"
_NOBODY = (
    r"(?!(?:Shared|Public|Default|All Users|runner|user|username|USER|name|you|me)\b)(?![\[$%{<*.])"
)
_PART = r"[^\\/:*?\"<>|\r\n\s]{1,64}"

PERSONAL: tuple[Pattern, ...] = (
    Pattern(
        EMAIL_KIND,
        ("@",),
        re.compile(
            rf"@(?:[^\W_](?:[\w-]{{0,62}}[^\W_])?\.){{1,8}}{_ENDING}[^\W\d_]{{2,24}}"
            r"(?![\w-]{0,64}[\w(@])"
        ),
        0,
        re.compile(r"(?:\A|[^\w.%+/@-])(?!(?:git|hg|svn)\Z)([^\W_][\w.%+'-]{0,64})\Z"),
    ),
    Pattern(
        HOME_KIND,
        ("/home/", "/Users/"),
        re.compile(rf"/(?:home|Users)/{_NOBODY}(\w[\w.@+-]{{0,64}})(?!:?//)"),
        behind=re.compile(
            r"(?:(?:\A|[^\w.-])|/var|/export|/mnt|(?:/mnt|/cygdrive)?/[a-z]|file:/{1,2}|[A-Za-z0-9]:"
            r"|localhost)\Z"
        ),
        exact=True,
    ),
    Pattern(
        HOME_KIND,
        ("users\\", "users/", "documents and settings\\", "documents and settings/"),
        re.compile(
            rf"(?i:users|documents and settings)[\\/]{{1,8}}{_NOBODY}"
            rf"({_PART}(?:[ ]{_PART}){{0,3}}(?=[\\/])|[\w.@+-]{{1,64}})"
        ),
        behind=re.compile(r"(?i)(?:[a-z]:[\\/]{1,8}|\\\\[\w.$-]{1,64}[\\/]{1,8}|\\)\Z"),
    ),
    Pattern(
        HOME_KIND,
        ("-home-", "-Users-"),
        re.compile(rf"-(?:home|Users)-{_NOBODY}([^\W_]{{1,64}})(?=-|\b)"),
        behind=re.compile(r"(?:\A|[\s\"'`(/:])\Z"),
        exact=True,
    ),
    Pattern(
        HOME_KIND,
        ("~",),
        re.compile(r"~([^\W\d_][\w.-]{0,63})(?=/)"),
        behind=re.compile(r"(?:\A|[^\w~/.\\)\]-])\Z"),
    ),
)
"""What names a person."""

_SPELLED = "|".join((*_OWN, "secret", *LABELS.values())).replace(" ", "[ -]")
MASK = rf"\[(?:(?:{_SPELLED})[ -][0-9]{{1,9}}|masked(?::[0-9a-f]{{8}})?|e-mail|user)\]"
"""What stands for a secret already."""


def label(kind: str) -> str:
    """How a mask calls its kind; what the detector found is a secret."""
    return LABELS.get(kind, kind if kind in _OWN else "secret")
