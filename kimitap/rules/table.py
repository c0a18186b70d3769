"""The rules as documentation: the README's table, and one rule explained."""

import textwrap

from kimitap.rules import RULES
from kimitap.rules.rule import Example, Rule

BEGIN, END = "<!-- rules -->", "<!-- /rules -->"
"""What stands around the table in the README."""


def readme_table() -> str:
    """The Markdown table of all rules, in their order, without a line feed at its end."""
    rows = [f"| `{r.name}` | {r.severity} | {r.side} | {_cell(r.summary)} |" for r in RULES]
    return "\n".join(("| rule | severity | side | what is wrong |", "|---|---|---|---|", *rows))


def with_table(readme: str) -> str:
    """The README with the table between its markers; raises `ValueError` where they are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{readme_table()}\n{END}{after}"


def explain(rule: Rule) -> str:
    """What `kimitap rules NAME` prints."""
    return "\n\n".join(
        (
            f"{rule.name}: {rule.summary}",
            f"{_usual(rule)}",
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
    return textwrap.fill(text, 88, initial_indent=indent, subsequent_indent=indent)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
