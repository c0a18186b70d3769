"""The recipes in the README are the ones that `kimitap record` shows."""

from pathlib import Path

from kimitap.recipes import RECIPES, shown, table

README = Path(__file__).parent.parent / "README.md"


def test_the_readme_has_the_recipes_as_they_are() -> None:
    assert f"<!-- recipes -->\n{table('http://127.0.0.1:9090')}\n<!-- /recipes -->" in (
        README.read_text()
    )


def test_every_agent_is_told_the_recorders_address() -> None:
    lines = shown("http://127.0.0.1:9999").splitlines()
    assert len(lines) == len(RECIPES)
    assert all("http://127.0.0.1:9999" in line for line in lines)


def test_the_recipes_cover_the_agents_that_the_project_names() -> None:
    agents = {recipe.agent for recipe in RECIPES}
    assert agents == {"Roo Code", "Cline", "OpenCode", "Codex", "Claude Code", "aider"}
