"""The kinds of what is masked, how a mask calls them, and what a pattern for one is."""

import re
from collections.abc import Sequence
from typing import NamedTuple

KEY_KIND = "API key"
TOKEN_KIND = "token"
PASSWORD_KIND = "password"
PRIVATE_KEY_KIND = "private key"
COOKIE_KIND = "cookie"
WORD_KIND = "word named by the user"
EMAIL_KIND = "e-mail address"
HOME_KIND = "home path"
USER_KIND = "user name"
HOST_KIND = "host name"

LABELS = {
    EMAIL_KIND: "e-mail",
    HOME_KIND: "user",
    USER_KIND: "user",
    HOST_KIND: "host",
    WORD_KIND: "word",
}
"""How a mask calls its kind, where that is not the kind's own name."""
_OWN = (KEY_KIND, TOKEN_KIND, PASSWORD_KIND, PRIVATE_KEY_KIND, COOKIE_KIND)
_SPELLED = "|".join((*_OWN, "secret", *dict.fromkeys(LABELS.values()))).replace(" ", "[ -]")
_BRACKETED = rf"\[(?:(?:{_SPELLED})[ -][0-9]{{1,9}}|masked(?::[0-9a-f]{{8}})?|e-mail|user)\]"
MASK = rf"(?:{_BRACKETED}|\bhost-[0-9]{{1,9}}\.invalid\b)"
"""What stands for a secret already. A host's is a name still, so that URLs stay what they were."""
MASK_HINTS = ("[", ".invalid")
"""Texts of which one stands in every mask."""


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


def label(kind: str) -> str:
    """How a mask calls its kind; what the detector found is a secret."""
    return LABELS.get(kind, kind if kind in _OWN else "secret")
