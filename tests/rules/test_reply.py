"""What the rules about replies make of the evidence: whose side it is, and what is no defect."""

from dataclasses import replace

import orjson
import pytest

from kimitap.exchange import Body
from kimitap.rules import RULES, check
from kimitap.rules.arguments import breaks_off
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    TASK,
    TOOLS,
    Json,
    assistant,
    call,
    responses,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.reply.duplicated_content import doubled, times_said
from kimitap.rules.reply.tool_schema_violation import violations
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.support import chat
from tests.support.examples import exchange_of, findings_of

KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0"
    '<|tool_call_argument_begin|>{"path": "notes.txt"}<|tool_call_end|><|tool_calls_section_end|>'
)
HALF = '{"path": "summary.md", "content": "# Summ'
OF_REPLIES = {r.name for r in RULES if type(r).__module__.startswith("kimitap.rules.reply.")}


def told(*samples: Sample) -> list[Finding]:
    """What the rules about replies say of the samples."""
    return [f for f in findings_of(samples) if f.rule in OF_REPLIES]


def names(*samples: Sample) -> list[str]:
    return [f.rule for f in told(*samples)]


def counted(sample: Sample, made: int, prompt: int = 40) -> Sample:
    usage = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    return Sample(sample.request, sample.reply, extra={"usage": usage})


def whole(*choices: Json, **fields: object) -> Sample:
    """An answer that is not streamed, with these choices."""
    body = {"choices": [{"index": i, **c} for i, c in enumerate(choices)]}
    return Sample(step(TASK, None, **fields).request, None, raw=orjson.dumps(body))


# ---- calls that leaked


def test_markup_that_no_parser_could_take_is_the_models() -> None:
    broken = '<tool_call>{"name": "read_file", "arguments": {path}}</tool_call>'
    [found] = told(step(TASK, assistant(broken)))
    assert (found.rule, found.side) == ("tool-call-in-content", Side.MODEL)
    assert "broken" in found.message


def test_whole_markup_is_the_servers_whose_build_is_named() -> None:
    [found] = told(step(TASK, assistant(KIMI)))
    assert found.side is Side.SERVER
    assert "b1-571d0d5" in found.message
    assert "functions.read_file:0" in found.evidence[0].quote


def test_a_call_that_tool_choice_forbade_is_the_models() -> None:
    [found] = told(step(TASK, assistant(KIMI), tool_choice="none"))
    assert (found.rule, found.side) == ("tool-call-in-content", Side.MODEL)


def test_a_leak_in_the_history_makes_the_next_leak_no_quote() -> None:
    found = names(
        step(TASK, assistant(KIMI)), step((*TASK, assistant(KIMI), user("On.")), assistant(KIMI))
    )
    assert found == ["tool-call-in-content", "tool-call-in-content"]


def test_a_real_call_beside_markup_is_judged_by_its_markers_alone() -> None:
    assert names(step(TASK, assistant(KIMI, READ))) == ["special-token-in-content"]


def test_what_a_tool_read_is_quoted_and_did_not_leak() -> None:
    read = (*TASK, assistant(None, READ), {**NOTES, "content": f"template:\n{KIMI}\n"})
    assert names(step(read, assistant(f"It says:\n\n{KIMI}"))) == []


def test_a_cut_call_in_markup_is_its_limits_error() -> None:
    [found] = told(step(TASK, assistant(KIMI[:100]), "length"))
    assert (found.rule, found.severity) == ("truncated-by-length", Severity.ERROR)
    assert "markup" in found.message


def test_a_whole_leaked_call_before_the_cut_is_a_leak_too() -> None:
    assert set(names(step(TASK, assistant(f"{KIMI} And then I"), "length"))) == {
        "tool-call-in-content",
        "truncated-by-length",
    }


def test_a_call_after_the_thought_was_closed_is_the_servers() -> None:
    closed = f"I read it.</think>\n{KIMI}"
    [found] = told(step(TASK, assistant("", reasoning=closed)))
    assert (found.rule, found.side) == ("tool-call-in-reasoning", Side.SERVER)


def test_a_call_whose_markers_the_server_ate_is_the_servers_in_text_and_thought() -> None:
    eaten = 'I read it for you.read_file{"path": "notes.txt"}'
    [spoken] = told(step(TASK, assistant(eaten)))
    [thought] = told(step(TASK, assistant("", reasoning=eaten)))
    assert (spoken.rule, spoken.side) == ("tool-call-in-content", Side.SERVER)
    assert (thought.rule, thought.side) == ("tool-call-in-reasoning", Side.SERVER)


def test_a_thought_without_tools_may_hold_any_markup() -> None:
    assert names(step(TASK, assistant("Hm.", reasoning=KIMI), tools=[])) == []


def test_tokens_that_come_back_are_an_error_there_too() -> None:
    ended = assistant("All is written.<|im_end|>")
    [found] = told(step(TASK, ended), step((*TASK, ended, user("And now?")), assistant(None, READ)))
    assert (found.severity, found.related) == (Severity.ERROR, (Place(2, 2),))
    [found] = told(
        step(TASK, ended),
        step((*TASK, assistant("All is written."), user("And now?")), assistant(None, READ)),
    )
    assert (found.severity, found.related) == (Severity.WARNING, ())


# ---- silence and cuts


def test_tokens_that_never_came_were_eaten_by_the_server() -> None:
    [found] = told(counted(step(TASK, assistant("")), 37))
    assert (found.rule, found.side) == ("empty-reply", Side.SERVER)
    assert "37 tokens" in found.message
    [found] = told(counted(step(TASK, assistant("")), 1))
    assert found.side is Side.MODEL


def test_one_choice_of_several_that_speaks_is_enough() -> None:
    blank = {"finish_reason": "stop", "message": assistant("")}
    speaks = {"finish_reason": "stop", "message": DONE}
    assert names(whole(blank, speaks)) == []
    assert names(whole(blank, blank)) == ["empty-reply"]


def test_an_empty_reply_given_back_is_one_defect() -> None:
    found = findings_of(
        [step(TASK, assistant("")), step((*TASK, assistant(""), user("Well?")), assistant("Hm."))]
    )
    assert [f.rule for f in found if f.severity is not Severity.INFO] == ["empty-reply"]


def test_whose_limit_it_was_is_told_by_the_count() -> None:
    [own] = told(counted(step(TASK, assistant("I read"), "length", max_tokens=8), 8))
    assert own.side is Side.MODEL
    assert "8 tokens that the request allows" in own.message
    [other] = told(counted(step(TASK, assistant("I read"), "length", max_tokens=900), 88, 4008))
    assert other.side is Side.SERVER
    assert "4008 prompt + 88 reply tokens" in other.message


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens", "n_predict"])
def test_a_hidden_cut_is_found_by_any_name_of_the_limit(limit: str) -> None:
    sample = step(TASK, assistant("The owner of the notes is"), **{limit: 16})
    assert names(counted(sample, 16)) == ["unreported-truncation"]
    assert names(counted(sample, 15)) == []


def test_a_hidden_cut_after_a_call_is_an_error_and_its_mismatch_part_of_it() -> None:
    [found] = told(counted(step(TASK, ASKED, "stop", max_tokens=30), 30))
    assert (found.rule, found.severity) == ("unreported-truncation", Severity.ERROR)


def test_a_probe_for_one_token_is_nobodys_defect() -> None:
    assert names(counted(step(TASK, assistant("I"), "length", max_tokens=1), 1)) == []
    assert names(counted(step(TASK, assistant("I"), "stop", max_tokens=1), 1)) == []


def test_a_cut_stream_is_no_other_rules() -> None:
    for text in (KIMI, "Done.<|im_end|>", "<think>Hm", ""):
        assert names(step(TASK, assistant(text), None)) == []
    assert names(step(TASK, assistant(None, call("c1", "fly", HALF)), None)) == []


def test_half_arguments_are_one_defect_whatever_the_reason_says() -> None:
    half = assistant(None, READ, call("c2", "write_file", HALF))
    assert names(step(TASK, half, "length")) == ["truncated-by-length"]
    assert names(step(TASK, half, "stop")) == ["truncated-by-length"]
    assert names(step(TASK, half, "tool_calls")) == ["malformed-tool-arguments"]
    assert names(counted(step(TASK, half, max_tokens=9), 9)) == ["unreported-truncation"]


def test_a_broken_call_before_the_cut_one_stands_for_itself() -> None:
    both = assistant(None, call("c1", "read_file", "{]"), call("c2", "write_file", HALF))
    assert names(step(TASK, both, "length")) == ["malformed-tool-arguments", "truncated-by-length"]


@pytest.mark.parametrize(
    ("arguments", "is_half"),
    [
        ("{", True),
        ('{"a": "b', True),
        ('{"a": "b\\', True),
        ('{"a": "\\u00e', True),
        ('{"a": tr', True),
        ('{"a": -', True),
        ('{"a": [1, {"b": 2}', True),
        ('{"a": 1}', False),
        ('{"a": "b" "c"}', False),
        ("{a: 1", False),
        ('{"a": 1} and', False),
        ('["a', False),
        ("", False),
    ],
)
def test_half_an_object_is_told_from_a_broken_one(arguments: str, is_half: bool) -> None:
    turn = chat.turn(
        1,
        chat.request(chat.user("Go.")),
        chat.choice(chat.assistant(None, chat.call("f", arguments))),
    )
    [made] = turn.reply.message.tool_calls
    assert breaks_off(made) is is_half


# ---- finish reasons


@pytest.mark.parametrize("reason", ["length", "content_filter", "tool_calls", "function_call"])
def test_a_reason_that_does_not_deny_the_call_agrees(reason: str) -> None:
    assert "finish-reason-mismatch" not in names(step(TASK, ASKED, reason))


def test_an_anthropic_reply_is_judged_by_its_own_words() -> None:
    def said(stop_reason: str) -> list[str]:
        use = {"type": "tool_use", "id": "t1", "name": "read_file", "input": {"path": "a"}}
        schema = {"type": "object", "properties": {"path": {"type": "string"}}}
        request = {
            "model": "kimi-k2",
            "max_tokens": 900,
            "messages": [{"role": "user", "content": "Read a."}],
            "tools": [{"name": "read_file", "input_schema": schema}],
        }
        reply = {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "content": [use],
            "stop_reason": stop_reason,
            "usage": {"input_tokens": 9, "output_tokens": 7},
        }
        return names(Sample(request, reply, path="/v1/messages"))

    assert said("tool_use") == []
    assert said("end_turn") == ["finish-reason-mismatch"]
    assert said("max_tokens") == ["truncated-by-length"]


# ---- ids and indexes


def one_call(call_id: str, path: str) -> Json:
    return assistant(None, call(call_id, "read_file", path=path))


def test_an_id_within_one_reply_is_an_error_told_once_an_id() -> None:
    calls = [call("same", "read_file", path=str(n)) for n in range(4)]
    [found] = told(step(TASK, assistant(None, *calls)))
    assert (found.severity, found.side, found.place) == (
        Severity.ERROR,
        Side.SERVER,
        Place(1, None, 1),
    )
    assert "4 calls" in found.message


def test_ids_that_the_agent_makes_unique_harm_nobody() -> None:
    result = tool("functions_read_file_0", "owner: Ada")
    mine = one_call("functions_read_file_0", "a")
    found = names(
        step(TASK, one_call("functions.read_file:0", "a")),
        step((*TASK, mine, result), one_call("functions.read_file:0", "b")),
    )
    assert found == []


def test_an_id_after_a_retry_is_new() -> None:
    first, again = one_call("x", "a"), one_call("x", "b")
    found = names(step(TASK, first), step(TASK, again), step((*TASK, again, tool("x", "1")), DONE))
    assert found == []


def test_the_id_of_a_lost_turn_may_come_again() -> None:
    first = one_call("functions.read_file:0", "a")
    lost = (*TASK, assistant(""), user("Go on with it."))
    assert names(step(TASK, first), step(lost, one_call("functions.read_file:0", "b"))) == []


def test_an_id_for_every_piece_of_a_call_is_a_collision() -> None:
    deltas = [
        {
            "index": 0,
            "id": f"c{n}",
            "function": {"name": "read_file" if not n else None, "arguments": a},
        }
        for n, a in enumerate(('{"pa', 'th": ', '"a"}'))
    ]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [d]}}]} for d in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    raw = b"".join(b"data: " + orjson.dumps(c) + b"\n\n" for c in chunks) + b"data: [DONE]\n\n"
    [found] = told(Sample(step(TASK, None).request, None, raw=raw))
    assert (found.rule, found.place) == ("colliding-tool-call-index", Place(1, None, 0))
    assert "“c0” and “c1”" in found.message


# ---- names and schemas


@pytest.mark.parametrize(
    ("name", "side"),
    [("functions.read_file", Side.SERVER), ("", Side.SERVER), ("fly_to_moon", Side.MODEL)],
)
def test_whose_name_it_is(name: str, side: Side) -> None:
    [found] = told(step(TASK, assistant(None, call("c1", name, path="a"))))
    assert (found.rule, found.side) == ("unknown-tool", side)


def test_a_name_from_the_history_is_told_with_its_message() -> None:
    old = (*TASK, assistant(None, call("c0", "old_tool", "{}")), tool("c0", "ok"))
    [found] = told(step(old, assistant(None, call("c1", "old_tool", "{}"))))
    assert "message 2" in found.message


def test_a_tool_without_a_name_may_be_any() -> None:
    tools = [*TOOLS, {"type": "function", "function": {}}]
    assert names(step(TASK, assistant(None, call("c1", "fly", "{}")), tools=tools)) == []


SCHEMA = {
    "properties": {
        "a": {"type": "string"},
        "n": {"type": "integer"},
        "b": {"type": "boolean"},
        "o": {"type": "object"},
        "u": {"type": ["string", "integer"]},
        "x": {"type": "string", "nullable": True},
        "y": {"$ref": "#/x"},
        "z": {"type": "wild"},
    },
    "required": ["a"],
}


@pytest.mark.parametrize(
    "arguments",
    [
        {"a": ""},
        {"a": "", "n": 3.0, "b": True, "o": {}, "u": 1, "x": None, "y": 1, "z": 1, "more": 1},
        {"a": "", "n": None, "b": None},
    ],
)
def test_arguments_that_fit_their_schema(arguments: object) -> None:
    assert list(violations(arguments, SCHEMA)) == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({}, "“a” is missing"),
        ({"a": None}, "“a” is null, not string"),
        ({"a": 1}, "“a” is integer, not string"),
        ({"a": "", "n": "1"}, "“n” is string, not integer"),
        ({"a": "", "n": True}, "“n” is boolean, not integer"),
        ({"a": "", "n": 1.5}, "“n” is number, not integer"),
        ({"a": "", "o": "{}"}, "“o” is string, not object"),
        ({"a": "", "u": []}, "“u” is array, not string or integer"),
    ],
)
def test_arguments_that_do_not(arguments: object, what: str) -> None:
    assert list(violations(arguments, SCHEMA)) == [what]


@pytest.mark.parametrize(
    "schema",
    [{}, {"required": "a"}, {"properties": []}, {"properties": {"a": 1}}, {"required": [1, None]}],
)
def test_a_schema_that_is_none_asks_for_nothing(schema: dict[str, object]) -> None:
    assert list(violations({"a": 1}, schema)) == []


def test_a_schema_nested_deeper_than_json_is_written_asks_for_nothing() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    function = b'{"type":"function","function":{"name":"read_file","parameters":%s}}' % deep
    made = exchange_of(1, step(TASK, assistant(None, READ)))
    sent = made.request.content.replace(orjson.dumps(TOOLS), b"[%s]" % function)
    (turn,) = chat.turns([replace(made, request=Body.whole(sent))])
    assert [tool_.name for tool_ in turn.tools] == ["read_file"]
    assert [f for session in weave([turn]) for f in check(session) if f.rule in OF_REPLIES] == []


# ---- protocols in which the odd is the rule

HOLE = "<|fim_prefix|>def f(<|fim_suffix|>\n<|fim_middle|>"


def filled(path: str, request: Json, said: str, stopped: str) -> Sample:
    """A text completion of 16 tokens."""
    told = {"stop": True, "stop_type": stopped, "tokens_predicted": 16}
    return Sample({"n_predict": 16, **request}, {"content": said, **told}, path=path)


@pytest.mark.parametrize(("said", "stopped"), [("", "eos"), ("x):\n  ret", "limit")])
def test_an_editor_may_be_told_nothing_or_as_much_as_fits(said: str, stopped: str) -> None:
    holes = {"input_prefix": "def f(", "input_suffix": "\n"}
    assert names(filled("/infill", holes, said, stopped)) == []
    assert names(filled("/completion", {"prompt": HOLE}, said, stopped)) == []
    assert names(filled("/v1/completions", {"prompt": "a", "suffix": "b"}, said, stopped)) == []
    assert names(filled("/completion", {"prompt": "def f("}, said, stopped)) != []


def test_a_tool_that_a_search_for_tools_found_is_declared() -> None:
    search = {"type": "tool_search_call", "call_id": "s1", "execution": "client", "arguments": {}}
    coffee = {"type": "function", "name": "make_coffee"}
    found = {**search, "type": "tool_search_output", "tools": [coffee]}
    tools = [*responses.TOOLS, {"type": "tool_search", "execution": "client"}]
    sent, called = (*responses.TASK, search, found), responses.call("c1", "make_coffee", "{}")
    assert names(responses.step(sent, called, tools=tools)) == []
    assert names(responses.step(responses.TASK, called, tools=tools)) == ["unknown-tool"]


def legacy(finish: str, **fields: object) -> Sample:
    """An exchange in the older protocol of functions."""
    declared = [{"name": "read_file", "parameters": {"type": "object"}}]
    called = {"name": "read_file", "arguments": "{}"}
    message = {"role": "assistant", "content": None, "function_call": called}
    made = whole({"finish_reason": finish, "message": message}, functions=declared, **fields)
    sent = {name: value for name, value in made.request.items() if name != "tools"}
    return replace(made, request=sent)


def test_the_older_functions_have_no_ids_and_a_forced_one_stops() -> None:
    assert names(legacy("function_call", function_call="auto")) == []
    assert names(legacy("stop", function_call={"name": "read_file"})) == []


def test_a_choice_that_is_an_object_but_names_no_tool_forces_none() -> None:
    assert names(step(TASK, ASKED, "stop", tool_choice={"type": "auto"})) == [
        "finish-reason-mismatch"
    ]


@pytest.mark.parametrize(
    "form",
    [
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
        {"json_schema": {"type": "object"}},
    ],
)
def test_json_in_a_form_that_was_asked_for_is_the_answer(form: dict[str, object]) -> None:
    said = assistant('{"name": "read_file", "arguments": {"path": "notes.txt"}}')
    assert names(step(TASK, said, "stop", **form)) == []  # type: ignore[arg-type] # fields
    assert names(step(TASK, said, "stop")) == ["tool-call-in-content"]


def test_what_the_agent_itself_wrote_to_a_file_is_quoted() -> None:
    template = (
        '{% for m in messages %}<tool_call>{"name": "read_file", "arguments": {}}</tool_call>'
    )
    wrote = assistant("So:", call("c1", "write_file", path="t.jinja", content=template))
    said = assistant(f"Its last line is:\n{template[-64:]}")
    steps = step(TASK, wrote), step((*TASK, wrote, tool("c1", "ok")), said)
    assert names(*steps) == []
    assert names(step(TASK, said)) == ["tool-call-in-content"]


# ---- said twice


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Short. Short.",
        "-" * 100,
        "| a | b | c |\n" * 2 + "and then a good deal more is said about it, at some length",
        "<td>one</td><td></td>" * 4,
        "The owner of it is Ada, and the owner of it is not Bob, for all that I know.",
    ],
)
def test_what_only_resembles_itself_is_not_doubled(text: str) -> None:
    assert doubled(text) == 0


def test_a_doubled_text_is_found_whatever_stands_before_and_after() -> None:
    said = "The notes name the owner, Ada."
    assert doubled(f"\n\n{said}{said}") == len(said)
    assert doubled(f"{said}\n\n{said}\n\nSo.") == len(said) + 2
    assert doubled(f"{said}\n\n{said}") == len(said) + 2
    assert times_said(f"{said}\n\n{said}", len(said) + 2) == 2
    assert times_said(said * 5, len(said)) == 5
    assert doubled("我已经读取了笔记文件,现在开始写总结报告。" * 2) == 21


def test_a_model_that_goes_in_circles_is_not_the_server() -> None:
    said = "I will look at the notes. "
    [twice] = told(step(TASK, assistant(said * 2)))
    [often] = told(step(TASK, assistant(said * 6)))
    assert (twice.side, often.side) == (Side.SERVER, Side.MODEL)
    assert "6 times" in often.message


# ---- thoughts in the text


@pytest.mark.parametrize(
    "text",
    [
        "The </think> tag closes it.",
        "Write `</think>` there.",
        "It is <think>…</think>, as they say.",
        "No thought at all.",
    ],
)
def test_talk_about_tags_is_no_leak(text: str) -> None:
    assert names(step(TASK, assistant(text))) == []


def test_a_closing_tag_alone_is_the_templates() -> None:
    [found] = told(step(TASK, assistant("I look.\n</think>\n\nDone, I think.")))
    assert (found.severity, found.side) == (Severity.INFO, Side.TEMPLATE)
    [found] = told(step(TASK, assistant("I look.\n</think>\n\nDone, I think.", reasoning="Hm.")))
    assert (found.severity, found.side) == (Severity.WARNING, Side.SERVER)
