"""What the library detect-secrets adds to our own patterns, in-process and without its scanner.

Taken are its plugins for credentials of one maker, whose shapes leave no doubt. Left out are:
- `Keyword`: it takes what stands behind any word like "secret" in code and prose for one, and its
  patterns take quadratic time on hostile text; our own patterns look at such context instead;
- `Base64HighEntropyString`, `HexHighEntropyString` as detectors: over recorded agents they find
  tool call ids, git hashes, digests and images by the thousand; their measure of entropy decides
  only where the context speaks of a secret already (`looks_random`);
- `IPPublicDetector`: an address is no credential;
- `JwtTokenDetector`, `OpenAIDetector`, `NpmDetector`, `BasicAuthDetector`, `PrivateKeyDetector`:
  our patterns find more of each, in linear time;
- Telegram's tokens that do not begin with AA, as all do today: a port or a time and any word would;
- Artifactory's passwords (`AP…`), which capitals like APACHE2LICENSE match.
Twilio's and Mailchimp's keys must not stand within a longer run of letters: base64 holds such runs.

Of its filters those of `filters.heuristic` hold that need no file: sequences, UUIDs, templates,
what has no letter. Its settings, baselines, files and verification over the network are not used.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from math import log2
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from detect_secrets.plugins.base import RegexBasedDetector
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString


class Plugin(NamedTuple):
    """A plugin by its module and class, and what must be there for it to find anything.

    One of the texts `hints` and, near it, what `shape` says. `part` are those of its patterns that
    are used; with `alone` what it finds must not stand within a longer run of letters.
    """

    module: str
    name: str
    hints: tuple[str, ...]
    shape: re.Pattern[str]
    part: slice = slice(None)
    alone: bool = False


_LONG = re.compile(r"[A-Za-z0-9+/=_-]{20}")
_RUN_64 = re.compile(r"[A-Za-z0-9]{64}")
PLUGINS: tuple[Plugin, ...] = (
    Plugin("artifactory", "ArtifactoryDetector", ("AKC",), re.compile(r"AKC\w{10}"), slice(0, 1)),
    Plugin("aws", "AWSKeyDetector", ("A3T", "ABIA", "ACCA", "AKIA", "ASIA"), _LONG),
    Plugin("aws", "AWSKeyDetector", ("aws", "AWS", "Aws"), re.compile(r"[\"'][0-9A-Za-z/+]{40}")),
    Plugin("azure_storage_key", "AzureStorageKeyDetector", ("AccountKey=",), _LONG),
    Plugin("cloudant", "CloudantDetector", ("cloudant", "Cloudant", "CLOUDANT"), _LONG),
    Plugin(
        "discord",
        "DiscordBotTokenDetector",
        (".",),
        re.compile(r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}"),
        alone=True,
    ),
    Plugin("github_token", "GitHubTokenDetector", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), _LONG),
    Plugin(
        "gitlab_token",
        "GitLabTokenDetector",
        ("gl", "GR1348941"),
        re.compile(r"gl[a-z]{2,5}-|GR13"),
    ),
    Plugin("ibm_cloud_iam", "IbmCloudIamDetector", ("ibm", "IBM", "iam_", "IAM_"), _LONG),
    Plugin(
        "ibm_cos_hmac",
        "IbmCosHmacDetector",
        ("cos_", "cos-", "COS_", "hmac", "HMAC", "ibm", "IBM"),
        re.compile(r"[0-9A-Fa-f]{48}"),
    ),
    Plugin("mailchimp", "MailchimpDetector", ("-us",), re.compile(r"[0-9a-z]{32}-us"), alone=True),
    Plugin("pypi_token", "PypiTokenDetector", ("pypi-AgE",), _LONG),
    Plugin("sendgrid", "SendGridDetector", ("SG.",), _LONG),
    Plugin("slack", "SlackDetector", ("xox", "hooks.slack.com"), re.compile(r"xox.-|services/T")),
    Plugin("softlayer", "SoftlayerDetector", ("softlayer", "SOFTLAYER", "sl_", "SL_"), _RUN_64),
    Plugin("square_oauth", "SquareOAuthDetector", ("sq0csp-",), _LONG),
    Plugin("stripe", "StripeDetector", ("k_live_",), _LONG),
    Plugin("telegram_token", "TelegramBotTokenDetector", (":AA",), _LONG, alone=True),
    Plugin("twilio", "TwilioKeyDetector", ("AC", "SK"), re.compile(r"(?:AC|SK)\w{32}"), alone=True),
)
"""The library takes half a second to load: it is, where a text may hold what a plugin finds."""
_BEFORE, _BEHIND = 64, 512
"""So much before and behind a hint is looked at: no plugin's pattern reaches further."""
_NINE = " " * 9
_SPACES = re.compile(_NINE + " *+")
"""Some plugins take cubic time on long runs of blanks: such a run is looked at as two blanks."""
_ALONE = re.compile(r"[A-Za-z0-9+/=_-]")

_RANDOM = 3.4
"""Bits a character from which on a short value is random: "correct-horse-battery" has 3.3."""
_SEAMS = re.compile(r"[-_/.+=~]")
_RUN = 10
"""A random value has at least so many letters and figures in a row: AES-256-GCM/NoPadding has 9."""


def detected(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, stop, the plugin's name for its kind) of each secret that a plugin finds."""
    for plugin in PLUGINS:
        for begin, end in _windows(text, plugin.hints):
            part = text[begin:end]
            if not plugin.shape.search(part):
                continue
            detector = _detector(plugin.module, plugin.name)
            for pattern in tuple(detector.denylist)[plugin.part]:
                for start, stop in _spans(pattern, part):
                    if _stands(plugin, part, start, stop):
                        kind = str(detector.secret_type)
                        yield begin + start, begin + stop, kind


def _windows(text: str, hints: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The parts of a text around hints; what is near together is one part."""
    for hint in hints:
        at = text.find(hint)
        while at >= 0:
            begin, end = max(0, at - _BEFORE), at + _BEHIND
            while 0 <= (at := text.find(hint, at + len(hint))) < end:
                end = at + _BEHIND
            yield begin, min(end, len(text))


@cache
def _detector(module: str, name: str) -> "RegexBasedDetector":
    found: RegexBasedDetector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
    return found


@cache
def _measure() -> "Base64HighEntropyString":
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    return Base64HighEntropyString(limit=3.6)


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    if _NINE not in text:
        for found in pattern.finditer(text):
            yield next((found.span(i + 1) for i, g in enumerate(found.groups()) if g), found.span())
        return
    at = 0
    for found in pattern.finditer(_SPACES.sub("  ", text)):
        value = next(filter(None, found.groups()), found[0])
        start = text.find(value, at)
        if start >= 0:
            at = start + len(value)
            yield start, at


def _stands(plugin: Plugin, text: str, start: int, stop: int) -> bool:
    from detect_secrets.filters import heuristic

    secret = text[start:stop]
    if plugin.alone and ((start and _ALONE.match(text, start - 1)) or _ALONE.match(text, stop)):
        return False
    return not (
        heuristic.is_sequential_string(secret)
        or heuristic.is_templated_secret(secret)
        or heuristic.is_not_alphanumeric_string(secret)
    )


def looks_random(value: str) -> bool:
    """Whether a value that stands where a secret would is one, and no name, path, id or digest.

    It has digits and letters, no UUID, nothing that is a reference, and the entropy of chance.
    """
    kinds = (str.isdigit, str.isupper, str.islower)
    if sum(any(map(kind, value)) for kind in kinds) < 2 or not any(map(str.isdigit, value)):
        return False
    if not any(len(run) >= _RUN for run in _SEAMS.split(value)):
        return False
    from detect_secrets.filters import heuristic

    if heuristic.is_potential_uuid(value) or heuristic.is_sequential_string(value):
        return False
    if heuristic.is_templated_secret(value) or heuristic.is_prefixed_with_dollar_sign(value):
        return False
    least = min(_RANDOM, log2(len(value)) * 0.8)
    return _measure().calculate_shannon_entropy(value) >= least
