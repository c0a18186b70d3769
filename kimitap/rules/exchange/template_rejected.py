"""The server's template could not make a prompt of the request."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, TOOLS, failed, step
from kimitap.rules.exchange.refusal import Refusal, names_an_id, refusal_of, refused, takes_place
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut, times
from kimitap.visible import one_line

JINJA = (
    "Unable to generate parser for this template. Automatic parser generation failed: "
    "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."
)
SUBSCRIPT = "Value is not callable: null at row 58, column 71"
IN_STREAM = (
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant"}}]}\n\n'
    b'data: {"error":{"code":500,"message":"Jinja Exception: Unexpected message role.",'
    b'"type":"server_error"}}\n\n'
)
REQUEST = {"model": "kimi-k2", "messages": list(TASK), "tools": TOOLS}


class TemplateRejected(Rule):
    """The text of the error decides whose fault it is."""

    name = "template-rejected"
    severity = Severity.ERROR
    side = Side.TEMPLATE
    summary = "the server's chat template, or its check of the roles, refused the request"
    meaning = (
        "The server did not even ask the model: its template failed (a Jinja error), or it refuses "
        "how the messages follow one another. It is the template's fault where the template cannot "
        "render what the API allows, and the agent's where the order, the ids or the emptiness of "
        "messages is named. Retries of one request are one finding. Another defect of the same "
        "request that the error is about takes its place. It is no defect where the error says "
        "nothing of templates or roles (a key, a grammar, a crash)."
    )
    remedy = (
        "Template: start the server with --jinja and the model's right template "
        "(--chat-template-file), or a newer build. Agent: see the quoted error for what it does "
        "not accept, and rewind to before that message."
    )
    source = (
        "llama-server: “Jinja Exception: …”, “Value is not callable: null”, “Cannot subscript "
        "null”, “Cannot have 2 or more assistant messages at the end of the list.”; Mistral: "
        "“Unexpected role 'user' after role 'tool'”; OpenAI: “messages with role 'tool' must be a "
        "response to a preceeding message with 'tool_calls'”"
    )
    reads_session = True
    examples: ClassVar = (
        Example(
            "a wrong key is no matter of templates",
            (failed(TASK, 401, "Invalid API Key"), step(TASK, ASKED)),
        ),
        Example(
            "a tool's schema that the server cannot convert",
            (failed(TASK, 400, "JSON schema conversion failed:\nError resolving ref #/nope"),),
        ),
        Example(
            "the server crashed, and answered when asked again",
            (
                failed(TASK, 500, "Failed to parse input at pos 12: <|tool_calls_section_begin|>"),
                step(TASK, ASKED),
            ),
        ),
        Example(
            "the template wants the roles to alternate",
            (failed((*TASK, TASK[1]), 400, JINJA),),
            (Place(1),),
            also=("unusual-role-order",),
        ),
        Example(
            "the template fails at a call in the history, and is asked three times",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, SUBSCRIPT),
                failed((*TASK, ASKED, NOTES), 500, SUBSCRIPT),
                step((*TASK, ASKED, NOTES), DONE),
            ),
            (Place(2),),
        ),
        Example(
            "the template's error comes as an event of the stream",
            (Sample(REQUEST, None, raw=IN_STREAM),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        again = takes_place(thread, session)
        for turns in refused(thread, Refusal.ORDER, Refusal.TEMPLATE):
            if not (again and turns[0] is thread.turns[0]):
                yield self._finding(turns)

    def _finding(self, turns: Sequence[Turn]) -> Finding:
        first, agent = turns[0], refusal_of(turns[0]) is Refusal.ORDER
        often = f" {times(len(turns), 'time')} in a row" if len(turns) > 1 else ""
        why = _reason(first) if agent else "the template itself fails"
        said = one_line(first.reply.error, 160)
        return Finding(
            self.name,
            self.severity,
            Side.AGENT if agent else Side.TEMPLATE,
            f"The server refused request {first.exchange}{often} before it asked the model: {why} "
            f"(“{said}”).",
            Place(first.exchange),
            related=tuple(Place(turn.exchange) for turn in turns[1:]),
            evidence=(Evidence(first.exchange, cut(first.reply.error)),),
        )


def _reason(turn: Turn) -> str:
    if names_an_id(turn):
        return "the error names the id of a call, which it does not allow or cannot find"
    return "the error names how the messages follow one another"
