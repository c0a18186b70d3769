"""Markers and special tokens that a reply speaks of, and those that leaked, side by side."""

import pytest

from kimitap.rules.examples import TASK, assistant, step
from tests.support.examples import findings_of

KIMI = (
    "<|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>"
    '{"path": "a"}<|tool_call_end|>'
)
SECTION = f"<|tool_calls_section_begin|>{KIMI}<|tool_calls_section_end|>"
HERMES = '<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>'
BARE = '{"name": "read_file", "arguments": {"path": "a"}}'

TALK = (
    f"The log shows “{KIMI}” in the content.",
    f'At line 3 the log has "{SECTION}", which your parser should take.',
    f"It came as '{HERMES}': a leak.",
    f"Put this in launch.json:\n{BARE}\nand restart the editor.",
    f"For example, the cookbook's syntax looks like this:\n{BARE}\nThe name comes first.",
    "[read_file(path='a')] is the pythonic form.",
    "1. <|im_start|>\n2. <|im_end|>\n",
    "10) <|im_start|>\n11) <|im_end|>",
    "A message of ChatML ends with: <|im_end|>",
    'The token is called "<|im_end|>"',
    "It is the pair (“<|im_start|><|im_end|>”) that the template writes.",
)

LEAKS = (
    (f'They said "hi".{SECTION}', "tool-call-in-content"),
    (f"I read it.\n{HERMES}", "tool-call-in-content"),
    (f'The file says "a"{SECTION}"', "tool-call-in-content"),
    (f"Now I read the file:\n{BARE}\nThen I write.", "tool-call-in-content"),
    (f"Reading the file first.\n{BARE}", "tool-call-in-content"),
    ("[read_file(path='a')]", "tool-call-in-content"),
    (f"{HERMES}\nIs there more?", "tool-call-in-content"),
    ("Done in 3. <|im_end|>", "special-token-in-content"),
    ("Let me read the file: <|im_end|>", "special-token-in-content"),
    ('The owner is "Ada"<|im_end|>', "special-token-in-content"),
    ('He is "Ada".<|im_end|><|im_start|>', "special-token-in-content"),
    ("I read it.<|tool_calls_section_begin|><|tool_call_begin|>", "special-token-in-content"),
)


@pytest.mark.parametrize("text", TALK)
def test_what_a_reply_speaks_of_is_no_leak(text: str) -> None:
    assert [f.rule for f in findings_of([step(TASK, assistant(text))])] == []


@pytest.mark.parametrize(("text", "rule"), LEAKS)
def test_what_leaked_is_told_though_it_looks_alike(text: str, rule: str) -> None:
    assert [f.rule for f in findings_of([step(TASK, assistant(text))])] == [rule]
