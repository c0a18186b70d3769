"""Two calls in one place of the stream."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

import orjson

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.endings import ended
from kimitap.rules.examples import TASK, assistant, call, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut, named, quoted_call

_SEAM = re.compile(r"\}\s*\{")
_TRIED = 100

Calls = Sequence[tuple[int, ToolCall]]


def _stream(*deltas: object, reason: str = "tool_calls") -> bytes:
    """A chat stream of these `tool_calls` deltas."""
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [d]}}]} for d in deltas]
    ends = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    lines = (b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in [*chunks, ends])
    return b"".join(lines) + b"data: [DONE]\n\n"


def _begun(call_id: str, path: str, **index: int) -> object:
    """A delta with a whole call of read_file."""
    return {
        **index,
        "id": call_id,
        "type": "function",
        "function": {"name": "read_file", "arguments": f'{{"path": "{path}"}}'},
    }


def _streamed(*deltas: object) -> Sample:
    return Sample(step(TASK, None).request, None, raw=_stream(*deltas))


def glued(call_: ToolCall) -> bool:
    """True where the arguments are several JSON objects, one after the other."""
    text = call_.arguments.strip()
    if call_.free or not text.startswith("{") or not _SEAM.search(text):
        return False
    at, objects = 0, 0
    while at < len(text) and objects < _TRIED:
        try:
            value, at = json.JSONDecoder(strict=False).raw_decode(text, at)
        except (ValueError, RecursionError):
            return objects >= 1 and text.startswith("{", at)
        objects += isinstance(value, dict)
        at += len(text[at:]) - len(text[at:].lstrip())
    return objects > 1


def collisions(turn: Turn) -> Iterator[tuple[Calls, str]]:
    """The calls that stand in one place, the one that is in the way last; and what tells."""
    calls = [(n, p) for n, p in enumerate(turn.reply.message.parts) if isinstance(p, ToolCall)]
    for one in calls:
        if glued(one[1]):
            yield [one], "the arguments of two calls are glued together under one index"
        elif one[1].id and one[1].other_ids:
            other = one[1].other_ids[0]
            at = one[1].index
            yield [one], f"index {at} has the ids “{one[1].id}” and “{other}”"
    seen: dict[int, tuple[int, ToolCall]] = {}
    for one in calls:
        index = one[1].index
        if index is not None and index in seen:
            yield [seen[index], one], f"both calls have index {index} in the stream"
        elif index is not None:
            seen[index] = one
    if turn.reply.streamed and turn.dialect == "openai-chat" and len(calls) > 1:
        unnumbered = [one for one in calls if one[1].index is None]
        if unnumbered:
            yield unnumbered, "the stream gives its calls no index"


class CollidingToolCallIndex(Rule):
    """Clients put streamed calls together by index."""

    name = "colliding-tool-call-index"
    severity = Severity.ERROR
    side = Side.SERVER
    by_choice = True
    by_turn = True
    summary = "streamed calls share one index, or several have none"
    meaning = (
        "Clients put the pieces of a streamed call together by its index. Where two calls have one "
        "index, or an index changes its id, or several calls have no index at all, their arguments "
        "run into one another: {…}{…} under the first call's name, and the second call is gone. "
        "Kimitap tells them apart where it can; the agent may not. Pieces that go on with a call "
        "may repeat its name and have no id or an empty one; a lone call without an index, and "
        "calls in a whole JSON answer, are no defect."
    )
    remedy = (
        "Update the server or the gateway in between; until then switch parallel tool calls off "
        "(parallel_tool_calls false), or have the agent ask without streaming."
    )
    source = (
        "OpenAI's API reference: `delta.tool_calls[].index`; "
        "https://github.com/huggingface/smolagents/issues/1569, "
        "https://github.com/ai-dynamo/dynamo/pull/4723"
    )
    examples: ClassVar = (
        Example(
            "two calls with an index each; later pieces repeat names and have empty ids",
            (
                _streamed(
                    _begun("c1", "a", index=0),
                    {"index": 1, "id": "c2", "function": {"name": "read_file", "arguments": '{"p'}},
                    {"index": 1, "id": "", "function": {"name": "read_file", "arguments": None}},
                    {"index": 1, "function": {"arguments": 'ath": "b"}'}},
                ),
            ),
        ),
        Example("one call without an index", (_streamed(_begun("c1", "a")),)),
        Example(
            "two calls in a whole answer, one with braces in its text",
            (
                Sample(
                    step(TASK, None).request,
                    None,
                    raw=orjson.dumps(
                        {
                            "choices": [
                                {
                                    "finish_reason": "tool_calls",
                                    "message": assistant(
                                        None,
                                        call("c1", "read_file", path="a}{b"),
                                        call("c2", "run_command", command="f(){ x; }\n{ y; }"),
                                    ),
                                }
                            ]
                        }
                    ),
                ),
            ),
        ),
        Example(
            "two calls at index 0",
            (_streamed(_begun("c1", "a", index=0), _begun("c2", "b", index=0)),),
            (Place(1, None, 1),),
        ),
        Example(
            "two calls without an index",
            (_streamed(_begun("c1", "a"), _begun("c2", "b")),),
            (Place(1, None, 1),),
        ),
        Example(
            "glued arguments under one index",
            (
                _streamed(
                    _begun("c1", "a", index=0),
                    {"index": 0, "function": {"arguments": '{"path": "b"}'}},
                ),
            ),
            (Place(1, None, 0),),
        ),
        Example(
            "an index that changes its id within a call",
            (
                _streamed(
                    {"index": 0, "id": "c1", "function": {"name": "read_file", "arguments": '{"p'}},
                    {"index": 0, "id": "c2", "function": {"arguments": 'ath": "b"}'}},
                ),
            ),
            (Place(1, None, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            for calls, why in collisions(turn):
                yield self._finding(turn, calls, why)

    def _finding(self, turn: Turn, calls: Calls, why: str) -> Finding:
        part, _ = calls[-1]
        said = [call_ for _, call_ in calls]
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The {named(said)} of exchange {turn.exchange} cannot be told apart by index: {why}.",
            Place(turn.exchange, None, part),
            related=tuple(Place(turn.exchange, None, n) for n, _ in calls[:-1]),
            evidence=(*_names(turn, said[-1]), *(quoted_call(turn, call_) for call_ in said[:2])),
        )


def _names(turn: Turn, said: ToolCall) -> Iterator[Evidence]:
    """The index and the id under which the call came, as far as it has them, and beside it."""
    beside = said.index if turn.dialect == "openai-chat" else None
    name = "call_id" if turn.dialect == "openai-responses" else "id"
    known = {"index": beside, name: said.id}
    told = [f'"{name}": {json.dumps(v)}' for name, v in known.items() if v is not None]
    if told:
        yield Evidence(turn.exchange, cut(", ".join(told)))
