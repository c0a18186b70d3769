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
from math import log2

from detect_secrets.filters import heuristic
from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

PLUGINS: tuple[tuple[type[RegexBasedDetector], tuple[str, ...]], ...] = (
    (ArtifactoryDetector, ("AKC",)),
    (AWSKeyDetector, ("A3T", "ABIA", "ACCA", "AKIA", "ASIA", "aws", "AWS", "Aws")),
    (AzureStorageKeyDetector, ("AccountKey=",)),
    (CloudantDetector, ("cloudant", "Cloudant", "CLOUDANT")),
    (DiscordBotTokenDetector, (".",)),
    (GitHubTokenDetector, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    (GitLabTokenDetector, ("gl", "GR1348941")),
    (IbmCloudIamDetector, ("ibm", "IBM", "iam_", "IAM_")),
    (IbmCosHmacDetector, ("cos_", "cos-", "COS_", "hmac", "HMAC", "ibm", "IBM")),
    (MailchimpDetector, ("-us",)),
    (PypiTokenDetector, ("pypi-AgE",)),
    (SendGridDetector, ("SG.",)),
    (SlackDetector, ("xox", "hooks.slack.com")),
    (SoftlayerDetector, ("softlayer", "SOFTLAYER", "sl_", "SL_")),
    (SquareOAuthDetector, ("sq0csp-",)),
    (StripeDetector, ("k_live_",)),
    (TelegramBotTokenDetector, (":AA",)),
    (TwilioKeyDetector, ("AC", "SK")),
)
"""Plugin, and texts of which one must be there for it to find anything."""
_BEFORE, _BEHIND = 64, 512
"""So much before and behind a hint is looked at: no plugin's pattern reaches further."""
_PARTS: dict[type[RegexBasedDetector], slice] = {ArtifactoryDetector: slice(0, 1)}
"""Which of a plugin's patterns are used, where not all are."""
_NINE = " " * 9
_SPACES = re.compile(_NINE + " *+")
"""Some plugins take cubic time on long runs of blanks: such a run is looked at as two blanks."""
_ALONE = re.compile(r"[A-Za-z0-9+/=_-]")
_BOUNDED = (TwilioKeyDetector, MailchimpDetector, TelegramBotTokenDetector, DiscordBotTokenDetector)

_measure = Base64HighEntropyString(limit=3.6)
_RANDOM = 3.4
"""Bits a character from which on a short value is random: "correct-horse-battery" has 3.3."""
_SEAMS = re.compile(r"[-_/.+=~]")
_RUN = 10
"""A random value has at least so many letters and figures in a row: AES-256-GCM/NoPadding has 9."""


def detected(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, stop, the plugin's name for its kind) of each secret that a plugin finds."""
    for plugin, hints in PLUGINS:
        for begin, end in _windows(text, hints):
            part = text[begin:end]
            for pattern in _patterns(plugin):
                for start, stop in _spans(pattern, part):
                    if _stands(plugin, part, start, stop):
                        kind = str(plugin.secret_type)
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
def _patterns(plugin: type[RegexBasedDetector]) -> tuple[re.Pattern[str], ...]:
    return tuple(plugin().denylist)[_PARTS.get(plugin, slice(None))]


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


def _stands(plugin: type[RegexBasedDetector], text: str, start: int, stop: int) -> bool:
    secret = text[start:stop]
    if plugin in _BOUNDED and (
        (start and _ALONE.match(text, start - 1)) or _ALONE.match(text, stop)
    ):
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
    if heuristic.is_potential_uuid(value) or heuristic.is_sequential_string(value):
        return False
    if heuristic.is_templated_secret(value) or heuristic.is_prefixed_with_dollar_sign(value):
        return False
    kinds = (str.isdigit, str.isupper, str.islower)
    if sum(any(map(kind, value)) for kind in kinds) < 2 or not any(map(str.isdigit, value)):
        return False
    if not any(len(run) >= _RUN for run in _SEAMS.split(value)):
        return False
    least = min(_RANDOM, log2(len(value)) * 0.8)
    return _measure.calculate_shannon_entropy(value) >= least
