"""Recognising the task that a call hands to a sub-agent in what is said to that agent."""

import orjson

from kimitap.lineage import Link
from kimitap.weave.keys import plain

QUOTE = 20
"""Characters from which a text is recognised in another."""
PROMPTS = ("prompt", "task", "message", "instructions", "query")
"""Arguments by which agents hand a task to a sub-agent."""


def asks(arguments: str, prompt: str) -> bool:
    """True where one of a call's arguments is the prompt, or holds it, or is most of it.

    `prompt` is as `keys.plain` makes it.
    """
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(value, dict):
        return False
    texts = {name: plain(one) for name, one in value.items() if isinstance(one, str)}
    return any(
        prompt in text or (len(text) >= QUOTE and text in prompt and _weighs(name, text, prompt))
        for name, text in texts.items()
    )


def delegated(link: Link) -> bool:
    """True where the user says in the reply's place what one of its calls asks of a sub-agent."""
    calls = link.parent.reply.message.tool_calls
    new = link.child.messages[link.echo.place :] if calls else ()
    if not new or any(message.role != "user" for message in new):
        return False
    said = plain("\n".join(message.text for message in new))
    return len(said) >= QUOTE and any(asks(call.arguments, said) for call in calls)


def _weighs(name: str, text: str, prompt: str) -> bool:
    return len(text) * 2 >= len(prompt) or name in PROMPTS
