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
    return any(
        prompt in text or (len(text) >= QUOTE and text in prompt and _weighs(name, text, prompt))
        for name, text in _texts(arguments).items()
    )


def _texts(arguments: str) -> dict[str, str]:
    """A call's arguments that are texts, as `keys.plain` makes them."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: plain(one) for name, one in value.items() if isinstance(one, str)}


def delegated(link: Link) -> bool:
    """True where the user says in the reply's place what one of its calls asks of a sub-agent.

    Only under a name for that: a user who chooses one of the answers that a call offers him, or
    quotes what a call wrote, says what stands in an argument too, and that call is lost.
    """
    calls = link.parent.reply.message.tool_calls
    new = link.child.messages[link.echo.place :] if calls else ()
    if not new or any(message.role != "user" for message in new):
        return False
    said = plain("\n".join(message.text for message in new))
    return len(said) >= QUOTE and any(_hands_over(call.arguments, said) for call in calls)


def _hands_over(arguments: str, said: str) -> bool:
    return any(
        said in text or (len(text) >= QUOTE and text in said)
        for name, text in _texts(arguments).items()
        if name in PROMPTS
    )


def _weighs(name: str, text: str, prompt: str) -> bool:
    return len(text) * 2 >= len(prompt) or name in PROMPTS
