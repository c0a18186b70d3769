"""The model called a tool, the agent ran it, and the next request knows nothing of the call."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import orjson

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import EchoKind, Fate, Link, Session, Thread
from kimitap.rules.answering import is_acting, is_answering
from kimitap.rules.echoes import judged
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    TOOLS,
    WRITE,
    WRITTEN,
    WROTE,
    Json,
    anthropic,
    assistant,
    call,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.flaws import flaw
from kimitap.rules.gaps import bare
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import named, quoted_call, quoted_request

ENVIRONMENT = user("<environment_details>\nOpen files: none\n</environment_details>")
ROUTING: Sequence[Json] = [{"type": "function", "function": {"name": "route"}}]
FORCED: Json = {"type": "function", "function": {"name": "route"}}
ROUTED = assistant(None, call("c1", "route", next="Ada"))
ENDING: Sequence[Json] = [*TOOLS, {"type": "function", "function": {"name": "finish"}}]


def is_lost(link: Link) -> bool:
    """True where the next request owes the reply's calls and holds none of them.

    A flawed reply that gave way to a user's message was discarded, not lost. A call that was an
    answer, and not a turn, need not come back as a call.
    """
    calls = link.echo.calls
    if not calls or any(c.fate is not Fate.GONE for c in calls):
        return False
    if not _left_traces(link) and (is_forced(link.parent) or is_spoken(link)):
        return False
    return bool(link.echo.slot) or not flaw(link.parent)


def is_forced(turn: Turn) -> bool:
    """True where the request declares one tool and demands a call of it by its name.

    So frameworks ask for a structured answer (LangChain's `with_structured_output`).
    """
    choice = turn.parameters.get("tool_choice")
    if not isinstance(choice, dict) or len(turn.tools) != 1:
        return False
    inner = choice.get("function")
    name = inner.get("name") if isinstance(inner, dict) else choice.get("name")
    return bool(name) and name == turn.tools[0].name


def _left_traces(link: Link) -> bool:
    """True where a blank turn stands for the reply, or a result of its calls is left behind."""
    ids = {c.call.id for c in link.echo.calls if c.call.id}
    new = link.child.messages[link.echo.place :]
    results = (result for message in new for result in message.tool_results)
    return link.echo.kind is EchoKind.BLANKED or any(r.call_id in ids for r in results)


def is_spoken(link: Link) -> bool:
    """True where the assistant's turn says, word for word, what the reply's only call was given.

    Agents whose run ends with a call (`final_answer`) keep such a call as the text that it was. A
    tool that does something, or may, is none of those: what it was to write is not what was said.
    """
    calls = [c.call for c in link.echo.calls]
    if len(calls) != 1 or len(link.echo.slot) != 1:
        return False
    alone = len(link.parent.tools) == 1 and not is_acting(calls[0].name)
    if not alone and not is_answering(calls[0].name):
        return False
    said = bare(link.child.messages[link.echo.slot[0]].text)
    own = bare(link.parent.reply.message.text)
    texts = {bare(value) for value in _strings(calls[0]) if bare(value) not in own}
    return any(text and said in (text, own + text) for text in texts)


def _strings(call: ToolCall) -> list[str]:
    try:
        value = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return []
    given = value.values() if isinstance(value, dict) else ()
    return [text for text in given if isinstance(text, str)]


class ToolTurnLost(Rule):
    """The bug that Kimitap was made for."""

    name = "tool-turn-lost"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "a reply's tool calls are missing from the next request"
    meaning = (
        "The model called a tool and the next request of the same conversation, though it goes on, "
        "contains neither the call nor anything that stands for it: the assistant's turn is gone, "
        "blank, or stripped of its calls. The model cannot know that it acted, so it acts again, "
        "or invents what came of it. The request is valid by itself, and llama-server accepts it. "
        "It is no defect where the reply was cut or failed, where the request is a retry, a fork "
        "or a compaction, where nothing follows, or where ids or the spelling of the arguments "
        "were rewritten. A lost call whose arguments were no JSON is a warning where its text was "
        "kept, and a discarded reply where a user's message took its place. Nor is it "
        "one where the call was an answer and not a turn: its text comes back word for word as the "
        "assistant's own (`final_answer`, not `write_file`), or the request declared one tool and "
        "demanded a call of it by its name, as frameworks do for a structured answer."
    )
    remedy = (
        "Change the agent's history format: in Roo Code turn off “R1 model parameters” and "
        "the legacy OpenAI format, or update to 3.36.10 or later. That setting reproduces the "
        "report exactly; whether it was the reporter's is not confirmed. Then report it to the "
        "agent with both requests attached (`kimitap diff EXCHANGE`)."
    )
    source = "https://github.com/RooCodeInc/Roo-Code/issues/9551"
    by_turn = True
    examples: ClassVar = (
        Example(
            "the reply comes back with another id and other white space in its arguments",
            (
                step(TASK, ASKED),
                step(
                    (
                        *TASK,
                        assistant(
                            "I read the notes first.",
                            {
                                "id": "call_9",
                                "type": "function",
                                "function": {
                                    "name": "read_file",
                                    "arguments": '{"path":"notes.txt"}',
                                },
                            },
                        ),
                        tool("call_9", "owner: Ada"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "one reply comes back as two assistant messages",
            (
                step(TASK, ASKED),
                step(
                    (*TASK, assistant("I read the notes first."), assistant(None, READ), NOTES),
                    DONE,
                ),
            ),
        ),
        Example(
            "a supervisor is forced to name who acts next, and the agent acts on it",
            (
                step(TASK, ROUTED, "stop", tools=ROUTING, tool_choice=FORCED),
                step(
                    (*TASK, user("Ada: the notes are read.")),
                    ROUTED,
                    "stop",
                    tools=ROUTING,
                    tool_choice=FORCED,
                ),
            ),
        ),
        Example(
            "a call that was the answer comes back as what it said",
            (
                step(TASK, assistant(None, call("c1", "finish", text="Ada has 3.")), tools=ENDING),
                step((*TASK, assistant("Ada has 3."), user("Thanks.")), DONE, tools=ENDING),
            ),
        ),
        Example("a call that nothing follows", (step(TASK, ASKED),)),
        Example(
            "the call was cut in mid-stream, and the agent asks again",
            (step(TASK, ASKED, None, cancelled=True), step(TASK, ASKED)),
            also=("client-cancelled",),
        ),
        Example(
            "the user goes back and asks for something else",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES, WROTE, WRITTEN), DONE),
                step((TASK[0], user("List the folder instead, and nothing more.")), DONE),
            ),
        ),
        Example(
            "Anthropic's API: both calls come back, their results in one message",
            (
                anthropic.step(
                    anthropic.TASK, anthropic.SAYING, anthropic.READ, anthropic.READ_TWO
                ),
                anthropic.step(
                    (
                        *anthropic.TASK,
                        anthropic.assistant(anthropic.SAYING, anthropic.READ, anthropic.READ_TWO),
                        anthropic.user(anthropic.NOTES, anthropic.TABLE, anthropic.text("Go on.")),
                    ),
                    anthropic.DONE,
                ),
            ),
        ),
        Example(
            "the assistant's turn is blank (Roo Code's R1 format)",
            (
                step(TASK, ASKED),
                step((*TASK, assistant(""), ENVIRONMENT), WROTE),
            ),
            (Place(2, 2),),
        ),
        Example(
            "the assistant's turn is gone; its result stays behind without a call",
            (step(TASK, ASKED), step((*TASK, NOTES), WROTE)),
            (Place(2, 2),),
        ),
        Example(
            "a user's message stands where a sound reply should be",
            (step(TASK, ASKED), step((*TASK, user("Go on, please.")), WROTE)),
            (Place(2, 2),),
        ),
        Example(
            "the text is kept, both calls are gone",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant("Both at once.", READ_TWO, WRITE)),
                step(
                    (*TASK, ASKED, NOTES, assistant("Both at once."), user("(no content)")),
                    WROTE,
                ),
            ),
            (Place(3, 4),),
        ),
        Example(
            "the second turn is lost after a healthy first one, and the model repeats it for ever",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant(None, WRITE)),
                step((*TASK, ASKED, NOTES, assistant(""), ENVIRONMENT), assistant(None, WRITE)),
                step(
                    (*TASK, ASKED, NOTES, *(assistant(""), ENVIRONMENT) * 2),
                    assistant(None, WRITE),
                ),
            ),
            (Place(3, 4), Place(4, 6)),
        ),
        Example(
            "Anthropic's API: the tool_use is taken out, and its result is no tool_result any more",
            (
                anthropic.step(anthropic.TASK, anthropic.SAYING, anthropic.READ),
                anthropic.step(
                    (
                        *anthropic.TASK,
                        anthropic.assistant(anthropic.SAYING),
                        anthropic.user(anthropic.text("(no content)")),
                    ),
                    anthropic.READ,
                ),
            ),
            (Place(2, 2),),
        ),
        Example(
            "Anthropic's API: the assistant's turn is gone, its tool_result stays behind",
            (
                anthropic.step(anthropic.TASK, anthropic.SAYING, anthropic.READ),
                anthropic.step((*anthropic.TASK, anthropic.user(anthropic.NOTES)), anthropic.WRITE),
            ),
            (Place(2, 2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link in judged(thread):
            if is_lost(link):
                yield self._finding(link)

    def _finding(self, link: Link) -> Finding:
        echo, reply = link.echo, link.parent
        calls = [c.call for c in echo.calls]
        flawed = echo.kind is not EchoKind.BLANKED and bool(flaw(reply))
        return Finding(
            self.name,
            Severity.WARNING if flawed else self.severity,
            self.side,
            f"Request {link.child.exchange} does not give back the reply of exchange "
            f"{reply.exchange}: its {named(calls)} {_verb(calls)} gone and {_slot(link)}, so the "
            f"model never sees that it made {'it' if len(calls) == 1 else 'them'}, nor what came "
            "of it.",
            Place(link.child.exchange, echo.place),
            related=(Place(reply.exchange),),
            evidence=(
                *(quoted_call(reply, call) for call in calls[:3]),
                quoted_request(link.child, echo.place),
            ),
        )


def _verb(calls: list[ToolCall]) -> str:
    return "is" if len(calls) == 1 else "are"


def _slot(link: Link) -> str:
    """What stands in the place of the reply, in words."""
    if link.echo.kind is EchoKind.BLANKED:
        return "the assistant's turn is blank"
    if link.echo.slot:
        other = any(link.child.messages[i].tool_calls for i in link.echo.slot)
        return f"the assistant's turn {'makes another call' if other else 'is only text'}"
    if link.echo.place >= len(link.child.messages):
        return "nothing stands in its place"
    return f"a {link.child.messages[link.echo.place].role} message stands in its place"
