"""What is typed into any search of conversations: words, phrases, fields and patterns."""

import re
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

HINT = 'words  "a phrase"  role:user  tool:bash  sev:error  /pattern/'
"""What can be typed, in a line."""
LANGUAGE = (
    ("red green", "both words stand in one text, in any order"),
    ('"red green"', "they follow one another"),
    ("role:user", "said by the user; also assistant, tool, system"),
    ("tool:bash", "calls of a tool, and what it answered"),
    ("sev:error", "findings, and what stands where they point"),
    ("/err(no)? \\d+/", "a pattern (regular expression)"),
)
"""What can be typed, and what it asks for."""
REACHES = (4000, 2000, 600, 300)
"""Characters that a pattern sees at once, by how many repeats it has (the last for more of them).

The time that a pattern takes may grow with a power of the text's length, one for each repeat.
"""
_FIELDS = ("role", "tool", "sev")
_TOKEN = re.compile(
    r'(?P<field>role|tool|sev):(?:"(?P<said>[^"]*)"?|(?P<value>\S*))'
    r'|"(?P<phrase>[^"]*)"?'
    r"|/(?P<pattern>(?:[^/\\]|\\.)+)/(?=\s|$)"
    r"|(?P<word>\S+)"
)
_TERM = re.compile(r'(?:\w+:)?"[^"]*"?|\S+')


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that can be searched for. It sees a few lines, `reach` characters, at a time."""

    seen: re.Pattern[str]
    reach: int

    def find(self, text: str, stopped: Callable[[], bool]) -> int:
        """Where it stands in a text; -1 where it does not, or once `stopped`."""
        begin = 0
        while begin < len(text) and not stopped():
            end = min(begin + self.reach, len(text))
            if end < len(text):
                cut = text.rfind("\n", begin + self.reach // 2, end)
                end = end if cut < 0 else cut
            found = self.seen.search(text, begin, end)
            if found is not None:
                return found.start()
            whole = end == len(text) or text[end] == "\n"
            begin = end if whole else end - self.reach // 4
        return -1


@dataclass(frozen=True)
class Query:
    """What a text must hold: all words (lower case; a phrase is one) and all patterns.

    `roles`, `tools` and `severities` are beginnings or parts of names, all of them required.
    `complaint` says why a pattern cannot be searched for; such a query finds nothing.
    """

    words: tuple[str, ...] = ()
    patterns: tuple["Pattern", ...] = ()
    roles: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    complaint: str = ""

    @classmethod
    def parse(cls, typed: str) -> "Query":
        """Read what was typed; quotes and slashes that are still open do no harm."""
        found: dict[str, list[str]] = {name: [] for name in (*_FIELDS, "word", "pattern")}
        for name, value in _tokens(typed):
            if value:
                found[name].append(value)
        patterns, complaint = [], ""
        for source in found["pattern"]:
            made = compiled(source)
            if isinstance(made, str):
                complaint = made
            else:
                patterns.append(made)
        return cls(
            tuple(found["word"]),
            tuple(patterns),
            tuple(found["role"]),
            tuple(found["tool"]),
            tuple(found["sev"]),
            complaint,
        )

    def __str__(self) -> str:
        """What would be typed for it."""
        said = [_quoted(word) for word in self.words]
        said += [f"/{pattern.seen.pattern}/" for pattern in self.patterns]
        fields = (("role", self.roles), ("tool", self.tools), ("sev", self.severities))
        said += [f"{name}:{_spaced(value)}" for name, values in fields for value in values]
        return " ".join(said)

    def lets(self, role: str, tool: str, severities: Collection[str]) -> bool:
        """True where the fields let through what has that role, tool and severities."""
        role, tool = role.lower(), tool.lower()
        return (
            all(role.startswith(wanted) for wanted in self.roles)
            and all(wanted in tool for wanted in self.tools)
            and all(any(s.startswith(wanted) for s in severities) for wanted in self.severities)
        )

    @property
    def empty(self) -> bool:
        """True where there is nothing to search for."""
        asked = (self.words, self.patterns, self.roles, self.tools, self.severities)
        return bool(self.complaint) or not any(asked)

    @cached_property
    def hit(self) -> re.Pattern[str] | None:
        """What is to be lit where it is found."""
        sources = [re.escape(word).replace(r"\ ", r"\s+") for word in self.words]
        sources += [f"(?:{pattern.seen.pattern})" for pattern in self.patterns]
        if not sources:
            return None
        try:
            return _quietly("|".join(sources))
        except re.error:  # groups of one name in two patterns
            return _quietly("|".join(sources[: len(self.words)])) if self.words else None


def _quoted(word: str) -> str:
    """A word as it is typed: in quotes where it would be read as something else."""
    return f'"{word}"' if list(_tokens(word)) != [("word", word)] else word


def _spaced(value: str) -> str:
    return f'"{value}"' if " " in value else value


def terms(typed: str) -> tuple[str, ...]:
    """Words and phrases in lower case, for lists that have fields of their own: `agent:"roo code"`.

    A field stays before its value.
    """
    said = (found[0].replace('"', "").lower().split() for found in _TERM.finditer(typed))
    return tuple(" ".join(words) for words in said if words)


def _tokens(typed: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(typed):
        if found["field"]:
            yield found["field"], (found["said"] or found["value"] or "").lower()
        elif found["pattern"]:
            yield "pattern", found["pattern"]
        else:
            yield "word", " ".join((found["phrase"] or found["word"] or "").lower().split())


def compiled(source: str) -> Pattern | str:
    """The pattern, letter case ignored; or why it cannot be searched for."""
    repeats = repeats_in(source)
    if repeats is None:
        return "A repeat of repeats or of alternatives could take for ever: write it another way."
    try:
        return Pattern(_quietly(source), REACHES[min(repeats, len(REACHES) - 1)])
    except (re.error, OverflowError, RecursionError) as error:
        return f"This is no pattern: {error}."


def _quietly(source: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(source, re.IGNORECASE | re.MULTILINE)


def repeats_in(source: str) -> int | None:
    """How many repeats a pattern has; None where a group that holds one, or alternatives, repeats.

    For `(a+)*` and `(a|b)+` Python's matcher may take exponential time, and cannot be stopped.
    """
    groups, at, repeats = [False], 0, 0
    while at < len(source):
        match source[at]:
            case "\\":
                at += 1
            case "[":
                at = _end_of_class(source, at)
            case "(":
                groups.append(False)
            case ")" if len(groups) > 1:
                inner = groups.pop()
                if inner and source[at + 1 : at + 2] in {"*", "+", "{"}:
                    return None
                groups[-1] |= inner
            case "|":
                groups[-1] = True
            case "*" | "+" | "{":
                groups[-1] = True
                repeats += 1
            case "?" if at and source[at - 1] != "(":
                groups[-1] = True  # `(a?){24}` is as bad as `(a*)*`
        at += 1
    return repeats


def _end_of_class(source: str, at: int) -> int:
    """The offset of the bracket that closes the class which opens at `at`."""
    at += 2 if source[at + 1 : at + 2] == "^" else 1
    at += source[at : at + 1] == "]"
    while at < len(source) and source[at] != "]":
        at += 2 if source[at] == "\\" else 1
    return at
