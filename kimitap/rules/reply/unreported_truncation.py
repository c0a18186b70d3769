"""The reply was cut at its limit, and the server says that it ended by itself."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import markers
from kimitap.rules.asked import is_filling_in, tool_names
from kimitap.rules.endings import ended, was_called, was_cut, was_said
from kimitap.rules.examples import DONE, READ, TASK, assistant, call, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.limits import filled_its_context, filled_its_limit, generated, is_probe
from kimitap.rules.reply.truncated_by_length import HALF, broken_off
from kimitap.rules.rule import Example, Rule, Sample


def _made(tokens: int, sample: Sample) -> Sample:
    """The exchange, with llama.cpp's count of the tokens that it generated."""
    timings = {"prompt_n": 40, "prompt_ms": 90.0, "predicted_n": tokens, "predicted_ms": 400.0}
    return Sample(sample.request, sample.reply, extra={"timings": timings})


def _filled(sample: Sample, prompt: int, tokens: int, context: int) -> Sample:
    """The exchange, with an ik_llama.cpp's count of what its context holds."""
    timings = {"prompt_n": prompt, "predicted_n": tokens, "n_ctx": context}
    usage = {"prompt_tokens": prompt, "completion_tokens": tokens}
    return Sample(sample.request, sample.reply, extra={"usage": usage, "timings": timings})


def is_hidden(turn: Turn) -> bool:
    """True where the reply took all the tokens it may, and its finish reason is another.

    What several choices took is counted together, and tells nothing of one.
    """
    if turn.reply.others:
        return False
    if was_cut(turn) or is_probe(turn):
        return False
    if not (was_said(turn) or was_called(turn)) or not filled_its_limit(turn):
        return False
    return not is_filling_in(turn)


class UnreportedTruncation(Rule):
    """ik_llama.cpp does so always, vLLM's streams where there is a call."""

    name = "unreported-truncation"
    severity = Severity.WARNING
    side = Side.SERVER
    by_turn = True
    summary = "the reply used up its token limit, but its finish reason is not length"
    meaning = (
        "The server generated exactly as many tokens as the request allows, or as its context had "
        "room for, and still says stop or tool_calls, so that the agent takes a cut reply for a "
        "whole one: half a file is written, half an answer believed. Servers that report length do "
        "so for the same reply. That a model ends by itself just there is possible, once in as "
        "many replies as the limit has tokens. An error where the reply has calls, or ends inside "
        "one's markup. Arguments that end in mid-JSON below any limit that is known are "
        "malformed-tool-arguments."
    )
    remedy = (
        "Raise max_tokens in the agent; where the reply breaks off in mid-sentence, rewind to "
        "before it. ik_llama.cpp always says stop here, llama.cpp's own server length. vLLM says "
        "tool_calls of a cut call when it streams, and length when it does not."
    )
    source = (
        "https://github.com/vllm-project/vllm/issues/53269 (tool_calls for a call that max_tokens "
        "cut); ik_llama.cpp's own replies: 16 of 16 tokens, finish_reason stop; "
        "https://github.com/BerriAI/litellm/issues/25825 (the same of Ollama through LiteLLM)"
    )
    examples: ClassVar = (
        Example("one token below the limit", (_made(63, step(TASK, DONE, max_tokens=64)),)),
        Example(
            "a context that is nearly full",
            (_filled(step(TASK, DONE), 4000, 30, 4096),),
        ),
        Example("no limit at all", (_made(64, step(TASK, DONE)),)),
        Example(
            "a limit that is owned up to",
            (_made(8, step(TASK, assistant("The owner of the notes"), "length", max_tokens=8)),),
            also=("truncated-by-length",),
        ),
        Example(
            "16 of 16 tokens, and stop",
            (_made(16, step(TASK, assistant("The owner of the notes is"), max_tokens=16)),),
            (Place(1),),
        ),
        Example(
            "half a call, and tool_calls: one defect, though its arguments are broken",
            (
                _made(
                    72,
                    step(
                        TASK,
                        assistant(None, READ, call("c2", "write_file", HALF)),
                        max_completion_tokens=72,
                    ),
                ),
            ),
            (Place(1, None, 1),),
        ),
        Example(
            "half a call, and one token more than allowed (an end that was counted and not sent)",
            (
                _made(
                    73, step(TASK, assistant(None, call("c2", "write_file", HALF)), max_tokens=72)
                ),
            ),
            (Place(1, None, 0),),
        ),
        Example(
            "the context is full, and the server says stop",
            (_filled(step(TASK, assistant("The owner of the notes is")), 4060, 36, 4096),),
            (Place(1),),
        ),
        Example(
            "cut inside Kimi's markup, which then is text",
            (
                _made(
                    6,
                    step(TASK, assistant("<|tool_calls_section_begin|><|tool"), n_predict=6),
                ),
            ),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            if is_hidden(turn):
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        message = turn.reply.message
        _, part, evidence = broken_off(turn)
        limit = (
            f"filled the server's context of {turn.reply.timings.n_ctx} tokens"
            if filled_its_context(turn)
            else f"took all of its {generated(turn)} tokens"
        )
        markup = markers.call_breaks_off(message.text, tool_names(turn))
        grave = bool(message.tool_calls) or (markup and bool(turn.tools))
        return Finding(
            self.name,
            Severity.ERROR if grave else self.severity,
            self.side,
            f"The reply of exchange {turn.exchange} {limit} and was cut there, though its finish "
            f"reason says “{turn.reply.finish_reason}”.",
            Place(turn.exchange, None, part),
            evidence=(evidence,),
        )
