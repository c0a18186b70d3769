"""The README's rule table, and what `kimitap rules NAME` prints."""

from pathlib import Path

import pytest

from kimitap.rules import RULES
from kimitap.rules.rule import Rule
from kimitap.rules.table import (
    BEGIN,
    GROUPS,
    explain,
    group_of,
    help_uri,
    listed,
    readme_table,
    with_table,
)

README = Path(__file__).parents[2] / "README.md"
MEND = (
    'python -c "from pathlib import Path; from kimitap.rules import table; '
    "p = Path('README.md'); p.write_text(table.with_table(p.read_text()))\""
)


def test_the_readme_has_the_table_of_the_rules() -> None:
    text = README.read_text(encoding="utf-8")
    assert BEGIN in text, f"README.md needs a line {BEGIN} and a line <!-- /rules -->"
    assert with_table(text) == text, f"the table is stale; mend it with: {MEND}"


def test_the_tables_have_one_row_a_rule_under_the_title_of_its_group() -> None:
    lines = readme_table().splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [rule.name for rule in RULES]
    assert all(row.count(" | ") == 3 for row in rows)
    titles = [line.removeprefix("### ") for line in lines if line.startswith("### ")]
    assert titles == [group.title for group in GROUPS if group.rules]


def test_every_rule_is_listed_once_with_its_severity_and_side() -> None:
    lines = [line.split() for line in listed() if line.startswith("  ")]
    assert [words[:3] for words in lines] == [[r.name, r.severity, r.side] for r in RULES]
    assert max(map(len, listed())) <= 140


def test_a_group_is_the_folder_of_its_rules() -> None:
    assert {group_of(rule) for rule in RULES} == {g.name for g in GROUPS if g.rules}
    for rule in RULES:
        assert f".{group_of(rule)}." in type(rule).__module__


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("https://example.org/a/b: the log", "https://example.org/a/b"),
        ("seen (https://example.org/a#1).", "https://example.org/a#1"),
        ("QwenLM/qwen-code#12, and another", "https://github.com/QwenLM/qwen-code/issues/12"),
        ("llama-server: “Failed”", None),
    ],
)
def test_a_rule_leads_to_where_it_comes_from(source: str, uri: str | None) -> None:
    class Sourced(type(RULES[0])):  # type: ignore[misc]  # a rule like another, but for its source
        pass

    Sourced.source = source
    assert help_uri(Sourced()) == uri


def test_a_text_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="rules"):
        with_table("# Kimitap\n")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_explained_with_its_remedy_source_and_examples(rule: Rule) -> None:
    text = " ".join(explain(rule).split())
    for part in (rule.summary, rule.meaning, rule.remedy, rule.source):
        assert " ".join(part.split()) in text
    assert all(example.title in text for example in rule.examples)
