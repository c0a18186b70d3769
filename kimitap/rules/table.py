"""The rules as documentation: listed by group, the README's tables, and one rule explained."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kimitap.rules import exchange, prompt, replay, reply, request
from kimitap.rules.rule import Example, Rule


@dataclass(frozen=True)
class Group:
    """Rules about one thing. `name` is its folder's, `title` says what they are about."""

    name: str
    title: str
    rules: Sequence[Rule]


GROUPS = (
    Group("replay", "How a request gives the history back", replay.RULES),
    Group("request", "What is wrong in a request, whatever went before", request.RULES),
    Group("reply", "What the model said, and how the server parsed it", reply.RULES),
    Group("exchange", "How an exchange ended", exchange.RULES),
    Group("prompt", "What the server made of a request", prompt.RULES),
)
"""All rules, in the order of `RULES`."""

BEGIN, END = "<!-- rules -->", "<!-- /rules -->"
"""What stands around the tables in the README."""


def readme_table() -> str:
    """A Markdown table a group, under its title, without a line feed at the end."""
    return "\n\n".join(_table(group) for group in GROUPS if group.rules)


def _table(group: Group) -> str:
    rows = [f"| `{r.name}` | {r.severity} | {r.side} | {_cell(r.summary)} |" for r in group.rules]
    head = "| rule | severity | side | what is wrong |", "|---|---|---|---|"
    return "\n".join((f"### {group.title}\n", *head, *rows))


def with_table(readme: str) -> str:
    """The README with the tables in it; raises `ValueError` where their markers are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{readme_table()}\n{END}{after}"


def listed() -> Iterator[str]:
    """What `kimitap rules` prints: a line a rule, under the title of its group."""
    width = max(len(rule.name) for group in GROUPS for rule in group.rules)
    for group in GROUPS:
        if group.rules:
            yield f"{group.title} ({group.name})"
            for rule in group.rules:
                yield f"  {rule.name:{width}}  {rule.severity:7}  {rule.side:8}  {rule.summary}"
            yield ""
    yield "kimitap rules NAME explains one"


def group_of(rule: Rule) -> str:
    """The name of the rule's group."""
    return next((g.name for g in GROUPS if rule.name in {r.name for r in g.rules}), "other")


def help_uri(rule: Rule) -> str | None:
    """Where to read on: the first address or issue (`owner/name#1`) that the source names."""
    if found := re.search(r"https?://[^\s)”\"'>,;]+", rule.source):
        return found[0].rstrip(".:")
    if found := re.search(r"\b([\w.-]+/[\w.-]+)#(\d+)\b", rule.source):
        return f"https://github.com/{found[1]}/issues/{found[2]}"
    return None


def explain(rule: Rule) -> str:
    """What `kimitap rules NAME` prints."""
    return "\n\n".join(
        (
            f"{rule.name}: {rule.summary}",
            f"{_usual(rule)} (group: {group_of(rule)})",
            f"{_filled(rule.meaning)}",
            f"What to do\n{_filled(rule.remedy, '  ')}",
            f"Source\n{_filled(rule.source, '  ')}",
            "Examples\n" + "\n".join(f"  {_told(example)}" for example in rule.examples),
        )
    )


def _usual(rule: Rule) -> str:
    return f"usually {_article(rule.severity)} {rule.severity}, on the side of the {rule.side}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _told(example: Example) -> str:
    mark = "✗" if example.expected else "✓"
    return f"{mark} {example.title}"


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, 88, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
