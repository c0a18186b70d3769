"""The README's rule table, and what `kimitap rules NAME` prints."""

from pathlib import Path

import pytest

from kimitap.rules import RULES
from kimitap.rules.rule import Rule
from kimitap.rules.table import BEGIN, explain, readme_table, with_table

README = Path(__file__).parents[2] / "README.md"
MEND = (
    'python -c "from pathlib import Path; from kimitap.rules import table; '
    "p = Path('README.md'); p.write_text(table.with_table(p.read_text()))\""
)


def test_the_readme_has_the_table_of_the_rules() -> None:
    text = README.read_text(encoding="utf-8")
    assert BEGIN in text, f"README.md needs a line {BEGIN} and a line <!-- /rules -->"
    assert with_table(text) == text, f"the table is stale; mend it with: {MEND}"


def test_the_table_has_one_row_a_rule() -> None:
    rows = readme_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [rule.name for rule in RULES]
    assert all(row.count(" | ") == 3 for row in rows)


def test_a_text_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="rules"):
        with_table("# Kimitap\n")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_explained_with_its_remedy_source_and_examples(rule: Rule) -> None:
    text = " ".join(explain(rule).split())
    for part in (rule.summary, rule.meaning, rule.remedy, rule.source):
        assert " ".join(part.split()) in text
    assert all(example.title in text for example in rule.examples)
