"""Calls in a row's words, whatever the model wrote as their arguments."""

import pytest

from kimitap.conversation import ToolCall
from kimitap.transcript.wording import call_line, pretty_call

DEEP = '{"a":' + "[" * 300 + "]" * 300 + "}"
"""Deeper than what is written as JSON again; every parser reads it."""


@pytest.mark.parametrize("arguments", [DEEP, "[", "", "null", "3", '"x"'])
def test_arguments_that_cannot_be_written_again_stand_as_they_are(arguments: str) -> None:
    call = ToolCall("f", arguments, "c1")
    assert call_line(call).startswith("f(")
    assert pretty_call(call).startswith("f  id c1\n")


def test_arguments_are_shown_one_by_one_and_indented() -> None:
    call = ToolCall("f", '{"path":"a.md","deep":[1]}', "c1")
    assert call_line(call) == 'f(path="a.md", deep=[1])'
    assert '\n  "path": "a.md"' in pretty_call(call)
