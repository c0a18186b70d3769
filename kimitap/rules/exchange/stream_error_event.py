"""The server reported an error inside a stream that had begun well."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import ASKED, DONE, TASK, TOOLS, failed, step
from kimitap.rules.exchange.refusal import has_spoken, names_the_context, refusal_of
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import NAMED_CALL, cut, quoted_reasoning, quoted_reply
from kimitap.visible import one_line

REQUEST = {"model": "kimi-k2", "messages": list(TASK), "tools": TOOLS}
BEGUN = (
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null'
    b'}}]}\n\ndata: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"I read"}}]}\n\n'
)
PARSER = (
    b'{"code":500,"message":"The model produced output that does not match the expected peg-native '
    b'format","type":"server_error"}'
)
FULL = b'{"code":500,"message":"Context size has been exceeded.","type":"server_error"}'


def failed_at_200(turn: Turn) -> bool:
    """True where an event of the stream, or the whole answer, is an error that no other rule is
    about, and the status does not tell."""
    return bool(turn.reply.error) and (turn.status or 200) < 400 and refusal_of(turn) is None


class StreamErrorEvent(Rule):
    """The text before it is what an agent may wrongly keep."""

    name = "stream-error-event"
    severity = Severity.ERROR
    side = Side.SERVER
    summary = "the server answered 200, then reported an error inside the stream"
    meaning = (
        "The status was 200 and the stream had begun, so that an agent which looks at the status "
        "only takes the half reply for a whole one; others throw it away or run a cut call. The "
        'error stands in a `data: {"error": …}` event, in a field `error:`, in an `event: error`, '
        "or is all of an answer that is not streamed. It is no defect of its own where the error "
        "comes before any word and is the template's refusal (template-rejected) or says that the "
        "prompt is too long (context-overflow), and an error with a status of its own is no event."
    )
    remedy = (
        "Read the quoted error and the server's log at that time. “does not match the expected … "
        "format” and “Failed to parse input” are the server's parser: a newer build, or the right "
        "--chat-template-file; the model's text is lost. “Context size has been exceeded”: prompt "
        "and reply filled the context, or those of all slots together did (--kv-unified): give it "
        "more (-c), or allow fewer slots (-np). Else look for memory and crashes."
    )
    source = (
        'llama-server sends `data: {"error": {"code", "message", "type"}}` after the first '
        'result, and a bare `{"code": …}` under `event: error` on /v1/messages'
    )
    examples: ClassVar = (
        Example(
            "an error with its own status",
            (failed(TASK, 500, "decode failed"), step(TASK, ASKED)),
        ),
        Example(
            "the prompt does not fit, and that is told in a stream",
            (Sample(REQUEST, None, raw=b'data: {"error":' + FULL + b"}\n\n"),),
            also=("context-overflow",),
        ),
        Example("a reply about an error: event", (step(TASK, DONE),)),
        Example(
            "the model's output did not fit the parser",
            (Sample(REQUEST, None, raw=BEGUN + b'data: {"error":' + PARSER + b"}\n\n"),),
            (Place(1),),
        ),
        Example(
            "the whole answer is an error, and its status is 200",
            (
                Sample(REQUEST, None, raw=b'{"error":{"message":"Provider error","code":502}}'),
                step(TASK, ASKED),
            ),
            (Place(1),),
        ),
        Example(
            "the context is full in mid-sentence",
            (Sample(REQUEST, None, raw=BEGUN + b'data: {"error":' + FULL + b"}\n\n"),),
            (Place(1),),
        ),
        Example(
            "the field `error:` of an older server, and asked again",
            (
                Sample(REQUEST, None, raw=BEGUN + b'error: {"code":500,"message":"decode"}\n\n'),
                step(TASK, DONE),
            ),
            (Place(1),),
        ),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            if failed_at_200(turn):
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        where = "mid-stream" if turn.reply.error_in_stream else "its body"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The server answered exchange {turn.exchange} with 200 and then reported an error in "
            f"{where}: “{one_line(turn.reply.error, 160)}”; {_before(turn)}.",
            Place(turn.exchange),
            evidence=(*_words(turn), Evidence(turn.exchange, cut(turn.reply.error))),
        )


def _before(turn: Turn) -> str:
    """What had come by then, and what that tells."""
    if not has_spoken(turn):
        return "it had said nothing by then"
    message = turn.reply.message
    said = one_line(message.text, NAMED_CALL).strip()
    if said:
        words = f"“{said}” had come before it"
    else:
        words = f"{'a call' if message.tool_calls else 'a thought'} had come before it"
    full = ", so that the prompt had fitted: it was the reply that found no more room"
    return words + (full if names_the_context(turn) else "")


def _words(turn: Turn) -> Iterator[Evidence]:
    """What the reply had said, as far as it had."""
    if not turn.reply.empty:
        yield quoted_reply(turn)
    elif has_spoken(turn):
        yield quoted_reasoning(turn)
