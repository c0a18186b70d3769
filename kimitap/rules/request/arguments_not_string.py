"""A call in the history whose arguments are a JSON object, where the API wants a string."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, ToolCall, Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, Json, assistant, call, step, tool
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.rounds import Part, Round, call_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, quoted_call, written

LISTED = 20
"""Calls that a finding names; the rest is a number."""


def _object(call_id: str, path: str) -> Json:
    """A call with its arguments as an object."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": "read_file", "arguments": {"path": path}},
    }


def untyped(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The calls of a round whose arguments are no string on the wire."""
    for i in range(found.start, found.results):
        for n, part in enumerate(messages[i].parts):
            if isinstance(part, ToolCall) and not part.typed:
                yield Defect((i, n), ("untyped", *part.stands_for), found.start)


OBJECT = assistant("I read the notes first.", _object("c1", "notes.txt"))
MORE = assistant("And the table.", _object("c2", "data.csv"))


class ArgumentsNotString(Rule):
    """One finding a thread: it is the agent's format."""

    name = "arguments-not-string"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "a tool call's arguments in the history are an object, not a JSON string"
    meaning = (
        "OpenAI's chat API has a call's `arguments` as a string of JSON; here the history holds "
        "the object itself. Servers differ: some refuse the request, some write the object "
        "differently into the prompt than the model wrote it, so that the cache breaks and the "
        "model copies the wrong format. It is reported once a thread. It is no defect in "
        "Anthropic's messages, where a call's input is an object."
    )
    remedy = (
        "Serialise the arguments before they go into the history. If the server sent an object in "
        "its reply, it is the server that departs from the API (Ollama's own dialect does): use "
        "its /v1 endpoint, or a newer build."
    )
    source = "https://github.com/ggml-org/llama.cpp/issues/20198"
    examples: ClassVar = (
        Example(
            "strings, even broken and empty ones",
            (
                step(
                    (
                        *TASK,
                        assistant(None, call("c1", "read_file", '{"path":')),
                        tool("c1", "Error"),
                        assistant(None, call("c2", "run_command", "")),
                        tool("c2", "Error"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example("a string", (step(TASK, ASKED), step((*TASK, ASKED, NOTES), DONE))),
        Example(
            "the agent parsed the arguments and did not write them again",
            (
                step(TASK, ASKED),
                step((*TASK, OBJECT, NOTES), assistant("And the table.", call("c2", "read_file"))),
            ),
            (Place(2, 2, 1),),
        ),
        Example(
            "the server sent an object, and the agent gives it back, in two turns",
            (
                step(TASK, OBJECT),
                step((*TASK, OBJECT, NOTES), MORE),
                step((*TASK, OBJECT, NOTES, MORE, tool("c2", "id,amount")), DONE),
            ),
            (Place(2, 2, 1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = [
            (turn, link, at) for turn, link, parts in first_shown(thread, untyped) for at in parts
        ]
        if found:
            yield self._finding(found)

    def _finding(self, found: Sequence[tuple[Turn, Link | None, Part]]) -> Finding:
        turn, link, at = found[0]
        sent = call_at(turn, at)
        made = _made(link, at)
        more = f", the first of {len(found)} in this thread" if len(found) > 1 else ""
        who = " as the server had sent them" if made else ""
        return Finding(
            self.name,
            self.severity,
            Side.SERVER if made else self.side,
            f"Request {turn.exchange} gives the arguments of the {named([sent])} as an "
            f"object{who}, in its message {at[0]}{more}: the API wants a string.",
            Place(turn.exchange, *at),
            related=tuple(Place(t.exchange, *p) for t, _, p in found[1:LISTED]),
            evidence=(
                *((quoted_call(link.parent, made),) if link and made else ()),
                Evidence(turn.exchange, cut(written(sent))),
            ),
        )


def _made(link: Link | None, at: Part) -> ToolCall | None:
    """The reply's call that was an object already, where this one gives it back."""
    echoes = link.echo.calls if link else ()
    return next(
        (e.call for e in echoes if (e.message, e.new_part) == at and not e.call.typed), None
    )
