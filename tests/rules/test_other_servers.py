"""How servers speak the Messages and the Responses API, count, and render prompts, each rightly.

The shapes are those of llama-server, Ollama, vLLM, LM Studio, OpenAI and Anthropic, and of the
templates of Hermes, Qwen3-Coder, GLM, gpt-oss and DeepSeek; the texts are made up.
"""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from kimitap.rules.examples import DONE, TOOLS, Json, assistant, call, step, system, tool, user
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of

PATH = "/v1/messages"
TASK = {"role": "user", "content": "Read a."}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12 rows"}
USED = {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a"}}
DECLARED = [{"name": "read_file", "input_schema": {"type": "object"}}]


def events(*values: Json) -> bytes:
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (str(v["type"]).encode(), orjson.dumps(v)) for v in values
    )


def begun(**counts: int) -> Json:
    usage = {"input_tokens": 9, "output_tokens": 1, **counts}
    return {
        "type": "message_start",
        "message": {"id": "m", "role": "assistant", "content": [], "usage": usage},
    }


def block(index: int, first: Json, *deltas: Json) -> list[Json]:
    at = {"index": index}
    return [
        {"type": "content_block_start", **at, "content_block": first},
        *({"type": "content_block_delta", **at, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", **at},
    ]


def text(index: int, *words: str) -> list[Json]:
    deltas = [{"type": "text_delta", "text": word} for word in words]
    return block(index, {"type": "text", "text": ""}, *deltas)


def use(index: int, first: Json, said: str | None = None) -> list[Json]:
    deltas = [] if said is None else [{"type": "input_json_delta", "partial_json": said}]
    return block(
        index, {"type": "tool_use", "id": "toolu_1", "name": "read_file", **first}, *deltas
    )


def end(reason: str = "end_turn", **counts: int) -> list[Json]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    ended = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9, **counts}}
    return [ended, {"type": "message_stop"}]


def messages(
    *said: Json, back: Sequence[Json] = (), rest: bytes = b"", **asked: object
) -> list[Sample]:
    """A streamed reply to a task, and the request after it that gives it back as `back`."""
    request = {"model": "m", "max_tokens": 900, "tools": DECLARED, "messages": [TASK], **asked}
    first = Sample(request, None, path=PATH, raw=events(*said) + rest)
    if not back:
        return [first]
    given = [TASK, {"role": "assistant", "content": back}, {"role": "user", "content": [RESULT]}]
    after = events(begun(), *text(0, "12 rows."), *end())
    return [first, Sample({**request, "messages": given}, None, path=PATH, raw=after)]


THINKS = {"type": "thinking", "thinking": "", "signature": ""}
HM = {"type": "thinking_delta", "thinking": "Hm."}
SHELL = [{"type": "bash_20250124", "name": "bash"}]
LS = {"type": "tool_use", "id": "t", "name": "bash", "input": {}}

IN_MESSAGES: dict[str, Sequence[Sample]] = {
    "pings between the blocks": messages(
        begun(), {"type": "ping"}, *text(0, "Hi"), {"type": "ping"}, *end()
    ),
    "two blocks of text": messages(begun(), *text(0, "Hi"), *text(1, " you"), *end()),
    "a call that starts without its input": messages(
        begun(), *use(0, {}, '{"path":"a"}'), *end("tool_use"), back=[USED]
    ),
    "a call whose input stands whole at its start": messages(
        begun(), *use(0, {"input": {"path": "a"}}), *end("tool_use"), back=[USED]
    ),
    "a call without arguments, and an empty delta": messages(
        begun(), *use(0, {"input": {}}, ""), *end("tool_use"), back=[{**USED, "input": {}}]
    ),
    "a thought that nobody signed": messages(
        begun(),
        *block(0, THINKS, HM),
        *use(1, {"input": {}}, '{"path":"a"}'),
        *end("tool_use"),
        back=[{**THINKS, "thinking": "Hm."}, USED],
    ),
    "white space at the end of a text is cut": messages(
        begun(),
        *text(0, "I read.\n\n"),
        *use(1, {"input": {}}, '{"path":"a"}'),
        *end("tool_use"),
        back=[{"type": "text", "text": "I read."}, USED],
    ),
    "an empty block of text is left out": messages(
        begun(), *text(0), *use(1, {"input": {}}, '{"path":"a"}'), *end("tool_use"), back=[USED]
    ),
    "the prompt is counted at the end only": messages(
        begun(input_tokens=0), *text(0, "Hi"), *end(input_tokens=900)
    ),
    "a stop word": messages(begun(), *text(0, "Hi"), *end("stop_sequence")),
    "a refusal": messages(begun(), *text(0, "I will not."), *end("refusal")),
    "a tool of the service's own kind": messages(
        begun(),
        *block(0, LS, {"type": "input_json_delta", "partial_json": '{"command":"ls"}'}),
        *end("tool_use"),
        tools=SHELL,
    ),
    "[DONE] after the end": messages(begun(), *text(0, "Hi"), *end(), rest=b"data: [DONE]\n\n"),
}

MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
CALLED = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "read_file",
    "arguments": "{}",
}
ANSWERED = {"type": "function_call_output", "call_id": "c1", "output": "12 rows"}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "H"}],
}
SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def made(*output: Json, status: str = "completed") -> Json:
    return {"id": "resp_1", "object": "response", "status": status, "model": "m", "output": output}


def responses(*said: Json, back: Sequence[Json] = (), rest: bytes = b"") -> list[Sample]:
    """A streamed answer, and the request after it whose history ends with `back`."""
    request = {"model": "m", "tools": [{"type": "function", "name": "read_file"}]}
    asked = {**request, "input": [{"role": "user", "content": "Read a."}]}
    first = Sample(asked, None, path="/v1/responses", raw=events(*said) + rest)
    if not back:
        return [first]
    after = {**request, "input": [{"role": "user", "content": "Read a."}, *back]}
    return [first, Sample(after, {**made(MESSAGE), "id": "resp_2"}, path="/v1/responses")]


def items(*output: Json) -> list[Json]:
    done = [
        {"type": "response.output_item.done", "output_index": i, "item": o}
        for i, o in enumerate(output)
    ]
    return [*done, {"type": "response.completed", "response": made(*output)}]


IN_RESPONSES: dict[str, Sequence[Sample]] = {
    "queued, in progress, kept alive": responses(
        {"type": "response.queued", "response": made(status="queued")},
        {"type": "response.in_progress", "response": made(status="in_progress")},
        {"type": "keepalive", "sequence_number": 3},
        *items(MESSAGE),
    ),
    "a thought in plain text, and a call": responses(
        *items(THOUGHT, CALLED), back=[THOUGHT, CALLED, ANSWERED]
    ),
    "a history without ids": responses(*items(CALLED), back=[{**CALLED, "id": None}, ANSWERED]),
    "a message in short": responses(
        *items(MESSAGE),
        back=[{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "On."}],
    ),
    "a search of the server's own": responses(
        *items(SEARCHED, MESSAGE), back=[SEARCHED, MESSAGE, {"role": "user", "content": "On."}]
    ),
    "no output at the end, where it came before": responses(
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**MESSAGE, "content": []},
        },
        {
            "type": "response.output_text.delta",
            "item_id": "msg_1",
            "output_index": 0,
            "delta": "Hi",
        },
        {"type": "response.completed", "response": made()},
    ),
    "[DONE] after the end": responses(*items(MESSAGE), rest=b"data: [DONE]\n\n"),
}

ASKED = (system("You are an agent."), user("Read café.txt & <c>."))
CALL = assistant(None, call("c1", "read_file", '{"path":"café.txt","n":1,"deep":{"a":[1,2]}}'))
ROWS = '{"owner":"Zoë","rows":[1,2]}'
HEAD = f"You are an agent.\n{orjson.dumps(TOOLS).decode()}\nRead café.txt & <c>.\n"
GIVEN = '{"path": "café.txt", "n": 1, "deep": {"a": [1, 2]}}'
XML = """<function=read_file>
<parameter=path>
café.txt
</parameter>
<parameter=n>
1
</parameter>
<parameter=deep>
{"a": [1, 2]}
</parameter>
</function>"""
KEYS = """read_file
<arg_key>path</arg_key>
<arg_value>café.txt</arg_value>
<arg_key>n</arg_key>
<arg_value>1</arg_value>
<arg_key>deep</arg_key>
<arg_value>{"a": [1, 2]}</arg_value>"""
RENDERED = {
    "Hermes": f'{{"name": "read_file", "arguments": {GIVEN}}}',
    "letters as escapes": f'{{"name": "read_file", "arguments": {GIVEN}}}'.replace("é", "\\u00e9"),
    "Qwen3-Coder": XML,
    "GLM": KEYS,
    "Llama": f'{{"name": "read_file", "parameters": {GIVEN}}}',
    "Python": "read_file(path='café.txt', n=1, deep={'a': [1, 2]})",
}
RESULTS = {
    "as it is": ROWS,
    "as a JSON text": orjson.dumps(ROWS).decode(),
    "written anew": '{"owner": "Zoë", "rows": [1, 2]}',
}


@pytest.mark.parametrize("title", IN_MESSAGES)
def test_a_way_to_speak_the_messages_api_is_no_defect(title: str) -> None:
    assert findings_of(IN_MESSAGES[title]) == []


@pytest.mark.parametrize("title", IN_RESPONSES)
def test_a_way_to_speak_the_responses_api_is_no_defect(title: str) -> None:
    assert findings_of(IN_RESPONSES[title]) == []


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("template", RENDERED)
def test_a_template_may_write_calls_and_results_in_its_way(template: str, result: str) -> None:
    prompt = f"{HEAD}{RENDERED[template]}\n{RESULTS[result]}\n"
    shown = step((*ASKED, CALL, tool("c1", f"{ROWS}  \n")), DONE)
    told = replace(shown, extra={"__verbose": {"prompt": prompt}})
    assert findings_of([told]) == []


def test_what_no_template_wrote_is_missed() -> None:
    shown = step((*ASKED, CALL, tool("c1", ROWS)), DONE)
    told = replace(shown, extra={"__verbose": {"prompt": f"{HEAD}{RENDERED['Hermes']}\n"}})
    assert [f.rule for f in findings_of([told])] == ["hidden-from-model"]


def test_a_cache_that_another_service_has_not_is_told_as_such() -> None:
    long = (ASKED[0], user("Sum up the ledger, please. " * 800))
    reply = assistant(None, call("c1", "read_file", path="a"))

    def answered(sample: Sample, prompt: int, cached: int, provider: str) -> Sample:
        usage = {"prompt_tokens": prompt, "prompt_tokens_details": {"cached_tokens": cached}}
        choice = {"index": 0, **(sample.reply or {})}
        body = {"provider": provider, "choices": [choice], "usage": usage}
        return replace(sample, raw=orjson.dumps(body))

    first = answered(step(long, reply), 4100, 4000, "Chutes")
    then = step((*long, reply, tool("c1", "12 rows")), DONE)
    [moved] = findings_of([first, answered(then, 4130, 0, "Novita")])
    assert moved.rule == "prompt-cache-broken"
    assert moved.message.endswith("but another answered (Novita after Chutes).")
    [stayed] = findings_of([first, answered(then, 4130, 0, "Chutes")])
    assert stayed.message.endswith("Nothing differs on the wire: server or template.")
