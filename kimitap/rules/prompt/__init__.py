"""Rules about what became of a request in the server: its cache, its prompt, its context."""

from kimitap.rules.prompt.prompt_cache_broken import PromptCacheBroken
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (PromptCacheBroken(),)
