"""Rules about what became of a request in the server: its cache, its prompt, its context."""

from kimitap.rules.prompt.hidden_from_model import HiddenFromModel
from kimitap.rules.prompt.prompt_cache_broken import PromptCacheBroken
from kimitap.rules.prompt.shortened_prompt import ShortenedPrompt
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (PromptCacheBroken(), ShortenedPrompt(), HiddenFromModel())
