"""How to point each agent at the recorder: shown by `kimitap record` and in the README.

Written from each agent's own documentation; `{url}` is the proxy's address without a path.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a user of one agent has to set. `steps` are lines to show, `{url}` to be filled in."""

    agent: str
    steps: str

    def at(self, url: str) -> str:
        """The steps with the recorder's address in them."""
        return self.steps.replace("{url}", url)


RECIPES = (
    Recipe("Roo Code", "Settings, Provider: OpenAI Compatible, Base URL: {url}/v1"),
    Recipe("Cline", "Settings, API Provider: OpenAI Compatible, Base URL: {url}/v1"),
    Recipe(
        "OpenCode",
        'opencode.json: "provider": {"llama": {"npm": "@ai-sdk/openai-compatible", '
        '"options": {"baseURL": "{url}/v1"}, "models": {"MODEL": {}}}}',
    ),
    Recipe(
        "Codex",
        'codex -c model_provider=llama -c model_providers.llama.name="llama" '
        '-c model_providers.llama.base_url="{url}/v1" '
        '-c model_providers.llama.wire_api="responses"',
    ),
    Recipe("Claude Code", "ANTHROPIC_BASE_URL={url} claude"),
    Recipe("aider", "aider --openai-api-base {url}/v1 --openai-api-key none --model openai/MODEL"),
)


def shown(url: str) -> str:
    """All recipes for the recorder at `url`, one line each."""
    width = max(len(recipe.agent) for recipe in RECIPES)
    return "\n".join(f"  {recipe.agent:{width}}  {recipe.at(url)}" for recipe in RECIPES)


def table(url: str) -> str:
    """The same as a Markdown table."""
    rows = [f"| {recipe.agent} | `{recipe.at(url)}` |" for recipe in RECIPES]
    return "\n".join(["| agent | set |", "| --- | --- |", *rows])
