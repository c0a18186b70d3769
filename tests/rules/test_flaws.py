"""What is wrong with a reply in itself."""

import pytest

from kimitap.rules.arguments import is_object
from kimitap.rules.flaws import flaw
from tests.support import chat


@pytest.mark.parametrize(
    "arguments",
    ["", "  ", "null", "{}", ' {"a": 1} ', '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}'],
)
def test_what_servers_and_agents_send_for_an_object_is_one(arguments: str) -> None:
    assert is_object(arguments)


@pytest.mark.parametrize(
    "arguments",
    ["[]", '"{}"', "7", "{", '{"a": 1', '{"a": 1}{"b": 2}', "{'a': 1}", "{}x", "[" * 100_000],
)
def test_anything_else_is_none(arguments: str) -> None:
    assert not is_object(arguments)


def judged(text: str, finish: str = "stop", tools: bool = True) -> str:
    declared = [chat.tool("read_file", path={"type": "string"})] if tools else []
    request = chat.request(chat.user("Read."), tools=declared)
    reply = chat.choice(chat.assistant(text), finish)
    return flaw(chat.turn(1, request, reply))


def test_a_sound_reply_has_no_flaw() -> None:
    assert judged("I use a < b and a | b, see <b>here</b>.") == ""


def test_a_reply_cut_by_its_length_is_flawed() -> None:
    assert "length" in judged("I use", "length")


@pytest.mark.parametrize(
    "text", ["<|tool_calls_section_begin|>", "Done.<|im_end|>", "<｜tool▁calls▁begin｜>"]
)
def test_leaked_special_tokens_are_a_flaw(text: str) -> None:
    assert "token" in judged(text, tools=False)


@pytest.mark.parametrize(
    "text",
    [
        "End each message with `<|im_end|>` in your template.",
        "Like this:\n```jinja\n{{ m }}<|im_end|>\n<tool_call>\n```\nand no other way.",
    ],
)
def test_tokens_that_are_quoted_as_code_did_not_leak(text: str) -> None:
    assert judged(text) == ""


@pytest.mark.parametrize("text", ["```sh\nls\n```<|im_end|>", "```sh\nls<|im_end|>"])
def test_a_token_behind_code_or_in_code_without_an_end_leaked(text: str) -> None:
    assert "token" in judged(text)


def test_markup_of_calls_is_a_flaw_only_where_tools_are_declared() -> None:
    markup = "<tool_call>\n<function=read_file>"
    assert judged(markup)
    assert not judged(markup, tools=False)
