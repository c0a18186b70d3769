"""How a reply came back, in words and as fields, for each way that an agent may give it back."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kimitap.lineage import Relation, Thread
from kimitap.transcript import echo_words
from tests.support.chat import assistant, call, result, user
from tests.support.weaving import NOTES, READ, TASK, WRITE, WROTE, Json, ask, only, woven

TEXT = "Now I read the notes and then write the summary."
REPLY = assistant(TEXT, READ, WRITE, reasoning_content="First the notes.")
PLAIN = assistant(TEXT, READ, WRITE)
OTHER = {**READ["function"], "arguments": '{"path": "other.txt"}'}


def pair_of(*after: Json, reply: Json | None = REPLY, **more: Any) -> Thread:
    """A reply, and a next request that goes on with `after`."""
    first = ask(1, [TASK], reply, session="s", **more)
    return only(woven(first, ask(2, [TASK, *after], assistant("I see."), session="s")))


def renamed(call_: Mapping[str, Any], **function: str) -> Json:
    return {**call_, "function": {**call_["function"], **function}}


@pytest.mark.parametrize(
    ("after", "words", "altered"),
    [
        ([REPLY, NOTES, WROTE], "given back in #2", ()),
        (
            [PLAIN, NOTES, WROTE],
            "given back in #2: its reasoning left out",
            ("reasoning",),
        ),
        (
            [{**REPLY, "content": "Seven geese fly south."}, NOTES, WROTE],
            "altered in #2: its text changed",
            ("text",),
        ),
        (
            [{**REPLY, "content": None}, NOTES, WROTE],
            "altered in #2: its text left out",
            ("text",),
        ),
        (
            [
                {**REPLY, "tool_calls": [renamed(READ, arguments="{}"), WRITE]},
                NOTES,
                WROTE,
            ],
            "altered in #2: call 1 read_file with other arguments",
            ("tool_calls[0].arguments",),
        ),
        (
            [
                {**REPLY, "tool_calls": [READ, renamed(WRITE, name="invalid", arguments="{}")]},
                NOTES,
                WROTE,
            ],
            "altered in #2: call 2 write_file renamed invalid, with other arguments",
            ("tool_calls[1].name", "tool_calls[1].arguments"),
        ),
        (
            [{**REPLY, "tool_calls": [{**READ, "id": "a"}, {**WRITE, "id": "b"}]}],
            "given back in #2: 2 ids rewritten",
            (),
        ),
        (
            [{**REPLY, "tool_calls": [READ]}, NOTES],
            "given back in part in #2: call write_file left out",
            ("tool_calls[1]",),
        ),
        (
            [assistant(TEXT + "\n[Tool Use: read_file]\n[Tool Use: write_file]"), user("Done.")],
            "its calls written as text in #2: its reasoning left out",
            ("reasoning", "tool_calls[0]", "tool_calls[1]"),
        ),
        (
            [assistant(TEXT, reasoning_content="First the notes."), assistant(None, READ, WRITE)],
            "given back in #2: in 2 messages",
            (),
        ),
        (
            [assistant(""), user("<environment_details/>")],
            "blanked in #2: its reasoning left out",
            ("text", "reasoning", "tool_calls[0]", "tool_calls[1]"),
        ),
        (
            [user("<environment_details/>")],
            "missing from #2",
            ("text", "reasoning", "tool_calls[0]", "tool_calls[1]"),
        ),
    ],
)
def test_each_way_of_giving_a_reply_back_is_told(
    after: Sequence[Json], words: str, altered: tuple[str, ...]
) -> None:
    thread = pair_of(*after)
    assert echo_words(thread.link_after(1)) == words
    echo = thread.echo_of(1)
    assert echo is not None
    assert echo.altered == altered


def test_what_nothing_follows_has_no_echo() -> None:
    thread = pair_of(REPLY, NOTES, WROTE)
    assert thread.echo_of(2) is None
    assert thread.echo_of(99) is None
    assert echo_words(thread.link_after(2)) == "nothing followed"
    assert (thread.place_of(2), thread.place_of(99)) == (1, None)


def test_a_reply_that_failed_or_said_nothing_is_left_out_for_a_reason() -> None:
    cut = pair_of(user("Again, please."), reply=None, stream=True)
    assert echo_words(cut.link_after(1)) == "left out of #2, since it failed"
    empty = pair_of(user("Again, please."), reply=assistant(""))
    assert echo_words(empty.link_after(1)) == "left out of #2, being empty"


def test_what_comes_between_is_named() -> None:
    again = pair_of(reply=None, stream=True)
    link = again.link_after(1)
    assert link and link.relation is Relation.RETRY
    assert echo_words(link) == "asked for once more in #2"
    head = user("<system>Previous context has been compacted. Here is the summary: …</system>")
    first = ask(1, [TASK, PLAIN, NOTES, WROTE], assistant("Then."), session="s")
    second = ask(2, [head, PLAIN, NOTES, WROTE], assistant("On."), session="s")
    assert echo_words(only(woven(first, second)).link_after(1)) == "gave way to a summary in #2"


def test_many_calls_are_counted_and_hostile_names_are_made_visible() -> None:
    calls = [call("run", {"n": n}, f"c{n}") for n in range(5)]
    many = pair_of(assistant(TEXT, calls[4]), result("4", "c4"), reply=assistant(TEXT, *calls))
    assert echo_words(many.link_after(1)) == ("given back in part in #2: 4 of 5 calls left out")
    hostile = call("a\x1b[31m\nb", {"n": 1}, "h")
    told = echo_words(pair_of(assistant(TEXT), reply=assistant(TEXT, hostile)).link_after(1))
    assert "\x1b" not in told and "\n" not in told
