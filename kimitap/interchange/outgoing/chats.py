"""Threads as chats for fine-tuning, in OpenAI's JSON lines: a line is `{"messages": …}`.

https://platform.openai.com/docs/guides/supervised-fine-tuning. A chat teaches what it shows, so a
thread that lost a turn, ended badly, or holds what the format cannot say is left out, with the
reason. Reasoning has no place in the format.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kimitap.conversation import Image, Message, Other, ToolCall, Turn
from kimitap.interchange.bodies import json_text
from kimitap.interchange.outgoing.told import Told
from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, Severity

JsonObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class Chat:
    """A thread as a chat: its line, or why there is none."""

    thread: str
    line: str = ""
    left_out: str = ""


class _Inexpressible(Exception):
    """The format cannot say this; the text says what."""


def chats(told: Iterable[Told]) -> Iterator[Chat]:
    """Each thread's history with its last reply."""
    for one in told:
        for thread in one.threads:
            found = [f for f in one.findings if f.thread == thread.name]
            yield _chat(thread, found)


def _chat(thread: Thread, findings: Sequence[Finding]) -> Chat:
    try:
        _demand_sound(thread, findings)
        made = chat_of(thread)
        _demand_valid(made)
    except _Inexpressible as why:
        return Chat(thread.name, left_out=str(why))
    return Chat(thread.name, json_text(made) + "\n")


def chat_of(thread: Thread) -> JsonObject:
    """The thread's last request and its reply; raises `_Inexpressible`."""
    last = thread.turns[-1]
    said = [*thread.story_of(last.exchange), last.reply.message]
    made: JsonObject = {"messages": [entry for message in said for entry in _entries(message)]}
    if last.tools:
        made["tools"] = [_declared(tool.name, tool.json) for tool in last.tools]
        if last.parameters.get("parallel_tool_calls") is False:
            made["parallel_tool_calls"] = False
    return made


def _demand_sound(thread: Thread, findings: Sequence[Finding]) -> None:
    last: Turn = thread.turns[-1]
    if thread.kind == "side":
        raise _Inexpressible("a side request, no conversation")
    if last.dialect == "completion":
        raise _Inexpressible("a text completion, no chat")
    for finding in findings:
        if finding.severity is Severity.ERROR:
            where = f"exchange {finding.place.exchange}"
            raise _Inexpressible(f"{finding.rule} at {where}: it would teach a broken history")
    if not last.succeeded:
        raise _Inexpressible(f"its last reply did not end well ({last.outcome})")


def _entries(message: Message) -> Iterator[JsonObject]:
    for part in message.parts:
        if isinstance(part, Image):
            raise _Inexpressible("it holds an image, of which a recording's turn keeps a digest")
        if isinstance(part, Other):
            raise _Inexpressible(f"it holds a part of the kind {part.kind}")
    match message.role:
        case "tool":
            for result in message.tool_results:
                made = {"role": "tool", "tool_call_id": result.call_id or ""}
                yield {**made, "content": result.text}
        case "assistant":
            yield _assistant(message)
        case "system" | "user":
            yield {"role": message.role, "content": message.text}
        case role:
            raise _Inexpressible(f"it holds a message of the role {role!r}")


def _assistant(message: Message) -> JsonObject:
    made: JsonObject = {"role": "assistant"}
    if message.text or not message.tool_calls:
        made["content"] = message.text
    if message.tool_calls:
        made["tool_calls"] = [_call(call) for call in message.tool_calls]
    return made


def _call(call: ToolCall) -> JsonObject:
    if call.free:
        raise _Inexpressible(f"it calls {call.name}, a tool of free text")
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id or "", "type": "function", "function": function}


def _declared(name: str, declaration: str) -> JsonObject:
    """A tool as chat completions declare it, whatever the dialect."""
    try:
        value = json.loads(declaration)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _Inexpressible(f"the tool {name} is declared as no object")
    if value.get("type", "function") not in ("function", "custom") or not name:
        raise _Inexpressible(f"the tool {name or value.get('type')} is no function")
    inner = value.get("function")
    given: Mapping[str, object] = inner if isinstance(inner, dict) else value
    schema = given.get("parameters", given.get("input_schema"))
    function: JsonObject = {"name": name}
    if isinstance(given.get("description"), str):
        function["description"] = given["description"]
    if isinstance(schema, dict):
        function["parameters"] = schema
    return {"type": "function", "function": function}


# --- what OpenAI checks before it trains --------------------------------------------------------


def _demand_valid(chat: JsonObject) -> None:
    messages = chat["messages"]
    assert isinstance(messages, list)
    owed: list[str] = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in owed:
                raise _Inexpressible("a tool's result answers no call before it")
            owed.remove(message["tool_call_id"])
            continue
        if owed:
            raise _Inexpressible(f"a tool call has no result ({owed[0] or 'without an id'})")
        owed = _calls_of(message)
        if role == "assistant" and not owed and not str(message.get("content", "")).strip():
            raise _Inexpressible("an assistant's message is blank")
    if owed:
        raise _Inexpressible("its last reply calls a tool, and nobody answered")
    if not messages or messages[-1]["role"] != "assistant":
        raise _Inexpressible("it does not end with the assistant")
    if all(message["role"] != "user" for message in messages):
        raise _Inexpressible("no user speaks in it")


def _calls_of(message: Mapping[str, object]) -> list[str]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return []
    ids = [str(call["id"]) for call in calls]
    if "" in ids or len(set(ids)) < len(ids):
        raise _Inexpressible("its calls' ids are empty or not unique")
    for call in calls:
        _demand_object(call["function"]["name"], call["function"]["arguments"])
    return ids


def _demand_object(name: str, arguments: str) -> None:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        value = None
    if not name or not isinstance(value, dict):
        raise _Inexpressible(f"the arguments of {name or 'a call'} are no JSON object")
