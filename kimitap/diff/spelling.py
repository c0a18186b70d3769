"""JSON as it is compared: laid out in one way, so that only what it says makes a difference."""

import orjson

from kimitap.conversation import canonical_json
from kimitap.visible import visible

_LAYOUT = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def laid_out(text: str) -> str | None:
    """JSON with sorted keys, indented; None for text that is no object or array.

    A text in it that has several lines keeps its escapes and is broken after each line feed's, the
    later lines indented: a file's content in a tool's arguments is one endless line otherwise.
    Characters that act are escaped, also those that `text` had escaped and JSON need not.
    """
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        made = visible(orjson.dumps(orjson.loads(text), option=_LAYOUT).decode())
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None
    return "\n".join(_broken(line) for line in made.split("\n")) if "\\n" in made else made


def _broken(line: str) -> str:
    """The line, with a line feed after each `\\n` that is no end of an escaped backslash."""
    if "\\n" not in line:
        return line
    plain = line.replace("\\\\", "\x00")
    parts = plain.split("\\n")
    last = parts.pop() if parts[-1].strip('",') == "" else None
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    broken = f"\\n\n{indent}".join(parts)
    return (broken if last is None else f"{broken}\\n{last}").replace("\x00", "\\\\")


def only_spelling(old: str, new: str) -> bool:
    """True where two texts are one JSON value: white space, order of keys, form of numbers."""
    return old != new and canonical_json(old) == canonical_json(new)
