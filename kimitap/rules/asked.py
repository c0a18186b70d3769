"""What a request asks for: tools, a form of the answer, a gap to be filled in."""

import re

from kimitap.conversation import Turn

_FORMS = ("json_schema", "grammar", "guided_json", "structured_outputs")

_HOLE = re.compile(r"<[|｜]?fim[_▁-]?(?:middle|hole|begin|prefix)|<(?:MID|SUF)>|\[SUFFIX\]", re.I)
"""What stands in a prompt that is to be filled in, in the tokens of the families that can."""


def tool_names(turn: Turn) -> frozenset[str]:
    """The names of the tools that the request declares."""
    return frozenset(tool.name for tool in turn.tools if tool.name)


def is_told_its_form(turn: Turn) -> bool:
    """True where the request says of what form the text must be: its JSON is the answer."""
    asked = turn.parameters
    form = asked.get("response_format") or asked.get("text")  # Responses: `text.format`
    form = form.get("format", form) if isinstance(form, dict) else None
    kind = form.get("type") if isinstance(form, dict) else None
    return kind in ("json_schema", "json_object") or any(map(asked.get, _FORMS))


def is_filling_in(turn: Turn) -> bool:
    """True where an editor asks what to type next: nothing, or as much as fits, is an answer."""
    if turn.dialect != "completion":
        return False
    asked = turn.path.split("?", 1)[0].rstrip("/").endswith("/infill")
    if asked or turn.parameters.get("suffix"):
        return True
    return any(_HOLE.search(message.text) for message in turn.messages)
