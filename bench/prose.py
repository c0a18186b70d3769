"""Seeded text that compresses as source code does: neither random bytes nor one line repeated.

Real Python sources, 80 of them of 1 to 15 KB, shrink 4.0-fold with zstd at level 3 when compressed
as one and 3.1-fold apart; a test holds this text near those.
"""

import random
from collections.abc import Callable
from itertools import accumulate


def _list(words: str) -> list[str]:
    return words.split()


_ONSETS = _list("b c d f g h j k l m n p r s t v w br cl cr dr fl gr pl pr sc st tr")
_VOWELS = _list("a e i o u ai ea io ou")
_CODAS = ["", "", "", "n", "r", "s", "t", "l", "ck", "nd", "rt", "x"]
_COMMON = _list(
    "self value name path result item index key data config error request response state user "
    "token message client server handler options size count list queue event buffer parse read "
    "write load store update create remove check find open close start stop run build make set get"
)

_BOILERPLATE = (
    "    try:",
    "    except (KeyError, ValueError) as error:",
    "        return None",
    "        continue",
    "    else:",
    "    with self._lock:",
    "        logger.debug('%s: %r', type(self).__name__, error, exc_info=True)",
    "    return result",
)


class Vocabulary:
    """A project's words, few of them frequent, most rare, as identifiers are."""

    def __init__(self, rng: random.Random, size: int = 600) -> None:
        self._rng = rng
        coined = {_coin(rng) for _ in range(size)}
        self._words = [*_COMMON, *sorted(coined)]
        rng.shuffle(self._words)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self._words))))
        self._topic: list[str] = []

    def turn_to_a_topic(self) -> None:
        """Choose the identifiers that the next text uses again and again."""
        self._topic = ["_".join(self.words(self._rng.choice((1, 2, 2, 3)))) for _ in range(24)]

    def words(self, count: int) -> list[str]:
        """`count` words, frequent ones more often."""
        return self._rng.choices(self._words, cum_weights=self._weights, k=count)

    def snake(self) -> str:
        """An identifier, as `parse_token`."""
        if self._topic and self._rng.random() < 0.75:
            return self._rng.choice(self._topic)
        return "_".join(self.words(self._rng.choice((1, 2, 2, 3))))

    def camel(self) -> str:
        """A class's name, as `ParseToken`."""
        return "".join(word.title() for word in self.words(2))

    def sentence(self) -> str:
        """A line of prose, as in a comment."""
        return " ".join(self.words(self._rng.randint(5, 11))).capitalize() + "."


def _coin(rng: random.Random) -> str:
    syllables = rng.randint(1, 2)
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables)
    )


class Writer:
    """Writes the texts that an agent's tools return, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.words = Vocabulary(self.rng)

    def source(self, size: int) -> str:
        """A source file of about `size` characters."""
        self.words.turn_to_a_topic()
        return _until(size, self._function)

    def log(self, size: int) -> str:
        """The output of a test run, of about `size` characters."""
        self.words.turn_to_a_topic()
        return _until(size, self._log_line)

    def hits(self, size: int) -> str:
        """What a search in files returns, of about `size` characters."""
        return _until(size, lambda: f"{self.path()}:{self.rng.randint(1, 900)}:{self._statement()}")

    def prose(self, size: int) -> str:
        """Sentences, of about `size` characters."""
        return _until(size, self.words.sentence, " ")

    def path(self) -> str:
        """A file's path."""
        return "/".join(["src", *self.words.words(2)]) + f"_{self.words.words(1)[0]}.py"

    def _function(self) -> str:
        names = [self.words.snake() for _ in range(self.rng.randint(1, 4))]
        head = [f"def {self.words.snake()}({', '.join(names)}) -> {self.words.camel()}:"]
        if self.rng.random() < 0.5:
            head.append(f'    """{self.words.sentence()}"""')
        body = [self._statement() for _ in range(self.rng.randint(3, 14))]
        return "\n".join([*head, *body]) + "\n"

    def _statement(self) -> str:
        a, b, c = (self.words.snake() for _ in range(3))
        if self.rng.random() < 0.25:
            return self.rng.choice(_BOILERPLATE)
        number = self.rng.choice((0, 1, 2, 16, 100, 255, 1024, self.rng.randint(0, 4096)))
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"    {a} = {b}({c}, {self.words.snake()}={number})",
            lambda: f"    if {a}.{b} is not None and len({c}) > {number}:",
            lambda: f"        return self.{a}.{b}({c!r})",
            lambda: f"    for {a} in {b}.{c}():",
            lambda: f'        raise {self.words.camel()}(f"{self.words.sentence()} {{{a}}}")',
            lambda: f"    # {self.words.sentence()}",
            lambda: f"    self.{a}[{b!r}] = {{{c!r}: {number}, {self.words.snake()!r}: True}}",
            lambda: f"    assert {a}.{b} == {c}[{number % 9}], {self.words.sentence()!r}",
        )
        return self.rng.choice(forms)()

    def _log_line(self) -> str:
        took = self.rng.random() * 3
        verdict = self.rng.choice(("PASSED", "PASSED", "PASSED", "FAILED", "SKIPPED"))
        line = f"tests/{self.words.snake()}.py::test_{self.words.snake()} {verdict} ({took:.3f}s)"
        if verdict == "FAILED":
            return f"{line}\nE   {self.words.camel()}: {self.words.sentence()}\n{self._statement()}"
        return line


def _until(size: int, make: Callable[[], str], join: str = "\n") -> str:
    parts: list[str] = []
    length = 0
    while length < size:
        parts.append(make())
        length += len(parts[-1]) + len(join)
    return join.join(parts)[:size]
