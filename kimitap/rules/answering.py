"""Tools whose call is an answer and no act, told by their names.

Frameworks have a run end with a call (`final_answer`, `attempt_completion`), and keep what it said
as the assistant's own text. The same text in the place of a `write_file` is a lost call.
"""

import re

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_ANSWERS = re.compile(
    "answers?|ask|chat|complet(?:e|ed|ion)|conclude|done|end|exit|final|finish(?:ed)?|message"
    "|output|reply|report|respond|response|result|return|say|speak|structured|submit|summary|talk"
    "|tell|terminate"
)
_ACTS = re.compile(
    "add|append|apply|bash|cmd|command|copy|create|delete|download|edit|exec(?:ute)?|fetch|files?"
    "|insert|install|kill|move|notes?|open|patch|post|process|read|remove|rename|replace|run|save"
    "|search|set|shell|terminal|todo|update|upload|web|write"
)


def is_answering(name: str) -> bool:
    """True where the name says that its call is the answer, and speaks of no act."""
    return _holds(_ANSWERS, name) and not is_acting(name)


def is_acting(name: str) -> bool:
    """True where the name says that its call does something: `write_file`, `applyPatch`."""
    return _holds(_ACTS, name)


def _holds(table: re.Pattern[str], name: str) -> bool:
    return any(table.fullmatch(word.casefold()) for word in _WORDS.findall(name))
