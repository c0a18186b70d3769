"""A call that nobody can run: its arguments are no JSON object."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.arguments import breaks_off, is_json, malformed
from kimitap.rules.endings import was_aborted, was_cut
from kimitap.rules.examples import READ, TASK, assistant, call, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.limits import filled_its_limit
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import named, quoted_call

HALF = '{"path": "summary.md", "content": "# Summ'


class MalformedToolArguments(Rule):
    """The reply is complete; a cut one is stream-aborted."""

    name = "malformed-tool-arguments"
    severity = Severity.ERROR
    side = Side.MODEL
    by_choice = True
    summary = "a tool call's arguments are not a JSON object"
    meaning = (
        "The reply is complete, but the arguments of its call are broken JSON, or JSON of another "
        "kind. Agents then guess: they run the tool with {}, with repaired and shortened "
        "arguments, or throw the turn away. Empty arguments and null count as {}. A reply whose "
        "stream was cut is reported as stream-aborted instead, one that ends at a token limit as "
        "truncated-by-length or unreported-truncation. Arguments that end in mid-JSON with finish "
        "reason tool_calls are told here where no count shows a limit: the model may have ended "
        "them, and some servers say tool_calls of a cut call too (vLLM's streams)."
    )
    remedy = (
        "If the reply ended for its length, raise max_tokens or the server's context (-c). If two "
        "objects are glued together, update the server: it gave two calls one index. Else try a "
        "larger quantisation, a lower temperature, or the model's own chat template with --jinja."
    )
    source = "llama-server: “Failed to parse tool call arguments as JSON”"
    by_turn = True
    examples: ClassVar = (
        Example(
            "no arguments at all, null, and an empty object",
            (
                step(
                    TASK,
                    assistant(
                        None,
                        call("c1", "run_command", ""),
                        call("c2", "run_command", "null"),
                        call("c3", "run_command", " {} "),
                    ),
                ),
            ),
        ),
        Example(
            "not a number, and half a surrogate pair: odd, but objects",
            (
                step(
                    TASK,
                    assistant(
                        None,
                        call("c1", "run_command", '{"command": NaN}'),
                        call("c2", "run_command", '{"command": "\\ud83d"}'),
                    ),
                ),
            ),
        ),
        Example(
            "the stream was cut inside the arguments",
            (step(TASK, assistant(None, call("c1", "write_file", HALF)), None),),
            also=("stream-aborted",),
        ),
        Example(
            "arguments cut by the length limit, in the second of two calls: that limit's finding",
            (step(TASK, assistant(None, READ, call("c2", "write_file", HALF)), "length"),),
            also=("truncated-by-length",),
        ),
        Example(
            "half the arguments, in the second of two calls, with finish reason tool_calls",
            (step(TASK, assistant(None, READ, call("c2", "write_file", HALF))),),
            (Place(1, None, 1),),
        ),
        Example(
            "a list and a string; two objects glued together are two calls in one place",
            (
                step(
                    TASK,
                    assistant(
                        None,
                        call("c1", "run_command", '["ls"]'),
                        call("c2", "run_command", '"ls"'),
                        call("c3", "run_command", '{"command":"ls"}{"command":"pwd"}'),
                    ),
                ),
            ),
            (Place(1, None, 0), Place(1, None, 1)),
            also=("colliding-tool-call-index",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            if not turn.reply.complete or was_aborted(turn):
                continue
            for part, call_ in enumerate(turn.reply.message.parts):
                if isinstance(call_, ToolCall) and malformed(call_):
                    yield self._finding(turn, part, call_)

    def _finding(self, turn: Turn, part: int, broken: ToolCall) -> Finding:
        side, why = _blame(turn, broken)
        return Finding(
            self.name,
            self.severity,
            side,
            f"The {named([broken])} of exchange {turn.exchange} cannot be run: {why}.",
            Place(turn.exchange, None, part),
            evidence=(quoted_call(turn, broken),),
        )


def _blame(turn: Turn, broken: ToolCall) -> tuple[Side, str]:
    """Whose side the arguments broke on, and what tells."""
    text = broken.arguments.strip()
    if was_cut(turn):
        return Side.SERVER, "the server ended the reply at its length limit, inside the arguments"
    if filled_its_limit(turn):
        said = f"its finish reason says “{turn.reply.finish_reason}”"
        return Side.SERVER, f"the reply was cut at the number of tokens allowed, though {said}"
    if "}{" in "".join(text.split()) and text.startswith("{"):
        return Side.SERVER, "the arguments of two calls are glued together under one index"
    if is_json(text):
        return Side.MODEL, "the arguments are JSON, but no object"
    if breaks_off(broken):
        said = f"the finish reason says “{turn.reply.finish_reason}”"
        return Side.MODEL, f"the arguments end in mid-JSON, though {said}"
    return Side.MODEL, "the arguments are no valid JSON, though the reply ended well"
