"""A text that the request holds already is quoted; of a history only what is new is looked at."""

import time
from dataclasses import replace

from kimitap.conversation import Message, Text, ToolCall, ToolResult, Turn
from kimitap.rules.examples import DONE, TASK, step
from kimitap.rules.quotes import Quotes
from tests.support.examples import turn_of

TOKEN = "<|im_end|>"
BASE = turn_of(1, step(TASK, DONE))


def sent(*messages: Message) -> Turn:
    return replace(BASE, messages=messages)


def said(role: str, text: str) -> Message:
    return Message(role, (Text(text),), role)


ASKED = said("user", "Read it.")
FILE = Message("tool", (ToolResult(f"{{ m }}{TOKEN}", "c1"),), "tool")


def test_a_file_that_was_read_is_quoted_as_long_as_it_stands_there() -> None:
    quotes = Quotes()
    assert not quotes.holds(sent(ASKED), TOKEN)
    assert quotes.holds(sent(ASKED, FILE), TOKEN)
    assert quotes.holds(sent(ASKED, FILE, ASKED), TOKEN)
    assert not quotes.holds(sent(ASKED, ASKED), TOKEN)
    assert quotes.holds(sent(FILE, ASKED), TOKEN)


def test_what_the_assistant_wrote_to_a_file_is_quoted_but_not_what_it_said() -> None:
    call = ToolCall("write_file", '{"content":"<tool_call>\\n{\\"name\\""}', "c1")
    text = '<tool_call>\n{"name"'
    assert Quotes().holds(sent(ASKED, Message("assistant", (call,), "assistant")), text)
    assert not Quotes().holds(sent(ASKED, said("assistant", text)), text)


def test_texts_that_begin_alike_are_told_apart() -> None:
    quotes, other = Quotes(), f"{TOKEN}<|im_start|>assistant"
    assert quotes.holds(sent(ASKED, FILE), TOKEN)
    assert not quotes.holds(sent(ASKED, FILE), other)
    assert quotes.holds(sent(ASKED, FILE, said("user", other)), other)


def test_a_server_that_leaks_in_every_reply_does_not_make_the_history_read_again() -> None:
    quotes = Quotes()
    messages = tuple(said("user", f"{n}. {'x' * 2000}") for n in range(6000))
    began = time.perf_counter()
    for n in range(1, 6000):
        assert not quotes.holds(sent(*messages[:n]), TOKEN)
    assert time.perf_counter() - began < 10  # a minute if each request were looked through
