"""Where a prompt declares a tool."""

import re
from collections.abc import Iterator

import orjson

from kimitap.conversation import Tool
from kimitap.prompt.fragments import find, fragments

SURE = 16
"""Characters from which a fragment is believed wherever it stands."""


def declared_at(tool: Tool, prompt: str, called_at: int) -> int | None:
    """Where a tool is declared: by what is said of it, else where its name stands as one.

    A name after `called_at`, where the tool is called first, may be a call's.
    """
    told = [f for f in fragments("\n".join(strings(tool.json, "description"))) if len(f) >= SURE]
    for fragment in told:
        at = find(fragment, prompt, 0, len(prompt))
        if at >= 0:
            return at
    name = re.escape(tool.name)
    if told:
        declared = (
            rf'(?:"name\\?"\s*:\s*\\?"|<name>|<tool name="|\btype |\bdef |\bname: |# ?){name}\b'
        )
        pattern = rf"{declared}|\b{name}(?: ?\(|:)"
    else:
        pattern = rf"(?<!\w){name}(?!\w)"
    found = re.compile(pattern).search(prompt, 0, called_at)
    return found.start() if found else None


def strings(text: str, named: str = "") -> Iterator[str]:
    """The strings in JSON, or those under a key of that name; the text itself where it is none."""
    try:
        open_values: list[tuple[str, object]] = [("", orjson.loads(text))]
    except orjson.JSONDecodeError:
        yield text
        return
    while open_values:
        key, value = open_values.pop()
        if isinstance(value, dict):
            open_values += reversed(value.items())
        elif isinstance(value, list):
            open_values += [(key, item) for item in reversed(value)]
        elif isinstance(value, str) and named in ("", key):
            yield value
