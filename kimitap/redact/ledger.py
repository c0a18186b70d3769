"""The masks of one report: the same one for the same secret wherever it stands."""

import re
from collections.abc import Iterable, Iterator

from kimitap.redact.kinds import EMAIL_KIND, HOST_KIND, MASK, MASK_HINTS, label

_MASK = re.compile(MASK)
_NUMBERED = re.compile(r"\[([A-Za-z -]{1,20}?)[ -]([0-9]{1,9})\]|\b(host)-([0-9]{1,9})\.invalid\b")
LEAST = 8
"""A value of fewer characters is masked only where its place tells that it is a secret."""
MOST = 300
"""So many secrets are looked for in every text; others only where they show themselves."""

_SHORT, _FEW = 2000, 8


class Ledger:
    """Numbers secrets in the order in which they are met.

    `known` are values that gave themselves away in one place (`"password": "…"`) and are looked
    for in every other.
    """

    def __init__(self) -> None:
        self._masks: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self.known: dict[str, str] = {}
        self._heads: dict[str, list[str]] = {}
        self._indexed = self._size = 0

    def mask(self, kind: str, secret: str) -> str:
        """What stands for the secret: `[e-mail 1]`."""
        if _MASK.fullmatch(secret):
            return secret
        mask = self._masks.get(secret)
        if mask is None:
            name = label(kind)
            number = self._counts[name] = self._counts.get(name, 0) + 1
            mask = f"host-{number}.invalid" if kind == HOST_KIND else f"[{name} {number}]"
            self._masks[secret] = mask
        return mask

    def learn(self, kind: str, secret: str) -> None:
        """Have a secret looked for everywhere, where it is not a word that may stand anywhere."""
        if len(secret) < LEAST or len(self.known) >= MOST or _MASK.search(secret):
            return
        if any(map(str.isdigit, secret)) or not secret.isalpha():
            self.known.setdefault(secret, kind)

    def name(self, kind: str, secrets: Iterable[str]) -> None:
        """Have secrets looked for everywhere, whatever they look like."""
        for secret in filter(None, secrets):
            self.known.setdefault(secret, kind)

    def known_in(self, text: str) -> Iterator[tuple[str, str]]:
        """Those of `known` that a text may hold."""
        if len(text) > _SHORT or len(self.known) < _FEW:
            yield from self.known.items()
            return
        if self._indexed != len(self.known):
            self._indexed = len(self.known)
            self._size = min(map(len, self.known))
            self._heads = {}
            for secret in self.known:
                self._heads.setdefault(secret[: self._size], []).append(secret)
        places = range(len(text) - self._size + 1)
        for head in {text[at : at + self._size] for at in places} & self._heads.keys():
            yield from ((secret, self.known[secret]) for secret in self._heads[head])

    def heed(self, text: str) -> None:
        """Count on from the masks that a text holds already."""
        for found in _NUMBERED.finditer(text) if any(map(text.__contains__, MASK_HINTS)) else ():
            if not _MASK.fullmatch(found[0]):
                continue
            if found[3]:
                name, number = label(HOST_KIND), int(found[4])
            else:
                name, number = found[1].replace("-", " ").replace("e mail", "e-mail"), int(found[2])
            self._counts[name] = max(self._counts.get(name, 0), number)


class Unnumbered(Ledger):
    """The masks of a single text: of a kind all alike, and nothing is learnt."""

    def mask(self, kind: str, secret: str) -> str:
        """What stands for the secret: `[e-mail]`."""
        if _MASK.fullmatch(secret):
            return secret
        if kind == HOST_KIND:
            return "host-0.invalid"
        name = label(kind)
        return f"[{name}]" if name in ("user", label(EMAIL_KIND)) else "[masked]"
