"""What of a request is found in its rendered prompt, in the ways in which templates write it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kimitap.conversation import Turn
from kimitap.prompt import Subject, seen
from tests.support import chat

Body = dict[str, Any]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": text,
            "parameters": {"type": "object", "properties": {key: {"type": "string"}}},
        },
    }
    for name, text, key in (
        ("read_file", 'Read a "text" file & give all of it back.', "path"),
        ("write_file", "Write a file <whole>, however long it is.", "content"),
        ("run", "", "command"),
    )
]
NOTE = '# Summary\n\nOwner: Zoë of Ærø\n\t"quoted" \\\\ back & <tagged>'


def body(ids: tuple[str, str, str] = ("call_one", "call_two", "call_three")) -> Body:
    """Two rounds of calls, thoughts before both, and a user who spoke in between."""
    read = chat.call("read_file", {"path": "dir/näme x.txt", "limit": 20}, ids[0])
    write = chat.call("write_file", {"path": "summary.md", "content": NOTE}, ids[1])
    run = chat.call("run", {"command": "ls -la | grep 'md' && date --utc"}, ids[2])
    return chat.request(
        chat.system("You are a careful agent."),
        chat.user("Read the notes & tell <me> who owns them."),
        chat.assistant("First the notes.", read, reasoning_content="The notes come first here."),
        chat.result('{"owner": "Zoë <zoe@x.org>",\n "rows": [1, 2.0]}', ids[0]),
        chat.assistant("Zoë owns them."),
        chat.user("Then write the summary."),
        chat.assistant(None, write, run, reasoning_content="Two things remain to be done."),
        chat.result("Wrote 52 bytes.", ids[1]),
        chat.result("-rw-r--r-- 1 root root 52 notes\n", ids[2]),
        tools=TOOLS,
    )


def kimi(request: Body) -> str:
    """JSON declarations first, calls by id, results under the id of their call."""
    out = f"<|im_system|>tool_declare<|im_middle|>{json.dumps(request['tools'])}<|im_end|>"
    for m in request["messages"]:
        out += f"<|im_{m['role']}|>{m['role']}<|im_middle|>"
        if m["role"] == "tool":
            out += f"## Return of {m['tool_call_id']}\n"
        if m.get("reasoning_content"):
            out += f"<think>{m['reasoning_content']}</think>"
        out += m["content"] or ""
        for c in m.get("tool_calls", ()):
            out += f"<|tool_call_begin|>{c['id']}<|tool_call_argument_begin|>"
            out += f"{c['function']['arguments']}<|tool_call_end|>"
        out += "<|im_end|>"
    return out


def hermes(request: Body) -> str:
    """Declarations inside the system message, calls and results as JSON in tags, no thoughts of
    earlier turns, pure ASCII."""
    last = max(i for i, m in enumerate(request["messages"]) if m["role"] == "user")
    out = ""
    for i, m in enumerate(request["messages"]):
        out += f"<|im_start|>{'user' if m['role'] == 'tool' else m['role']}\n"
        if i > last and m.get("reasoning_content"):
            out += f"<think>\n{m['reasoning_content']}\n</think>\n\n"
        if m["role"] == "tool":
            out += f"<tool_response>\n{json.dumps(m['content'])}\n</tool_response>"
        else:
            out += m["content"] or ""
        if m["role"] == "system":
            out += "\n\n# Tools\n" + "\n".join(json.dumps(t) for t in request["tools"])
        for c in m.get("tool_calls", ()):
            made = {"name": c["function"]["name"], "arguments": arguments(c)}
            out += f"\n<tool_call>\n{json.dumps(made, sort_keys=True)}\n</tool_call>"
        out += "<|im_end|>\n"
    return out


def typescript(request: Body) -> str:
    """Declarations as types, each argument in a tag of its own, texts after the results."""
    out = "<|start|>system<|message|>namespace functions {\n"
    for t in request["tools"]:
        of = t["function"]
        out += f"// {of['description']}\ntype {of['name']} = (_: {{ }}) => any;\n"
    out += "}<|end|>"
    said = ""
    for m in request["messages"]:
        if m["role"] != "tool" and said:
            out, said = f"{out}{said}<|end|>", ""
        if m.get("reasoning_content"):
            out += (
                f"<|start|>assistant<|channel|>analysis<|message|>{m['reasoning_content']}<|end|>"
            )
        if m["role"] == "assistant":
            said = m["content"] or ""
        else:
            out += f"<|start|>{m['role']}<|message|>{json.dumps(m['content'])}<|end|>"
        for c in m.get("tool_calls", ()):
            out += f"<function={c['function']['name']}>"
            out += "".join(f"<{k}>\n{v}\n</{k}>" for k, v in arguments(c).items())
    return out + said


def arguments(call: Body) -> Body:
    made: Body = json.loads(call["function"]["arguments"])
    return made


STYLES: list[Callable[[Body], str]] = [kimi, hermes, typescript]
styles = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)


def turn(request: Body) -> Turn:
    return chat.turn(1, request, chat.choice(chat.assistant("Done.")))


@styles
@pytest.mark.parametrize(
    "ids", [("call_one", "call_two", "call_three"), ("functions.read_file:0", "w", "r")]
)
def test_whatever_a_template_writes_anew_is_found(
    style: Callable[[Body], str], ids: tuple[str, str, str]
) -> None:
    request = body(ids)
    found = seen(turn(request), style(request))
    assert found.hidden == ()
    assert {tick.subject for tick in found.ticks if tick.present} == set(Subject)
    assert None not in found.places


def test_thoughts_of_earlier_turns_are_not_due() -> None:
    request = body()
    gone = [tick for tick in seen(turn(request), hermes(request)).ticks if not tick.present]
    assert [(tick.subject, tick.message, tick.due) for tick in gone] == [
        (Subject.REASONING, 2, False)
    ]


def without(request: Body, change: Callable[[Body], object]) -> Body:
    made: Body = json.loads(json.dumps(request))
    change(made)
    return made


GONE: dict[str, tuple[Callable[[Body], object], list[tuple[Subject, int | None, int]]]] = {
    "all tools": (
        lambda r: r["tools"].clear(),
        [(Subject.TOOL, None, 0), (Subject.TOOL, None, 1)],
    ),
    "the second of two calls": (
        lambda r: r["messages"][6]["tool_calls"].pop(),
        [(Subject.CALL, 6, 2)],
    ),
    "the call beside a text": (
        lambda r: r["messages"][2].pop("tool_calls"),
        [(Subject.CALL, 2, 2)],
    ),
    "a result": (
        lambda r: r["messages"][7].update(content=""),
        [(Subject.RESULT, 7, 0)],
    ),
    "the last thought": (
        lambda r: r["messages"][6].pop("reasoning_content"),
        [(Subject.REASONING, 6, 0)],
    ),
}


@styles
@pytest.mark.parametrize("what", GONE)
def test_what_a_template_leaves_out_is_found_and_nothing_else(
    style: Callable[[Body], str], what: str
) -> None:
    change, expected = GONE[what]
    request = body()
    hidden = seen(turn(request), style(without(request, change))).hidden
    told = [(tick.subject, tick.message, tick.part) for tick in hidden]
    # a tool without a description may hide behind a call that names it
    assert [t for t in told if t != (Subject.TOOL, None, 2)] == expected


def test_tools_that_were_not_to_be_used_need_not_be_shown() -> None:
    request = body() | {"tool_choice": "none"}
    assert seen(turn(request), kimi(body() | {"tools": []})).hidden == ()


def test_each_message_has_its_place_in_order_after_the_end_of_the_one_before() -> None:
    request = body()
    prompt = kimi(request)
    places = seen(turn(request), prompt).places
    assert [prompt[at:].startswith("<|im_") for at in places if at is not None][1:] == [True] * 8
    assert sorted(at or 0 for at in places) == [at or 0 for at in places]


def test_a_prompt_of_something_else_shows_nothing() -> None:
    found = seen(turn(body()), "<|im_user|>Hello there.<|im_end|>")
    assert not any(tick.present for tick in found.ticks)
    assert set(found.places) == {None}


def test_a_long_session_costs_little() -> None:
    messages = [chat.user("Begin the long work, please.")]
    for n in range(1000):
        call = chat.call("read_file", {"path": f"folder/file-number-{n}.txt"}, f"c{n}")
        messages += [
            chat.assistant(f"Step {n} of many.", call),
            chat.result(f"row {n} " * 50, f"c{n}"),
        ]
    request = chat.request(*messages, tools=TOOLS)
    assert seen(turn(request), kimi(request)).hidden == ()
