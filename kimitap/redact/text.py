"""Secrets in free text, taken out one text at a time: for what is shown or copied as text."""

import re
from collections.abc import Callable
from re import Match

from kimitap.redact.shapes import CUT_KEY, ESCAPED, KEY, START


def mask_text(text: str) -> str:
    """`text` without keys, tokens, passwords, private keys, e-mail addresses and users' names in
    home paths. A JSON text stays valid JSON; equal texts stay equal."""
    for pattern, mask in _TEXT_RULES:
        text = pattern.sub(mask, text)
    return text


_SECRET_NAME = r"(?:api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?|access[_-]?token|auth[_-]?token"
_SECRET_NAME += r"|refresh[_-]?token|private[_-]?key|client[_-]?secret|password|passwd|passphrase)"
_QUOTED = re.compile(
    rf"(?i)({_SECRET_NAME}\\*[\"']?\s*(?:=>|[:=])\s*(\\*[\"']))"
    r"(?!\[|\$|\{|<|%)([^\s\"'\\]{6,})(?=\2)"
)
_ENVIRONMENT = re.compile(
    rf"(?=[A-Z]){START}([A-Z][A-Z0-9_]{{0,64}}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)=)"
    r"(?![\[$<{(\"'\\]|os\.|process\.)([^\s\"'\\;&|()]{8,})"
)
_AUTHORIZATION = re.compile(
    r"((?i:authorization|api-key)\\*[\"']?\s*[:=]\s*\\*[\"']?(?:(?i:bearer|basic|token)\s+)?)"
    r"(?!\[|\$|\{|<|(?i:bearer|basic|token)\b)"
    r"(?=[^\s\"'\\,]{0,64}?(?:[0-9]|[a-z][A-Z]))([^\s\"'\\,]{8,})"
)
_BEARER = re.compile(
    rf"(?i)(?=b)(?:\b|{ESCAPED})"
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
    rf"(?:(?<![A-Za-z0-9._%+/@-])(?!(?<=\\)(?:[bfnrt]|u[0-9a-fA-F]{{4}}))|{ESCAPED})"
    r"(?!git@|hg@|svn@)[A-Za-z0-9][A-Za-z0-9._%+-]{0,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"(?!(?:png|jpe?g|gif|svg|webp|ico|py|js|ts|tsx|jsx|json|md|txt|css|html|service)\b)"
    r"[A-Za-z]{2,24}(?![A-Za-z0-9-]*[A-Za-z0-9(@])"
)
_UNIX_HOME = re.compile(
    rf"(?=/)(?:(?<![A-Za-z0-9_.-])|{ESCAPED})"
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
    (KEY, "[masked]"),
    (CUT_KEY, "[masked]"),
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
