"""Placeholders for words: as long as what they stand for, and the same for the same word.

A text keeps its white space, punctuation and first digits of its figures, so that what rules and
echoes compare stays comparable: equal texts stay equal, different ones different, a part of a text
is still found in it. A reader learns how long words are and which are equal, and nothing else:
placeholders are counted out in the order in which words first appear. For the same reason a text
of placeholders is its own: a second redaction changes nothing more, unless secrets overlapped.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from re import Match

_LETTERS = "bcdfghjklmnpqrstvwxz"
"""Without vowels no word of a language comes about by chance, and no word that a rule looks for."""
_ALL = "abcdefghijklmnopqrstuvwxyz"
_FOREIGN = {
    2: "".join(c for c in map(chr, range(0xE0, 0x250)) if c.islower() and len(c.upper()) == 1),
    3: "".join(map(chr, range(0x4E00, 0x4E80))),
    4: "".join(map(chr, range(0x20000, 0x20080))),
}
"""By the bytes of a letter in UTF-8: what stands for letters beyond ASCII."""
BLOB = 200
"""So many characters without a blank between them are data (an image) and no words."""

_RUN = re.compile(
    rf"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{{{BLOB},}}+|(?<!\\)\\++[bfnrt]|(?:%[89A-Fa-f][0-9A-Fa-f])++"
    r"|[A-Za-z0-9_]++|[^\W0-9A-Za-z_]++"
)
"""Data, an escape (which stays), encoded letters, an identifier, or letters beyond ASCII."""
_WORD = re.compile(r"[A-Z]++(?![a-z])|[A-Z]?[a-z]++|[A-Z]|[0-9]++")
"""An identifier's words: those in camel case are several."""
_MOST = 200_000
"""So many identifiers are remembered beside their words."""


class Placeholders:
    """What stands for the words of one report; `names` stay wherever they stand as a whole."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = frozenset(names)
        self._known: dict[str, str] = {}
        self._runs: dict[str, str] = {}
        self._fresh: dict[str, Iterator[str]] = {}

    def of(self, run: str) -> str:
        """The placeholder of a run."""
        made = self._runs.get(run)
        if made is None:
            if len(self._runs) >= _MOST:
                self._runs.clear()
            made = self._runs[run] = self._make(run)
        return made

    def _make(self, run: str) -> str:
        if run[0] == "\\" or run in self._names:
            return run
        if run[0] == "%":
            return self._word(run, f"%{len(run)}", lambda: _percents(len(run) // 3))
        if not run.isascii():
            sizes = "".join(str(len(c.encode(errors="surrogatepass"))) for c in run)
            return self._word(run, f"~{sizes}", lambda: _foreign(sizes))
        if len(run) >= BLOB:
            return self._word(run, f"={len(run)}", lambda: _blobs(len(run)))
        return _WORD.sub(self._of_word, run)

    def _of_word(self, found: Match[str]) -> str:
        word = found[0]
        if word.isdigit():
            size = len(word) - 1
            return word[0] + self._word(word, f"{word[0]}{size}", lambda: _figures(size))
        lower = word.lower()
        made = self._word(lower, f"a{len(word)}", lambda: _words(len(word)))
        return made if word == lower else _cased(made, word)

    def _word(self, word: str, kind: str, start: Callable[[], Iterator[str]]) -> str:
        made = self._known.get(word)
        if made is None:
            made = self._known[word] = self._next(kind, start)
        return made

    def _next(self, kind: str, start: Callable[[], Iterator[str]]) -> str:
        fresh = self._fresh.get(kind)
        if fresh is None:
            fresh = self._fresh[kind] = start()
        made = next(fresh, None)
        if made is None:  # all are spent: two words share one
            self._fresh[kind] = start()
            made = next(self._fresh[kind])
        return made


def _cased(made: str, word: str) -> str:
    return made.upper() if word.isupper() and len(word) > 1 else made.capitalize()


def _words(size: int) -> Iterator[str]:
    yield from _spelled(_LETTERS, size)
    yield from (word for word in _spelled(_ALL, size) if set(word) & set("aeiouy"))


def _figures(size: int) -> Iterator[str]:
    return _spelled("0123456789", size)


def _percents(size: int) -> Iterator[str]:
    continuation = [f"%{first}{second}" for first in "89AB" for second in "0123456789ABCDEF"]
    head = continuation[0] * max(size - 6, 0)
    return (head + "".join(run) for run in product(continuation, repeat=min(size, 6)))


def _blobs(size: int) -> Iterator[str]:
    return ("A" * (size - 12) + tail for tail in _spelled("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 12))


def _spelled(letters: str, size: int) -> Iterator[str]:
    """All words of `size` letters; of long ones only those that differ at their end."""
    tail = min(size, 12)
    return (letters[0] * (size - tail) + "".join(word) for word in product(letters, repeat=tail))


def _foreign(sizes: str) -> Iterator[str]:
    alphabets = [_FOREIGN.get(int(size), _FOREIGN[3]) for size in sizes]
    head = "".join(alphabet[0] for alphabet in alphabets[:-6])
    return (head + "".join(word) for word in product(*alphabets[-6:]))


def replaced(
    text: str,
    kept: Sequence[tuple[int, int]],
    placeholders: Placeholders,
    stays: Callable[[str], bool] | None = None,
) -> str:
    """`text` with placeholders for its words, of the same length.

    What the spans `kept` hold stays, and words that may.
    """
    of = placeholders.of

    def put(found: Match[str]) -> str:
        run = found[0]
        return run if stays is not None and stays(run) else of(run)

    out: list[str] = []
    at = 0
    for start, stop in kept:
        out += (_RUN.sub(put, text[at:start]), text[start:stop])
        at = stop
    return "".join((*out, _RUN.sub(put, text[at:])))
