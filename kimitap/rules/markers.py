"""What models write when they call a tool or end a turn, and what no user should ever see of it.

One table of data: each family of models has its own markup, which a server's parser turns into
`tool_calls`; where it does not, the markup arrives as text. Code in a text (fences, back-ticks,
quoted lines) is what people write about such markup, and no leak.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice


@dataclass(frozen=True, slots=True)
class Markup:
    """How one family writes a call.

    `opener` matches up to and with the tool's name, its group `name`; `hint` is a text without
    which there is nothing to match; `end` closes the call, `""` where the end of its JSON does.
    `json`: the arguments are JSON.
    """

    family: str
    hint: str
    opener: str
    end: str
    source: str
    json: bool = True


_NAME = r"(?P<name>[A-Za-z_][\w.\-]*)"
_BARE = _NAME.replace("?P<name>", "?P<bare>")
_QUOTED = rf'"{_NAME}"'
_JSON_NAME = rf'\{{\s*"(?:type"\s*:\s*"function"\s*,\s*")?(?:name|tool_name)"\s*:\s*{_QUOTED}'
"""A call as JSON that begins with its name: `{"name": "NAME"`."""

MARKUPS: Sequence[Markup] = (
    Markup(
        "Kimi K2",
        "<|tool_call_begin|>",
        rf"<\|tool_call_begin\|>\s*(?:functions\.)?{_NAME}:\d+",
        "<|tool_call_end|>",
        "https://huggingface.co/moonshotai/Kimi-K2-Thinking/blob/main/docs/tool_call_guidance.md",
    ),
    Markup(
        "Qwen (Hermes)",
        "<tool_call>",
        rf"<tool_call>\s*{_JSON_NAME}",
        "</tool_call>",
        "https://github.com/NousResearch/Hermes-Function-Calling",
    ),
    Markup(
        "Qwen3-Coder",
        "<function=",
        rf"<function={_NAME}>",
        "</function>",
        "https://github.com/ikawrakow/ik_llama.cpp/pull/1300",
        json=False,
    ),
    Markup(
        "GLM",
        "<tool_call>",
        rf"<tool_call>\s*{_NAME}\s*(?:<arg_key>|</tool_call>)",
        "</tool_call>",
        "https://huggingface.co/zai-org/GLM-4.6/blob/main/chat_template.jinja",
        json=False,
    ),
    Markup(
        "DeepSeek",
        "<｜tool▁call▁begin｜>",
        rf"<｜tool▁call▁begin｜>\s*(?:function\s*<｜tool▁sep｜>\s*)?{_NAME}",
        "<｜tool▁call▁end｜>",
        "https://huggingface.co/deepseek-ai/DeepSeek-V3.1/blob/main/assets/chat_template.jinja",
    ),
    Markup(
        "DeepSeek V3.2",
        "<｜DSML｜invoke",
        rf"<｜DSML｜invoke\s+name={_QUOTED}",
        "</｜DSML｜invoke>",
        "https://huggingface.co/deepseek-ai/DeepSeek-V3.2/tree/main/encoding",
        json=False,
    ),
    Markup(
        "Harmony (gpt-oss)",
        "to=functions.",
        rf"\bto=functions\.{_NAME}",
        "<|call|>",
        "https://cookbook.openai.com/articles/openai-harmony",
    ),
    Markup(
        "MiniMax",
        "<invoke",
        rf"<invoke\s+name={_QUOTED}",
        "</invoke>",
        "https://github.com/RooCodeInc/Roo-Code/issues/10547",
        json=False,
    ),
    Markup(
        "Mistral",
        "[TOOL_CALLS]",
        rf"\[TOOL_CALLS\]\s*(?:\[?\s*{_JSON_NAME}|{_BARE}"
        r"\s*(?:\[CALL_ID\]\w+)?(?:\[ARGS\]|(?=\{)))",
        "",
        "https://github.com/mistralai/mistral-common",
    ),
    Markup(
        "Llama 3",
        "<|python_tag|>",
        rf"<\|python_tag\|>\s*(?:{_JSON_NAME}|{_BARE}\.call\()",
        "",
        "https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/",
    ),
    Markup(
        "Functionary",
        ">>>",
        rf"^>>>{_NAME}\n(?=\s*\{{)",
        "",
        "https://github.com/MeetKai/functionary",
    ),
    Markup(
        "Command R",
        "<|START_ACTION|>",
        rf"<\|START_ACTION\|>[^|]*?\"tool_name\"\s*:\s*{_QUOTED}",
        "<|END_ACTION|>",
        "https://docs.cohere.com/docs/command-r7b-hf",
    ),
    Markup(
        "LFM2",
        "<|tool_call_start|>",
        rf"<\|tool_call_start\|>\s*\[?\s*(?:{_JSON_NAME}|{_BARE}\()",
        "<|tool_call_end|>",
        "https://huggingface.co/LiquidAI/LFM2-1.2B",
        json=False,
    ),
    Markup(
        "Granite, Phi-4",
        "<|tool_call|>",
        rf"<\|tool_call\|>\s*\[?\s*{_JSON_NAME}",
        "",
        "https://huggingface.co/ibm-granite/granite-3.3-8b-instruct",
    ),
    Markup(
        "Gemma",
        "call:",
        rf"(?:<start_function_call>|<\|tool_call>)\s*call:{_NAME}",
        "}",
        "https://ai.google.dev/gemma/docs/functiongemma",
        json=False,
    ),
    Markup(
        "Nemotron",
        "<TOOLCALL>",
        rf"<TOOLCALL>\s*\[?\s*{_JSON_NAME}",
        "</TOOLCALL>",
        "https://huggingface.co/nvidia/NVIDIA-Nemotron-Nano-9B-v2",
    ),
    Markup(
        "bare JSON",
        '"name"',
        rf"^[ \t]*\[?\s{{0,40}}{_JSON_NAME}\s*,\s*\"(?:arguments|parameters)\"\s*:",
        "",
        "https://github.com/ggml-org/llama.cpp/blob/master/docs/function-calling.md",
    ),
)
"""How the families write a call. `bare` is a second group for the name, beside `name`."""

TOKENS: Sequence[str] = (
    r"<[|｜][A-Za-z_][\w▁/ \-]{0,60}[|｜]>",
    r"<(?:start|end)_of_turn>",
    r"\[TOOL_CALLS\]|\[/?INST\]|\[/?TOOL_RESULTS\]",
    r"\]<\]minimax\[>\[|\[e~\[",
)
"""Special tokens: of ChatML, Llama, Harmony, Kimi, DeepSeek, Command R, LFM2 (the first line),
Gemma, Mistral, MiniMax; from the models' `tokenizer_config.json`."""

TAGS: Sequence[str] = (
    r"</?(?:minimax:|seed:)?tool_calls?>",
    r"</?function(?:=[\w.\-]*)?>",
    r"</invoke>|</?TOOLCALL>",
)
"""Marks of a call that look like XML. Without declared tools they are an agent's own protocol."""

_HINTS = (
    "|>",
    "｜>",
    "_of_turn>",
    "INST]",
    "[TOOL",
    "[/TOOL",
    "]<]",
    "[e~[",
    "tool_call",
    "function",
    "</invoke>",
    "TOOLCALL>",
)
"""Each token and tag holds one of these."""
_TOKEN = re.compile("|".join(TOKENS))
_MARK = re.compile("|".join((*TOKENS, *TAGS)))
_RUNS = {mark: re.compile(rf"(?:(?:{mark.pattern})\s*)+") for mark in (_TOKEN, _MARK)}
_CODE = re.compile(
    r"^[ \t]*(?P<fence>`{3,20}|~{3,20}).*?^[ \t]*(?P=fence)|```.*?```|`[^`\n]+`|^>(?!>>)[^\n]*$"
    rf"|[\"“«‘'](?:{'|'.join(TOKENS)})[\"”»’']",
    re.DOTALL | re.MULTILINE,
)
_ARGUMENTS = re.compile(r"\s*(?:<[|｜][^|｜<>]*[|｜]>\s*)*(?:json\s*)?(?:```(?:json)?\s*)?\{")
_PARTIAL = re.compile(r"\s*(?:<[|｜][^|｜<>\n]{0,60})?\Z")
"""What may stand after a text's last whole token: nothing, or the beginning of another."""
_EDGE = 1000
_OF_CALL = re.compile("tool|call|function|invoke|action|python_tag", re.IGNORECASE)
EATEN = "markers eaten"
"""The family of a call whose markers a server took out, so that nobody can tell whose it is."""
_EATEN = re.compile(r"(?<![\w.\-])(?P<words>[\w.\-]++)(?::\d++)?(?=\{)")
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
    if not text.rstrip().endswith("}") and not any(markup.hint in text for markup in MARKUPS):
        return []
    bare = without_code(text)
    found = sorted(_marked(text, bare, names), key=lambda leak: (leak.start, -leak.stop))
    apart: list[Leak] = []
    for leak in found:
        if not apart or leak.start >= apart[-1].stop:
            apart.append(leak)
    return apart or list(_eaten(bare, names))


def tokens_in(text: str, tools: bool) -> list[str]:
    """The special tokens in the text, code left out; with `tools`, tags of calls as well."""
    mark = _MARK if tools else _TOKEN
    if not any(hint in text for hint in _HINTS) or not mark.search(text):
        return []
    return [found[0] for found in mark.finditer(without_code(text))]


def stray_tokens(text: str, tools: bool) -> list[str]:
    """Runs of special tokens where no writer puts them: at the text's start or end, side by side.

    A token amid a sentence is talk about it. With `tools`, tags of calls count as well.
    """
    mark = _MARK if tools else _TOKEN
    if not any(hint in text for hint in _HINTS) or not mark.search(text):
        return []
    bare = without_code(text)
    begin, end = len(bare) - len(bare.lstrip()), len(_PARTIAL.sub("", bare[-_EDGE:]))
    end += max(0, len(bare) - _EDGE)
    return [
        run[0].rstrip()
        for run in _RUNS[mark].finditer(bare)
        if run.start() == begin or run.end() >= end or len(mark.findall(run[0])) > 1
    ]


def breaks_off(text: str, names: frozenset[str]) -> bool:
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
            if name:
                yield _leak(markup, name, found, text)


def _declared(found: re.Match[str], names: frozenset[str]) -> str:
    """The declared tool that an opener names; `""` where it names none."""
    said = found["name"] or found.groupdict().get("bare") or ""
    return next((n for n in (said, said.removeprefix("functions.")) if n in names), "")


def _leak(markup: Markup, name: str, found: re.Match[str], text: str) -> Leak:
    stop, readable = _json_after(found, text) if markup.json else (-1, True)
    if markup.end:
        at = text.find(markup.end, found.start())
        stop = at + len(markup.end) if at >= 0 else -1
    whole = stop >= 0 or (not markup.end and readable)
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


def _eaten(bare: str, names: frozenset[str]) -> Iterator[Leak]:
    """A call at the text's end whose markers were eaten: `functions.NAME:0{…}`, `it.NAME{…}`."""
    end = len(bare.rstrip())
    if not bare[:end].endswith("}"):
        return
    for found in islice(_EATEN.finditer(bare, max(0, end - _TAIL), end), _TRIES):
        name = _last_name(found["words"], names)
        if name and _is_object(bare[found.end() : end]):
            start = found.end("words") - len(name)
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
