"""What stays of a text whose words are replaced: what agents, templates and models mark it with.

None of it is what anybody wrote: special tokens, the tags of calls and thoughts, the headings by
which agents mark what they summed up or took out. Rules and weaving look for them.
"""

import re
from collections.abc import Collection

from kimitap.dialects.program import INTRODUCTIONS
from kimitap.redact.kinds import MASK
from kimitap.rewrites import CLEARED, SPANS
from kimitap.rules.markup import TAGS, TOKENS
from kimitap.weave.markers import ASIDES, COMPACTION, SUMMARISE, WINDOW

_TIME = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?Z?"
_INVOKED = r"</?(?:antml:|minimax:|steptml:|｜DSML｜)?(?:function|invoke|parameter)(?=[ =>])"
_NAMED = (
    r"(?<=[\"'])(?:name|tool_name|arguments|parameters|function|type)(?=\\*[\"']\s{0,8}:)"
    r"|(?<=[\"'])function(?=\\*[\"']\s{0,8},)"
)
_TAG_NAMES = (
    "think|thinking|seed:think|arg_key|arg_value|function_calls|parameters|conversation_summary"
    "|environment_details|system-reminder|state_snapshot"
)
_KEPT: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (anchors, re.compile(pattern))
    for anchors, pattern in (
        (("[",), MASK),
        (
            ("|>", "｜>", "_of_turn>", "INST]", "TOOL_", "</s>", "]<]", "[e~[", "[EO"),
            "|".join(TOKENS),
        ),
        (("tool_call", "function", "invoke>", "TOOLCALL>"), "|".join(TAGS)),
        (("<",), rf"</?(?:{_TAG_NAMES})>|</?thinking-content-[0-9a-f]{{32}}>"),
        (("THINK]",), r"\[/?THINK\]"),
        (("ool",), r"\[Tool Use: |\[tool_use: |\[Tool call: |\[Tool Result: |\bCalling tools:"),
        (("] Result",), r"\] Result"),
        (("invoke", "function", "parameter"), _INVOKED),
        (("functions.",), r"\bto=functions\.|\bfunctions\.(?=\w)"),
        (("_ACTION|>",), r"<\|(?:START|END)_ACTION\|>"),
        (("function_call>",), r"<(?:start|end)_function_call>"),
        (("call:", "name="), r"\bcall:(?=\w)|\bname=(?=\")"),
        (("name", "arguments", "parameters", "function", "type"), _NAMED),
        (("[CALL_ID]", "[ARGS]"), r"\[CALL_ID\]|\[ARGS\]"),
        (("```",), r"```(?:json|tool_code|tool_call)?"),
        (("assistant",), r"assistant(?:final|commentary)"),
        (("cch=",), r"\bcch=(?=[0-9a-f])"),
        (("<!", "<h", "<t"), r"(?i)<!doctype html|<html>|<head>|<title>"),
        (("session_", "account_"), r"\buser_(?=[0-9a-f])|(?<=_)(?:account|session)_(?=_?[0-9a-f])"),
        (("[DONE]",), r"\[DONE\]"),
        (("-",), _TIME),
        ((), r"(?<=[0-9])\s?(?:[nµm]?s|secs?|min|h)\b"),
    )
)
"""Patterns of what stays, each with texts of which one must be there."""
_SPOKEN = re.compile(r"<[^!<>]*[ =]")
"""A token of several words, and a tag with a value: what they hold may be anything."""
_PHRASES = (
    *(*COMPACTION, *WINDOW, *SUMMARISE, *ASIDES, *CLEARED, *sum(SPANS, ())),
    *(words for words, _ in INTRODUCTIONS),
)

_SERVER_WORDS = frozenset(
    word
    for line in (
        "a about accepted after all allowed alternate an and another any api are argument",
        "arguments array as assistant at attribute auth authentication automatic available bad be",
        "been before beginning bigger block blocks both built but by byte call callable called",
        "calls can cannot chat check code column compatible completion completions connection",
        "contain content contents context conversation correct could count create detected does",
        "due during each either element else empty encountered end endpoint engine enough error",
        "exceed exceeded exceeds exception expected failed fetch field fields file final first",
        "follow followed following for format found from full function functions generate",
        "generation get given grammar greater has have header history http id ids image images",
        "immediately in incompatible incorrect increasing index input instead integer internal",
        "invalid is issue item its jinja json key kv large larger last least length less limit",
        "line list load loaded loading longer match matching max maximum media message messages",
        "missing model models more must name need needs new no non none not null number object of",
        "off only optional or order other out output overflow overflows pairs param parameter",
        "parameters parse parsed parser parsing pass passed pattern peg position prefill preceded",
        "preceding preceeding previous prompt property provide provided query raise rate reached",
        "read reasoning received refused requested request requests require required requires",
        "respond response result results return role roles row running same schema see selected",
        "send sent server set should since size slot slots small some started status still stop",
        "stream string supported supports syntax system template text than that the their there",
        "these they this time timed timeout to token tokens too tool tools top truncated try",
        "trying type undefined unexpected unknown unrecognized unsupported up url use used user",
        "using value values was were when where which while window with within without wrong you",
        "your subscript mapping generic rendered render single native produced thinking enabled",
        "enable disabled back responses call_id tool_call_id tool_calls tool_use tool_result",
        "tool_choice reasoning_content exceed_context_size_error invalid_request_error",
        "not_found_error server_error authentication_error unavailable_error",
        "context_length_exceeded max_tokens n_ctx n_keep",
    )
    for word in line.split()
)


def kept_spans(text: str, names: Collection[str] = ()) -> list[tuple[int, int]]:
    """Where in a text stands what stays, in order and apart; of `names` those that are no word."""
    spans = [
        found.span()
        for anchors, pattern in _KEPT
        if not anchors or any(anchor in text for anchor in anchors)
        for found in pattern.finditer(text)
        if not _SPOKEN.match(found[0])
    ]
    for phrase in (*_PHRASES, *names):
        at = text.find(phrase)
        while at >= 0:
            spans.append((at, at + len(phrase)))
            at = text.find(phrase, at + len(phrase))
    spans.sort()
    apart: list[tuple[int, int]] = []
    for start, stop in spans:
        if apart and start < apart[-1][1]:
            apart[-1] = apart[-1][0], max(stop, apart[-1][1])
        else:
            apart.append((start, stop))
    return apart


def is_server_word(word: str) -> bool:
    """True for a word of which servers make their errors, and for a figure."""
    return word.lower() in _SERVER_WORDS or word.isdigit()
