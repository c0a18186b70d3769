"""The server's template left something out of the prompt that the agent had sent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from kimitap.conversation import Message, Turn
from kimitap.lineage import Relation, Session, Thread
from kimitap.prompt import Subject, Tick, seen
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, READ_TWO, TASK, assistant, step, tool
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut, times, written
from kimitap.visible import one_line

MOST = 8
"""So many further places of one kind are told."""
WORDS = {
    Subject.TOOL: ("tool", "the model does not know that it may call them"),
    Subject.CALL: ("tool call", "the model does not see that it called"),
    Subject.RESULT: ("tool result", "the model does not see what its calls gave"),
    Subject.REASONING: ("thought", "the model does not see why it made its last calls"),
}

TOOLS_SHOWN = (
    '<|im_system|>tool_declare<|im_middle|>[{"type": "function", "function": {"name": "read_file"'
    '}}, {"function": {"name": "write_file"}}, {"function": {"name": "run_command"}}]<|im_end|>'
)
BEGUN = (
    "<|im_system|>system<|im_middle|>You are a coding agent.<|im_end|><|im_user|>user<|im_middle|>"
    "Read notes.txt, then write summary.md.<|im_end|>"
)
SAID = "<|im_assistant|>assistant<|im_middle|>I read the notes first."
CALLED = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0"
    '<|tool_call_argument_begin|>{"path": "notes.txt"}<|tool_call_end|><|tool_calls_section_end|>'
)
ANSWERED = (
    "<|im_end|><|im_system|>tool<|im_middle|>## Return of c1\nowner: Ada\nrows: 3<|im_end|>"
    "<|im_assistant|>assistant<|im_middle|>"
)
OLD_THOUGHT = assistant("Which file?", reasoning="There are two files with notes in them.")
THOUGHT = assistant("I read the notes first.", READ, reasoning="The task asks for the notes first.")
BOTH = assistant("I read both.", READ, READ_TWO)


def _shown(sample: Sample, prompt: str) -> Sample:
    """The sample as a server answers that was asked to be verbose."""
    return replace(sample, extra={"__verbose": {"prompt": prompt}})


class HiddenFromModel(Rule):
    """One finding a thread and kind: a template leaves all of a kind out, or none."""

    name = "hidden-from-model"
    severity = Severity.ERROR
    side = Side.TEMPLATE
    summary = "the prompt that the server rendered lacks a tool, call, result or reasoning"
    meaning = (
        "The request held it, and the text that the model read does not: the server's chat "
        "template has no place for it. A template without tools drops them in silence and answers "
        "200; some render only the first of parallel calls, or no call beside a text. It can be "
        "told where the prompt is known: from an answer with `verbose`, or by check --ask-server, "
        "which has the server render the last request of each thread. A part is held to be hidden "
        "only where no fragment of it is found. Reasoning from before the last user message is "
        "left out on purpose and is no defect, nor are tools under tool_choice none."
    )
    remedy = (
        "Start the server with --jinja and the model's own template (--chat-template-file); "
        "`/props` says in chat_template_caps what a template can do. Where it cannot do parallel "
        "calls, turn them off in the agent."
    )
    source = (
        "llama-server's /apply-template and `__verbose.prompt`; SmolLM2's template has no tools"
    )
    examples: ClassVar = (
        Example(
            "all of it is there",
            (
                _shown(
                    step((*TASK, ASKED, NOTES), DONE),
                    TOOLS_SHOWN + BEGUN + SAID + CALLED + ANSWERED,
                ),
            ),
        ),
        Example(
            "reasoning from before the last user message is left out",
            (
                _shown(
                    step((*TASK, OLD_THOUGHT, TASK[1], ASKED, NOTES), DONE),
                    f"{TOOLS_SHOWN}{BEGUN}<|im_assistant|>assistant<|im_middle|>Which file?"
                    f"<|im_end|><|im_user|>user<|im_middle|>Read notes.txt, then write summary.md."
                    f"<|im_end|>{SAID}{CALLED}{ANSWERED}",
                ),
            ),
        ),
        Example("nobody knows the prompt", (step((*TASK, ASKED, NOTES), DONE),)),
        Example(
            "the template has no tools: neither the declarations nor the calls",
            (_shown(step((*TASK, ASKED, NOTES), DONE), BEGUN + SAID + ANSWERED),),
            (Place(1, 2, 1), Place(1)),
        ),
        Example(
            "only the first of two parallel calls is rendered",
            (
                _shown(
                    step((*TASK, BOTH, NOTES, tool("c2", "id,amount\n1,10")), DONE),
                    f"{TOOLS_SHOWN}{BEGUN}<|im_assistant|>assistant<|im_middle|>I read both."
                    + CALLED
                    + ANSWERED.replace("rows: 3", "rows: 3<|im_end|>## Return of c9\nid,amount"),
                ),
            ),
            (Place(1, 2, 2),),
        ),
        Example(
            "the reasoning before the last call is gone",
            (
                _shown(
                    step((*TASK, THOUGHT, NOTES), DONE),
                    TOOLS_SHOWN + BEGUN + SAID + CALLED + ANSWERED,
                ),
            ),
            (Place(1, 2, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        told: set[Subject] = set()
        for turn in _known(thread):
            hidden = seen(turn, turn.reply.prompt).hidden
            for subject in Subject:
                ticks = [tick for tick in hidden if tick.subject is subject]
                if ticks and subject not in told:
                    told.add(subject)
                    yield self._finding(turn, subject, ticks)

    def _finding(self, turn: Turn, subject: Subject, ticks: Sequence[Tick]) -> Finding:
        word, what = WORDS[subject]
        first = ticks[0]
        names = list(dict.fromkeys(tick.name for tick in ticks if tick.name))[:4]
        named = f" ({one_line(', '.join(names), 80)}{' …' if len(names) < len(ticks) else ''})"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"{times(len(ticks), word)}{named if names else ''} of request {turn.exchange} "
            f"{'is' if len(ticks) == 1 else 'are'} absent from the prompt that the server "
            f"rendered: {what}.",
            _place(turn, first),
            related=tuple(
                _place(turn, tick) for tick in ticks[1 : MOST + 1] if tick.message is not None
            ),
            evidence=(
                Evidence(turn.exchange, cut(_quoted(turn, first))),
                Evidence(turn.exchange, cut(f"prompt: {_tail(turn.reply.prompt)}")),
            ),
        )


def _tail(prompt: str) -> str:
    return prompt if len(prompt) <= 180 else f"…{prompt[-180:]}"


def _known(thread: Thread) -> Iterator[Turn]:
    """The turns whose prompt is known, less those that a later one of them repeats."""
    for at, turn in enumerate(thread.turns):
        if turn.reply.prompt and not _repeated(thread, at):
            yield turn


def _repeated(thread: Thread, at: int) -> bool:
    after = thread.links[at + 1] if at + 1 < len(thread.turns) else None
    if after is None or after.relation is not Relation.CONTINUES or not after.child.reply.prompt:
        return False
    return after.parent is thread.turns[at]


def _place(turn: Turn, tick: Tick) -> Place:
    """A part of a message; for a tool's declaration the exchange."""
    if tick.message is None:
        return Place(turn.exchange)
    return Place(turn.exchange, tick.message, tick.part)


def _quoted(turn: Turn, tick: Tick) -> str:
    """What is absent, as the request has it."""
    if tick.message is None:
        return turn.tools[tick.part].json
    return _said(turn.messages[tick.message], tick)


def _said(message: Message, tick: Tick) -> str:
    match tick.subject:
        case Subject.CALL:
            return written(next(c for c in message.tool_calls if c is message.parts[tick.part]))
        case Subject.REASONING:
            return message.reasoning
        case _:
            return message.text
