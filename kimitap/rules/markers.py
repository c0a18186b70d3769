"""Finds in a text what no user should ever see: markup of calls, and special tokens.

Code in a text (fences, back-ticks, quoted lines) is what people write about such markup, as is what
stands in quotes from one mark to another, and no leak.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from kimitap.rules.markup import BARE, FENCED, HINTS, MARKUPS, TAGS, TOKENS, TOOL_CODE, XML, Markup

_TOKEN = re.compile("|".join(TOKENS))
_MARK = re.compile("|".join((*TOKENS, *TAGS)))
_RUNS = {mark: re.compile(rf"(?:(?:{mark.pattern})\s*)+") for mark in (_TOKEN, _MARK)}
_QUOTED = "|".join(
    rf"{opening}(?={'|'.join((*TOKENS, *TAGS))}).{{1,300}}?(?<=[>\]]){closing}"
    for opening, closing in zip("\"'“‘«", "\"'”’»", strict=True)
)
"""What stands in quotes from one mark to another."""
_CODE = re.compile(
    r"^[ \t]*(?P<fence>`{3,20}|~{3,20}).*?^[ \t]*(?P=fence)|```.*?```|`[^`\n]+`|^>(?!>>)[^\n]*$"
    r"|(?<=\n\n)(?:(?: {4}|\t)[^\n]*(?:\n|\Z))+"
    rf"|[\"“«‘'](?:{'|'.join(TOKENS)})[\"”»’']"
    rf"|(?=[\"'“‘«])(?<![^\s(])(?:{_QUOTED})",
    re.DOTALL | re.MULTILINE,
)
_ARGUMENTS = re.compile(
    r"\s*(?:(?:<[|｜][^|｜<>]*[|｜]>|json|commentary|analysis)\s*)*(?:```(?:json)?\s*)?\{"
)
_PARTIAL = re.compile(r"\s*(?:<[|｜][^|｜<>\n]{0,60})?\Z")
"""What may stand after a text's last whole token: nothing, or the beginning of another."""
_EDGE = 1000
_CHANNELS = re.compile(r"\s*analysis[^\sa-z].*?assistantfinal", re.DOTALL)
"""What is left of gpt-oss' channels where a server ate the tokens around their names."""
_OF_CALL = re.compile("tool|call|function|invoke|action|python_tag", re.IGNORECASE)
EATEN = "markers eaten"
"""The family of a call whose markers a server took out, so that nobody can tell whose it is."""
HERMES = "Qwen (Hermes)"
_ARGUMENTS_FIRST = re.compile(
    r'(?:<tool_call>\s*|^[ \t]*\[?\s{0,40})(?P<json>\{)\s*"(?:arguments|parameters)"\s*:\s*\{',
    re.MULTILINE,
)
_LANGUAGES = ("", "json", "tool_call", "tool_code")
"""What a code block that is a call calls itself."""
_TOOL_CODE = re.compile(
    r"```tool_code[ \t]*\n\s*(?:print\()?(?:[\w.]*\.)?(?P<name>\w+)\([^`]*\)\)?\s*```\s*\Z"
)
_EATEN = re.compile(r"(?<![\w.\-])(?P<words>[\w.\-]++)(?::\d++)?(?=\{)")
_LEADS_UP = re.compile(r"(?:[\w,;(=|*–—\-]|(?:\A|\n)\d{1,2}[.)])[ \t]+\Z")
"""Words, or a list's mark, before a token that they name: a sentence ends before a leak."""
_SUBJECT = re.compile(r"[ \t]+(?:is|are|was|were|means|would|will|returns|calls|stands)\b")
"""What goes on after a call that is the subject of a sentence."""
_TELLS = re.compile(
    r"(?:\A|[.!?]\s)\s*(?:Put|Add|Paste|Insert|Place|Copy|Set)\b"
    r"|\b(?:example|for instance|e\.g\.|looks? like|syntax)\b"
)
"""What a line says that bids the reader write what follows, or gives it as an example."""
_COLON = re.compile(r":\Z")
_OWN = re.compile(r"\b(?:I|we|let me|let's|let’s|now)\b", re.IGNORECASE)
"""Words of one who is about to do it himself."""
_BEFORE = re.compile(r"\S[ \t]\Z")
_AFTER = re.compile(r"[ \t]+\w|[ \t]*[.,;:)!?]")
_IN_WORD = re.compile(r"[A-Za-z0-9_\-]")
_TAIL = 200_000
"""Characters at a text's end in which a call without markers is looked for."""
_TRIES = 50
"""How many beginnings of a call are tried: a text may be made to hold nothing else."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A call that stands in a text as its model wrote it.

    `start` and `stop` are where in the text; `whole` says that its end is there too, `readable`
    that its JSON, where it has any, is JSON.
    """

    family: str
    name: str
    start: int
    stop: int
    whole: bool
    readable: bool


def without_code(text: str) -> str:
    """The text with NUL for every character that is quoted as code; of the same length."""
    return _CODE.sub(lambda found: "\0" * len(found[0]), text)


def calls_in(text: str, names: frozenset[str]) -> list[Leak]:
    """The calls to one of `names` that stand in the text as markup, in their order.

    A complete opener and a declared name make a call. Without any markers (a server ate them as
    special tokens) it is `NAME{…}` at the text's end.
    """
    if not text.rstrip().endswith(("}", "```")) and not any(m.hint in text for m in MARKUPS):
        return []
    bare = without_code(text)
    marked = (*_marked(text, bare, names), *_swapped(text, bare, names))
    found = sorted(marked, key=lambda leak: (leak.start, -leak.stop))
    apart: list[Leak] = []
    at = 0
    for leak in found:
        if leak.start >= at:
            at = leak.stop
            if not _in_sentence(text, leak) and not _is_shown(text, leak):
                apart.append(leak)
    return apart or list(_eaten(bare, names)) or list(_fenced(text, names))


def tokens_in(text: str, tools: bool) -> list[str]:
    """The special tokens in the text, code left out; with `tools`, tags of calls as well."""
    mark = _MARK if tools else _TOKEN
    if not any(hint in text for hint in HINTS) or not mark.search(text):
        return []
    return [found[0] for found in mark.finditer(without_code(text))]


def stray_tokens(text: str, tools: bool) -> list[str]:
    """Runs of special tokens where no writer puts them: at the text's start or end, side by side.

    A token amid a sentence, or named by one, is talk about it. With `tools`, tags of calls count
    as well.
    """
    mark = _MARK if tools else _TOKEN
    if _CHANNELS.match(text):
        return ["assistantfinal"]
    if not any(hint in text for hint in HINTS) or not mark.search(text):
        return []
    bare = without_code(text)
    begin, end = len(bare) - len(bare.lstrip()), len(_PARTIAL.sub("", bare[-_EDGE:]))
    end += max(0, len(bare) - _EDGE)
    return [
        run[0].rstrip()
        for run in _RUNS[mark].finditer(bare)
        if (run.start() == begin or run.end() >= end or len(mark.findall(run[0])) > 1)
        and not _is_named(bare, run)
    ]


def _is_named(text: str, run: re.Match[str]) -> bool:
    """True where words lead up to tokens, or go on after them as after a word; calls' never are."""
    if _OF_CALL.search(run[0]):
        return False
    if "</s>" in run[0] and "<s>" in text:  # HTML
        return True
    if _is_at_the_end(text, run) and _is_told(text[: run.start()].rstrip()):
        return True
    before, after = text[max(0, run.start() - 5) : run.start()], text[run.end() : run.end() + 1]
    return bool(_LEADS_UP.search(before)) or (
        not before.strip() and run[0][0] == "<" and run[0][-1] == " " and after.islower()
    )


def _is_at_the_end(text: str, run: re.Match[str]) -> bool:
    """True where tokens are a text's last paragraph, or stand at the end of its last line."""
    if text[max(0, run.start() - 2) : run.start()] not in ("\n\n", ": "):
        return False
    near = text[run.end() : run.end() + _EDGE]
    return not near.strip() and not text[run.end() :].strip()


def _in_sentence(text: str, leak: Leak) -> bool:
    """True where a whole call stands between the words of one sentence: it is talk about calls."""
    before, after = text[max(0, leak.start - 2) : leak.start], text[leak.stop : leak.stop + 40]
    if not leak.whole:
        return False
    return bool(_SUBJECT.match(after) or (_BEFORE.search(before) and _AFTER.match(after)))


def _is_shown(text: str, leak: Leak) -> bool:
    """True for JSON that the reader is bid to write, and for XML that a sentence leads up to, or
    that one goes on after: it is an example."""
    if not leak.whole:
        return False
    before, after = text[: leak.start].rstrip(), text[leak.stop :].lstrip()
    if leak.family == BARE:
        return after[:1].isalpha() and _is_told(before, _TELLS)
    if leak.family != XML:
        return False
    return bool(before) and after[:1].isalpha() and (after[0].islower() or _is_told(before))


def _is_told(before: str, tells: re.Pattern[str] = _COLON) -> bool:
    """True where the last line of a text ends with a colon, and does not speak of its writer."""
    line = before[before.rfind("\n") + 1 :]
    return line.endswith(":") and bool(tells.search(line)) and not _OWN.search(line)


def call_breaks_off(text: str, names: frozenset[str]) -> bool:
    """True where the text ends within one call's markup: what a limit leaves when it cuts there."""
    calls = calls_in(text, names)
    if calls:
        return not calls[-1].whole
    runs = stray_tokens(text, tools=True)
    marks = _MARK.findall(runs[0]) if len(runs) == 1 else []
    return bool(marks) and len(set(marks)) == len(marks) and all(map(_opens, marks))


def _opens(mark: str) -> bool:
    """True for a mark with which a call, or all calls, begin."""
    return bool(_OF_CALL.search(mark)) and "end" not in mark.lower() and "/" not in mark


def _marked(text: str, bare: str, names: frozenset[str]) -> Iterator[Leak]:
    for markup in MARKUPS:
        if markup.hint not in text:
            continue
        for found in islice(_opener(markup.opener).finditer(bare), _TRIES):
            name = _declared(found, names)
            leak = _leak(markup, name, found, text) if name else None
            if leak and (markup.family != BARE or _stands_apart(text, leak)):
                yield leak


def _stands_apart(text: str, leak: Leak) -> bool:
    """True where JSON begins its line or ends the text: between words it is their example."""
    line = text.rfind("\n", 0, leak.start) + 1
    return not text[line : leak.start].strip() or not text[leak.stop :].strip("] \t\r\n")


def _declared(found: re.Match[str], names: frozenset[str]) -> str:
    """The declared tool that an opener names; `""` where it names none."""
    said = found["name"] or found.groupdict().get("bare") or ""
    return next((n for n in (said, said.removeprefix("functions.")) if n in names), "")


def _leak(markup: Markup, name: str, found: re.Match[str], text: str) -> Leak:
    stop, readable = _json_after(found, text) if markup.json else (-1, True)
    if markup.end:
        end = markup.end.replace("NAME", name)
        at = text.find(end, found.start())
        stop = at + len(end) if at >= 0 else -1
    spoken = found[0].endswith("(")  # as code, and not as JSON
    whole = stop >= 0 or (not markup.end and spoken)
    return Leak(
        markup.family, name, found.start(), stop if stop >= 0 else len(text), whole, readable
    )


def _json_after(found: re.Match[str], text: str) -> tuple[int, bool]:
    """Where the JSON of a call ends, -1 where there is none; False where it is broken."""
    within = found[0].find("{")
    at = found.start() + within if within >= 0 else _brace(text, found.end())
    if at < 0:
        return -1, True
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, at)[1], True
    except (ValueError, RecursionError):
        return -1, False


def _brace(text: str, at: int) -> int:
    """The `{` with which a call's arguments begin right after its opener, if they do."""
    begun = _ARGUMENTS.match(text, at)
    return begun.end() - 1 if begun else -1


def _swapped(text: str, bare: str, names: frozenset[str]) -> Iterator[Leak]:
    """The calls as JSON that give their arguments first, with Hermes' tags or without."""
    for found in islice(_ARGUMENTS_FIRST.finditer(bare), _TRIES):
        try:
            value, stop = json.JSONDecoder(strict=False).raw_decode(text, found.start("json"))
        except (ValueError, RecursionError):
            continue
        name = _called(value, names)
        family = HERMES if found[0].startswith("<") else BARE
        leak = Leak(family, name, found.start(), stop, True, True)
        if name and (family == HERMES or _stands_apart(text, leak)):
            yield leak


def _called(value: object, names: frozenset[str]) -> str:
    """The declared tool that a JSON value calls: a name, arguments and no more; else `""`."""
    if not isinstance(value, dict) or len(value) != 2:
        return ""
    name, arguments = value.get("name"), value.get("arguments", value.get("parameters"))
    known = isinstance(name, str) and name in names
    return str(name) if known and isinstance(arguments, dict) else ""


def _fenced(text: str, names: frozenset[str]) -> Iterator[Leak]:
    """The call that is all of a text, as JSON in a code block: Qwen2.5-Coder calls so."""
    said = text.strip()
    if not (said.startswith("```") and said.endswith("```") and len(said) < _TAIL):
        return
    if (code := _TOOL_CODE.match(said)) and code["name"] in names:
        yield Leak(TOOL_CODE, code["name"], text.find("`"), len(text.rstrip()), True, True)
        return
    language, _, body = said[3:-3].partition("\n")
    try:
        value = json.loads(body, strict=False) if language.strip() in _LANGUAGES else None
    except (ValueError, RecursionError):
        return
    if name := _called(value, names):
        yield Leak(FENCED, name, text.find("{"), text.rfind("}") + 1, True, True)


def _eaten(bare: str, names: frozenset[str]) -> Iterator[Leak]:
    """A call at the text's end whose markers were eaten: `functions.NAME:0{…}`, `it.NAME{…}`."""
    end = len(bare.rstrip())
    if not bare[:end].endswith("}"):
        return
    for found in islice(_EATEN.finditer(bare, max(0, end - _TAIL), end), _TRIES):
        name = _last_name(found["words"], names)
        if name and _is_object(bare[found.end() : end]):
            start = found.end("words") - len(name)
            if _is_told(bare[max(0, start - _EDGE) : start].rstrip(), _TELLS):
                return
            yield Leak(EATEN, name, start, end, True, True)
            return


def _last_name(words: str, names: frozenset[str]) -> str:
    """The declared name with which the words before a `{` end, unless within another word."""
    ends = [name for name in names if words.endswith(name)]
    apart = [name for name in ends if not _IN_WORD.match(words[: -len(name)][-1:])]
    return max(apart, key=len, default="")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, strict=False), dict)
    except (ValueError, RecursionError):
        return False


@cache
def _opener(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)
