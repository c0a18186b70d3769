"""One side read with other words: directories that differ from run to run and mean the same."""

from dataclasses import replace

from kimitap.conversation import Message, Other, Reasoning, Text, Tool, ToolCall, ToolResult
from kimitap.diff import Respelling, compare_threads
from kimitap.lineage import Mark
from tests.support.two_runs import calls, session, thread

ALL = (
    Text("in /old/place"),
    Reasoning("look at /old/place"),
    ToolCall("read", '{"path": "/old/place/a"}'),
    ToolResult("/old/place/a: 3 lines"),
    Other("file", '{"at":"/old/place"}'),
)


def test_every_part_and_every_tool_is_read_so() -> None:
    turn = thread(1).turns[0]
    tools = (Tool("read", '{"description":"Reads below /old/place"}'),)
    said = replace(turn, messages=(*turn.messages, Message("user", ALL)), tools=tools)
    read = Respelling([("/old/place", "/new")]).turn(said)
    assert "/old" not in f"{read.messages}{read.tools}"
    assert read.messages[-1].tool_calls[0].arguments == '{"path": "/new/a"}'


def test_inside_json_its_escaped_form_is_found() -> None:
    windows = ToolCall("read", r'{"path": "C:\\work\\a"}')
    turn = thread(1, windows).turns[0]
    read = Respelling([("C:\\work", "D:\\other")]).turn(turn)
    assert read.reply.message.tool_calls[0].arguments == r'{"path": "D:\\other\\a"}'


def test_runs_in_two_directories_are_the_same_then() -> None:
    old = thread(1, ToolCall("read", '{"path": "/tmp/run1/a"}'), asked="Work in /tmp/run1.")
    new = thread(11, ToolCall("read", '{"path": "/tmp/run2/a"}'), asked="Work in /tmp/run2.")
    assert compare_threads(old, new).threads[0].parts_at == 0
    read = Respelling([("/tmp/run1", "/tmp/run2")])
    pairs = compare_threads(read.session(session(old)).threads[0], new).turns
    assert {pair.mark for pair in pairs} == {Mark.SAME}


def test_without_words_nothing_is_read_otherwise() -> None:
    one = thread(1, *calls(["look"]))
    assert Respelling([]).thread(one).turns is one.turns
    assert Respelling([("", "x")]).thread(one).turns is one.turns
