"""What a secret looks like in a plain text, and which part of what is found is the secret.

A pattern is tried only where one of its anchors stands, a fixed text that plain search finds, and
takes there a bounded time: a text of any size and of any kind takes time in proportion to it.
"""

import re

from kimitap.redact.kinds import (
    COOKIE_KIND,
    KEY_KIND,
    PASSWORD_KIND,
    PRIVATE_KEY_KIND,
    TOKEN_KIND,
    Pattern,
)
from kimitap.redact.programs import HOOKS, NO_VALUE, PROGRAMS
from kimitap.redact.shapes import BEGINNINGS, CUT_KEY, KEY

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
_PARAMETERS = (
    "key=", "token=", "auth=", "password=", "passwd=", "pwd=", "secret=", "sig=", "signature=",
    "code_verifier=", "credential=",
)
# fmt: on
_PARAMETER = (
    r"(?i:x-amz-|x-goog-|api[_-]?|account|access[_-]?|client[_-]?|refresh[_-]?|id[_-]?"
    r"|security[_-]?|x-amz-security-|shared|app[_-]?|user[_-]?){0,3}"
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
    Pattern(KEY_KIND, BEGINNINGS, re.compile(f"{KEY.pattern}|{CUT_KEY}"), 0, exact=True),
    *HOOKS,
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
            rf"{_NAME}{_IS}(?:(\")|(')|(`)){NO_VALUE}"
            r"((?(1)[^\"\r\n]|(?(2)[^'\r\n]|[^`\r\n])){5,512})(?=(?(1)\"|(?(2)'|`)))"
        ),
        4,
    ),
    Pattern(
        PASSWORD_KIND,
        ("KEY", "TOKEN", "SECRET", "PASS", "PWD"),
        re.compile(
            r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD)"
            rf"\s?=\s?{NO_VALUE}([^\s\"'`;&|()]{{6,512}})"
        ),
        behind=re.compile(r"(?:\A|[^A-Za-z0-9_])[A-Z0-9_]{0,64}\Z"),
        exact=True,
    ),
    Pattern(
        PASSWORD_KIND,
        ("pass", "pwd"),
        re.compile(
            r"(?i:pass(?:word|wd|phrase)|pwd)(?: for \S{1,64}?)?\s{0,4}(?:[:=]|\bis\b)\s{0,4}"
            rf"{NO_VALUE}(?=[^\s\"'`;&|(),<>]{{0,64}}?[0-9!@#$%^*?~+])([^\s\"'`;&|(),<>]{{5,256}})"
        ),
    ),
    Pattern(
        PASSWORD_KIND,
        ("key", "token", "secret", "pass", "pwd"),
        re.compile(
            r"(?i:key|token|secret|pass(?:word|wd|phrase)?|pwd)[ =][\"']?"
            rf"{NO_VALUE}(?!-)(?=[^\s\"'`;&|()<>]{{0,64}}?[0-9])([^\s\"'`;&|()<>]{{6,256}})"
        ),
        behind=re.compile(r"(?:\A|\s)--?[\w-]{0,40}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        ("login ",),
        re.compile(
            rf"(?i:login\s{{1,8}}\S{{1,128}}\s{{1,8}}password)\s{{1,8}}{NO_VALUE}(\S{{3,256}})"
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
        re.compile(rf"[\w-]{{1,40}}={NO_VALUE}{_VALUE}"),
        behind=re.compile(rf"[?&;]{_PARAMETER}\Z"),
    ),
    Pattern(
        PASSWORD_KIND,
        _PARAMETERS,
        re.compile(rf"[\w-]{{1,40}}={NO_VALUE}(?=[^\s&]{{0,64}}?[0-9]){_VALUE}"),
        behind=re.compile(rf"(?:\n|\A){_PARAMETER}\Z"),
    ),
    Pattern(TOKEN_KIND, (":_authtoken=",), re.compile(r":_authToken=\s{0,8}([^\s$\"']{8,256})")),
    Pattern(
        TOKEN_KIND,
        _NAMES,
        re.compile(
            r"(?i:key|token|secret|password|pass(?:wd|phrase)|pwd|credentials?|connection[_-]?string)"
            rf"[\"']?\s{{0,4}}(?:=>|:=|[:=]|\bis\b)\s{{0,4}}[\"'`]?{NO_VALUE}"
            r"([A-Za-z0-9+/_.~=-]{16,512})(?![A-Za-z0-9(])"
        ),
        behind=re.compile(rf"(?i)(?:\A|[^A-Za-z0-9_-]|(?:{_KEYS}|{_TOKENS})[_-]?|[A-Z]_)\Z"),
        guess=True,
    ),
    *PROGRAMS,
)
"""Credentials, the surest first."""
