"""What stays of a text whose words are replaced: what agents, templates and models mark it with.

None of it is what anybody wrote: special tokens, the tags of calls and thoughts, the headings by
which agents mark what they summed up or took out. Rules and weaving look for them.
"""

import re
from collections.abc import Iterable

from kimitap.dialects.program import INTRODUCTIONS
from kimitap.redacting.patterns import MASK
from kimitap.rewrites import CLEARED, SPANS
from kimitap.rules.markup import TAGS, TOKENS
from kimitap.weave.markers import ASIDES, COMPACTION, SUMMARISE, WINDOW

_TAG_NAMES = (
    "think|thinking|seed:think|arg_key|arg_value|function_calls|parameters|conversation_summary"
    "|environment_details|system-reminder|state_snapshot"
)
_MARKS = (
    rf"</?(?:{_TAG_NAMES})>",
    r"</?thinking-content-[0-9a-f]{32}>",
    r"\[/?THINK\]|\[Tool Use: |\[tool_use: |\[Tool call: |\[Tool Result: |\] Result|Calling tools:",
    r"</?(?:antml:|minimax:|steptml:|｜DSML｜)?(?:function|invoke|parameter)(?=[ =>])",
    r"\bto=functions\.|\bfunctions\.(?=\w)|<\|START_ACTION\|>|<\|END_ACTION\|>|>>>(?=\w)",
    r"<start_function_call>|<end_function_call>|\bcall:(?=\w)|\bname=(?=\")",
    r"(?<=[\"'])(?:name|tool_name|arguments|parameters|function|type)(?=\\*[\"']\s*:)",
    r"(?<=[\"'])function(?=\\*[\"']\s*,)",
    r"\[CALL_ID\]|\[ARGS\]|```(?:json|tool_code|tool_call)?",
    r"\[TOOL_CALLS\]|<TOOLCALL>|assistantfinal|assistantcommentary",
    r"\bcch=(?=[0-9a-f])",
    r"<!doctype html|<html>|<head>|<title>",
    r"\b(?:user|account|session)_(?=[0-9a-f])|(?<=_)(?:account|session)_(?=_?[0-9a-f])",
    r"\[DONE\]",
    r"(?<=[0-9])\s?(?:[nµm]?s|secs?|min|h)\b",
)
_TIME = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?Z?"

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


def kept_pattern(names: Iterable[str] = ()) -> str:
    """A pattern of what stays; of `names` those that are not one word."""
    phrases = [*COMPACTION, *WINDOW, *SUMMARISE, *ASIDES, *CLEARED, *sum(SPANS, ())]
    phrases += [words for words, _ in INTRODUCTIONS]
    odd = [rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in names]
    longest = sorted(map(re.escape, phrases), key=len, reverse=True)
    return "|".join((MASK, *odd, *TOKENS, *TAGS, *_MARKS, *longest, _TIME))


def is_server_word(word: str) -> bool:
    """True for a word of which servers make their errors, and for a figure."""
    return word.lower() in _SERVER_WORDS or word.isdigit()
