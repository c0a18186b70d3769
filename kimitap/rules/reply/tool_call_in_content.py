"""The model called a tool, and the call arrived as text."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import markers
from kimitap.rules.asked import is_told_its_form, tool_names
from kimitap.rules.endings import ended, was_cut
from kimitap.rules.examples import NOTES, READ, TASK, assistant, call, step, tool, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.limits import filled_its_limit
from kimitap.rules.markers import Leak
from kimitap.rules.markup import BARE, FENCED, TOOL_CODE, XML
from kimitap.rules.quotes import Quotes, quotes_of
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut

KIMI = (
    "I read it.<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0"
    '<|tool_call_argument_begin|>{"path": "notes.txt"}<|tool_call_end|><|tool_calls_section_end|>'
)
QWEN = '<tool_call>\n{"name": "read_file", "arguments": {"path": "notes.txt"}}\n</tool_call>'
CODER = (
    "<tool_call>\n<function=read_file>\n<parameter=path>\nnotes.txt\n</parameter>\n</function>\n"
    "</tool_call>"
)


def leaks(turn: Turn, quotes: Quotes) -> list[Leak]:
    """The calls in the reply's text, if it has none of the real kind; quoted ones do not count."""
    message = turn.reply.message
    if message.tool_calls or not turn.tools:
        return []
    found = markers.calls_in(message.text, tool_names(turn))
    if found and not found[-1].whole and was_stopped(turn):
        found = found[:-1]
    if is_told_its_form(turn):
        found = [leak for leak in found if leak.family not in (BARE, FENCED)]
    return [leak for leak in found if not quotes.holds(turn, opening(message.text, leak))]


def opening(text: str, leak: Leak) -> str:
    """The first characters of a leaked call, by which it is known again."""
    return text[leak.start : min(leak.stop, leak.start + 160)]


def was_stopped(turn: Turn) -> bool:
    """True where a limit ended the reply: the last call in it may be cut, by that and no parser."""
    return was_cut(turn) or filled_its_limit(turn)


class ToolCallInContent(Rule):
    """The commonest way in which a local server loses a call."""

    name = "tool-call-in-content"
    severity = Severity.ERROR
    side = Side.SERVER
    by_choice = True
    by_turn = True
    summary = "a tool call arrived as text, so that nobody ran it"
    meaning = (
        "The request declares tools, the reply has no call, but its text holds the markup with "
        "which the model calls one of them (or, where the server ate the markers, the bare "
        "NAME{…} at its end). The agent shows it as an answer and stops, or complains. Code that "
        "is quoted (unless a block of code is all of the reply, and a call), an answer about chat "
        "templates, what a sentence gives as an example, text that a file or the user said before, "
        "JSON where the request told the form of the answer, and agents that declare no tools and "
        "parse text themselves are no defect; nor is the last call, where the length limit cut it "
        "within its markup (truncated-by-length)."
    )
    remedy = (
        "Use a newer build of the server, start it with --jinja and without --special, and give "
        "it the model's own --chat-template-file. If only now and then a call leaks, the model "
        "wrote it in a form that the parser refuses: a larger quantisation or a lower temperature "
        "helps, or a model that knows calls (Qwen2.5-Coder does not). Rewind to before this reply: "
        "the model copies what it sees in its history."
    )
    source = (
        "https://github.com/ikawrakow/ik_llama.cpp/issues/955 and "
        "https://github.com/vllm-project/vllm/pull/28543 (Kimi K2's markers in the content), "
        "https://github.com/vllm-project/vllm/issues/32926 (Qwen2.5-Coder's code blocks)"
    )
    examples: ClassVar = (
        Example(
            "markup in a code fence, in back-ticks and in a quoted line",
            (
                step(
                    TASK,
                    assistant(
                        f"Qwen calls a tool like this:\n```\n{QWEN}\n```\nor\n~~~\n{CODER}\n~~~"
                    ),
                ),
                step(TASK, assistant("> <function=read_file>\nis how Qwen3-Coder begins.")),
            ),
        ),
        Example(
            "a file about chat templates, whose line the answer repeats",
            (
                step(TASK, assistant(None, READ)),
                step(
                    (*TASK, assistant(None, READ), {**NOTES, "content": f"Write:\n{QWEN}\nso."}),
                    assistant(f"The notes say that a call is written as {QWEN}"),
                ),
            ),
        ),
        Example(
            "an agent that declares no tools and reads calls from text",
            (step(TASK, assistant(CODER), tools=[]),),
        ),
        Example(
            "the length limit cut a call within its markup",
            (step(TASK, assistant(KIMI[:90]), "length"),),
            also=("truncated-by-length",),
        ),
        Example("Kimi's markers", (step(TASK, assistant(KIMI)),), (Place(1),)),
        Example(
            "Qwen's in the second turn, as JSON and as XML",
            (
                step(TASK, assistant(None, READ)),
                step(
                    (*TASK, assistant(None, READ), NOTES),
                    assistant(f"{QWEN}\n{CODER}"),
                ),
            ),
            (Place(2),),
        ),
        Example(
            "a code block that is a call, and nothing else said",
            (step(TASK, assistant(f"```json\n{QWEN[12:-13]}\n```")),),
            (Place(1),),
        ),
        Example(
            "XML of a tool's name, as older agents want it",
            (
                step(
                    TASK,
                    assistant("I read it.\n\n<read_file>\n<path>notes.txt</path>\n</read_file>"),
                ),
            ),
            (Place(1),),
        ),
        Example(
            "the markers eaten, the name and the arguments left",
            (step(TASK, assistant('I read it.\nfunctions.read_file:0{"path": "notes.txt"}')),),
            (Place(1),),
        ),
        Example(
            "finish reason tool_calls, and only markup in the text: one defect",
            (
                step(TASK, assistant(None, call("c1", "read_file", path="a"))),
                step(
                    (
                        *TASK,
                        assistant(None, call("c1", "read_file", path="a")),
                        tool("c1", "owner: Ada"),
                        user("Go on."),
                    ),
                    assistant(KIMI),
                    "tool_calls",
                ),
            ),
            (Place(2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            found = leaks(turn, quotes_of(thread))
            if found:
                yield self._finding(turn, found)

    def _finding(self, turn: Turn, found: list[Leak]) -> Finding:
        side, why = _blame(turn, found)
        names = list(dict.fromkeys(leak.name for leak in found))
        what = f"A call of {names[0]}" if len(found) == 1 else f"{len(found)} calls ({names[0]}…)"
        first = found[0]
        return Finding(
            self.name,
            self.severity,
            side,
            f"{what} came as text in exchange {turn.exchange} ({first.family}): {why}.",
            Place(turn.exchange),
            evidence=(
                Evidence(turn.exchange, cut(turn.reply.message.text[first.start : first.stop])),
            ),
        )


def _blame(turn: Turn, found: list[Leak]) -> tuple[Side, str]:
    """Who did not make a call of it, and what tells."""
    if turn.parameters.get("tool_choice") == "none":
        return Side.MODEL, "the request forbade calls (tool_choice none), and the model made one"
    if not all(leak.readable for leak in found):
        return Side.MODEL, "its JSON is broken, so that no parser could take it"
    if not all(leak.whole for leak in found):
        return Side.MODEL, "the model ended it before its markup was closed"
    if found[0].family in (FENCED, TOOL_CODE, XML):
        return Side.MODEL, f"the model wrote {found[0].family}, which no parser takes for a call"
    built = turn.reply.fingerprint or turn.server
    said = f" (it calls itself {built})" if built else ""
    if found[0].family == markers.EATEN:
        return Side.SERVER, f"the server ate its markers and passed the rest on{said}"
    return Side.SERVER, f"the markup is whole, but the server's parser did not take it{said}"
