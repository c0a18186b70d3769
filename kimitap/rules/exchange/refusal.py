"""What a server's error is about: its chat template, the context, or neither.

The texts are those that real servers send; each table can grow by a line.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.each import each


class Refusal(StrEnum):
    """The kinds of errors that have a rule of their own."""

    CONTEXT = "context"
    ORDER = "order"
    """Messages, roles or ids that do not go together: the agent's doing."""
    TEMPLATE = "template"
    """The template itself failed: it cannot render what the API allows."""


_CONTEXT = re.compile(
    r"exceed_context_size_error|context_length_exceeded"  # llama-server, OpenAI
    r"|exceeds? (?:the )?(?:available |model'?s )?(?:maximum )?context"
    r"|exceeds? (?:the )?maximum (?:context|number of (?:input )?tokens|input length)"
    r"|maximum context length|prompt is too long|input is too long"  # OpenAI, vLLM; Anthropic
    r"|context size has been exceeded"  # llama-server, where the slots together ran out of it
    r"|context (?:the )?overflows|greater than the context length"  # LM Studio
    r"|exceed context window|maximum allowed number of input tokens"  # llama-cpp-python, TGI
    r"|(?:longer|greater) than the (?:model'?s )?(?:maximum )?(?:context|model length)"  # SGLang
    r"|range of input length should be"  # DashScope
    r"|exceed(?:s|ed)? (?:the )?(?:max(?:imum)? )?context (?:length|limit)"  # Ollama; Anthropic
    r"|exceeded model token limit|prompt exceeds max(?:imum)? length",  # Moonshot, Z.ai
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"roles must alternate|Unexpected role|Expected last role"  # templates; Mistral
    r"|unexpected role|role order"
    r"|must be followed by tool messages|must be a response to a prece"  # OpenAI
    r"|`tool_use` ids? w(?:as|ere) found without|unexpected `tool_use_id`"  # Anthropic
    r"|text content blocks must be non-empty|No tool (?:output|call) found for function call"
    r"|role '\w+' must not be empty|reasoning_content is missing"  # Moonshot
    r"|must be passed back"  # DeepSeek
    r"|2 or more assistant messages at the end|response prefill is incompatible"  # llama-server
    r"|All non-assistant messages must contain 'content'"
    r"|Failed to parse tool call arguments as JSON"
    r"|no previous assistant message|No user query found|must be at the beginning"
    r"|[Tt]ool call id.{0,40}(?:length|must be|not found)|Not the same number of function calls",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(
    r"\bjinja|chat[ _]template|\btemplate (?:error|render|pars)|TemplateError|UndefinedError"
    r"|Value is not callable|Cannot subscript|Unknown \(built-in\)|Unknown (?:filter|method|test)"
    r"|[Rr]aise_exception|System role not supported|Only .{1,40} roles are supported"
    r"|generate parser for this template|only supports single tool-calls"
    r"|Cannot pass both content and thinking"  # Llama 3's, gpt-oss's
    r"|Can only get item pairs from a mapping|'[\w. ]+ object' has no (?:attribute|element)"
    r"|\btemplate: [^\s:]{0,80}:\d+(?::\d+)?: executing",  # Ollama's, of Go
    re.IGNORECASE,
)
_ID = re.compile(r"tool call ids? ", re.IGNORECASE)
_ARTICLES = re.compile(r"\d+|'[^']*'|\"[^\"]*\"|[A-Za-z_]*[:_-]\d\w*")
"""What differs between two refusals of one kind: numbers, names and ids."""


def refusal_of(turn: Turn) -> Refusal | None:
    """What the server refused, by its words; None where it did not, or said something else.

    What comes after words of the model is no refusal: the prompt fitted, and was rendered.
    """
    error = turn.reply.error
    if not error or has_spoken(turn):
        return None
    if _CONTEXT.search(error):
        return Refusal.CONTEXT
    if _ORDER.search(error):
        return Refusal.ORDER
    return Refusal.TEMPLATE if _TEMPLATE.search(error) else None


def has_spoken(turn: Turn) -> bool:
    """True where some of the reply came: text, a thought, or a call."""
    message = turn.reply.message
    return bool(message.tool_calls or message.text.strip() or message.reasoning.strip())


def names_the_context(turn: Turn) -> bool:
    """True where the server's error says that its context is full."""
    return bool(_CONTEXT.search(turn.reply.error))


def names_an_id(turn: Turn) -> bool:
    """True where a refusal for what the messages hold is about the id of a call (Mistral's)."""
    return bool(_ID.search(turn.reply.error))


def refused(thread: Thread, *kinds: Refusal) -> Iterator[list[Turn]]:
    """Turns in a row that were refused in the same words, if for one of these reasons."""
    told = zip(each(thread, _words_at), thread.turns, strict=True)
    for key, turns in groupby(told, key=itemgetter(0)):
        if key is not None and key[0] in kinds:
            yield [turn for _, turn in turns]


def takes_place(thread: Thread, session: Session) -> bool:
    """True where a thread begins in the place of a request that was refused in the same words.

    A user who gets an error says something else, and that leaves the first attempt as a fork.
    """
    first, link = thread.turns[0], thread.links[0]
    said = _words(first)
    if said is None or link is None:
        return False
    before = [link.parent]
    for other in session.threads:
        both = zip(other.turns, other.links, strict=True)
        before += (t for t, known in both if known is not None and known.parent is link.parent)
    return any(_words(turn) == said for turn in before if turn.exchange < first.exchange)


def _words_at(thread: Thread, at: int) -> tuple[Refusal, str] | None:
    return _words(thread.turns[at])


def _words(turn: Turn) -> tuple[Refusal, str] | None:
    kind = refusal_of(turn)
    return None if kind is None else (kind, _ARTICLES.sub("", turn.reply.error))
