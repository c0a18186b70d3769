"""The first thing in which a request differs from what the server had in its cache."""

from dataclasses import replace

from kimitap.rules.difference import Kind, difference
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, TOOLS, Json, step
from tests.support.examples import sessions_of


def differs(*tools: Json) -> tuple[Kind, str]:
    """What is told where the second request declares these tools."""
    before, after = step(TASK, ASKED), step((*TASK, ASKED, NOTES), DONE)
    after = replace(after, request={**after.request, "tools": tools})
    [session] = sessions_of([before, after])
    [_, link] = session.threads[0].links
    assert link is not None
    found = difference(link)
    return found.kind, found.what


def test_a_tool_that_is_declared_twice_differs() -> None:
    assert differs(*TOOLS, TOOLS[-1]) == (Kind.TOOLS, "one is declared twice")


def test_the_order_of_the_tools_differs() -> None:
    assert differs(*reversed(TOOLS)) == (Kind.TOOLS, "their order")


def test_a_tool_more_or_less_is_named() -> None:
    assert differs(*TOOLS[:-1]) == (Kind.TOOLS, "-run_command")


def test_a_tool_that_is_declared_otherwise_is_named() -> None:
    other = {"type": "function", "function": {"name": "read_file", "parameters": {}}}
    assert differs(other, *TOOLS[1:]) == (Kind.TOOLS, "the declaration of read_file")


def test_the_same_tools_make_no_difference() -> None:
    assert differs(*TOOLS)[0] is Kind.NOTHING
