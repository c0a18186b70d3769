"""A stream whose events are not what the protocol allows."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Fault, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import DONE, READ, TASK, TOOLS, assistant, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import fact, times
from kimitap.visible import one_line

_EVENT = re.compile(r"response\.event\[(\d+)\]")
_OTHERS = (
    "the stream ends in this event",  # stream-aborted
    "was already the call",  # colliding-tool-call-index
    "unknown type",  # newer than Kimitap, not wrong
)
REQUEST = {"model": "kimi-k2", "messages": list(TASK), "tools": TOOLS}


def bad_deltas(turn: Turn) -> list[Fault]:
    """What of the reply's stream no client need understand; other rules' faults left out.

    The last event of a reply that was cut is excused.
    """
    last = -1 if turn.reply.complete else turn.reply.events - 1
    found = []
    for fault in turn.faults:
        event = _EVENT.match(fault.where)
        if event and int(event[1]) != last and not any(o in fault.what for o in _OTHERS):
            found.append(fault)
    return found


def _stream(*chunks: str) -> Sample:
    events = [f"data: {chunk}\n\n" for chunk in chunks]
    return Sample(REQUEST, None, raw="".join((*events, "data: [DONE]\n\n")).encode())


def _chunk(delta: str, reason: str = "null") -> str:
    return f'{{"choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}'


class BadDelta(Rule):
    """One finding a reply, with the first faults quoted."""

    name = "bad-delta"
    severity = Severity.WARNING
    side = Side.SERVER
    summary = "a stream's events are not what the protocol allows"
    meaning = (
        "Events that are no JSON, deltas of a wrong type, text or calls after the finish reason, "
        "a second finish reason, or a role that is not the assistant's: one client ignores them, "
        "another loses the reply over them. The odd but common ways of servers are no defect: "
        "empty ids, names said again, null arguments, no index, usage in every chunk, a finish "
        "reason said twice. Two calls at one index are colliding-tool-call-index, an event in "
        "which the stream was cut is stream-aborted."
    )
    remedy = (
        "Use a newer build of the server, or take away what stands between it and the agent (a "
        "gateway that rewrites streams); report the quoted event to whoever sent it."
    )
    source = "OpenAI's API reference: the chat completion chunk object"
    examples: ClassVar = (
        Example(
            "an empty id and name, a role said again, usage on a chunk of its own",
            (
                _stream(
                    _chunk('{"role":"assistant","content":""}'),
                    _chunk(
                        '{"role":"assistant","tool_calls":[{"index":0,"id":"c1","type":"function",'
                        '"function":{"name":"read_file","arguments":null}}]}'
                    ),
                    _chunk(
                        '{"tool_calls":[{"index":0,"id":"","function":{"name":"read_file",'
                        '"arguments":"{}"}}]}'
                    ),
                    _chunk('{"content":""}', '"tool_calls"'),
                    _chunk('{"content":""}', '"tool_calls"'),
                    '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}',
                ),
            ),
        ),
        Example("an ordinary stream", (step(TASK, assistant("I read them.", READ)),)),
        Example(
            "the stream was cut inside an event",
            (Sample(REQUEST, None, raw=f'data: {_chunk("{}")}\n\ndata: {{"cho'.encode()),),
            also=("stream-aborted",),
        ),
        Example(
            "text comes after the finish reason",
            (
                _stream(
                    _chunk('{"role":"assistant","content":"I read"}'),
                    _chunk("{}", '"stop"'),
                    _chunk('{"content":" them."}'),
                ),
            ),
            (Place(1),),
        ),
        Example(
            "a delta is a list, an event is no JSON",
            (
                _stream(
                    _chunk('{"content":"I read"}'), _chunk("[]"), "{'a': 1}", _chunk("{}", '"stop"')
                ),
                step((*TASK, DONE, TASK[1]), DONE),
            ),
            (Place(1),),
        ),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            faults = bad_deltas(turn)
            if faults:
                yield self._finding(turn, faults)

    def _finding(self, turn: Turn, faults: Sequence[Fault]) -> Finding:
        first = one_line(f"{faults[0].where}: {faults[0].what}", 160)
        often = f"; {times(len(faults), 'such fault')} in all" if len(faults) > 1 else ""
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The stream of exchange {turn.exchange} holds what the protocol does not allow: "
            f"{first}{often}.",
            Place(turn.exchange),
            evidence=tuple(fact(turn, f"{fault.where}: {fault.what}") for fault in faults[:3]),
        )
