"""Two attempts of one reply stand in the history as if the model had said both."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.each import each
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WRITE,
    WRITTEN,
    WROTE,
    assistant,
    call,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.gaps import bare
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_reply, quoted_request

ENOUGH = 8
"""Characters, without white space, from which a repeated beginning is no accident."""
ATTEMPTS = 8
"""Failed attempts before a reply that are looked at."""
MEMBERS = 8
"""Assistant messages side by side that are looked at."""


def attempts(thread: Thread, position: int) -> list[Turn]:
    """The failed attempts at the request of the turn at `position`, the latest first."""
    found: list[Turn] = []
    for i in range(position, max(0, position - ATTEMPTS), -1):
        link = thread.links[i]
        if link is None or link.relation is not Relation.RETRY or link.parent.succeeded:
            break
        found.append(link.parent)
    return found


def doubled(link: Link, failed: Sequence[Turn]) -> Turn | None:
    """The turn whose reply stands in the slot beside its parent's: a cut attempt, or itself."""
    reply = link.parent.reply.message
    run = _run(link)
    if not failed and len(run) == 1 and run[0].text == reply.text:
        return None  # nearly every reply
    said = bare(reply.text)
    given = bare("".join(message.text for message in run))
    for turn in failed:
        cut = bare(turn.reply.message.text)
        if cut and said and given == cut + said:
            return turn
        if _both(_turns(link), turn.reply.message, reply):
            return turn
    if said and _begins_twice(given, said):
        return link.parent
    if len(run) > 1 and _twice(run, reply):
        return link.parent
    return _thought_twice(run, link.parent, failed)


def _doubled_at(thread: Thread, position: int) -> Turn | None:
    link = thread.links[position]
    if link is None or not link.judged:
        return None
    return doubled(link, attempts(thread, position - 1))


def _run(link: Link) -> list[Message]:
    """The assistant messages that stand side by side where the reply does."""
    if not link.echo.slot:
        return []
    messages, start = link.child.messages, link.echo.slot[0]
    while start > link.echo.place and messages[start - 1].role == "assistant":
        start -= 1
    stop = start
    while stop < min(len(messages), start + MEMBERS) and messages[stop].role == "assistant":
        stop += 1
    return list(messages[start:stop])


def _turns(link: Link) -> list[Message]:
    """The assistant messages from the reply's place up to the next user's message."""
    found: list[Message] = []
    for message in link.child.messages[link.echo.place :][: 2 * MEMBERS]:
        if message.role not in ("assistant", "tool"):
            break
        found += [message] if message.role == "assistant" else []
    return found


def _begins_twice(given: str, said: str) -> bool:
    """True where a text is `said` with a piece of its own beginning before it, or all of it."""
    extra = len(given) - len(said)
    if extra < ENOUGH or extra > len(said):
        return False
    return given.endswith(said) and said.startswith(given[:extra])


def _both(run: Sequence[Message], cut: Message, reply: Message) -> bool:
    """True where one message says the cut attempt, and another one the reply."""
    ours = [i for i, message in enumerate(run) if _is(message, reply)]
    theirs = [i for i, message in enumerate(run) if _is(message, cut) and i not in ours]
    return bool(ours and theirs)


def _twice(run: Sequence[Message], reply: Message) -> bool:
    return sum(_is(message, reply) for message in run) > 1


def _thought_twice(run: Sequence[Message], parent: Turn, failed: Sequence[Turn]) -> Turn | None:
    """The turn whose thought stands in two messages: in one alone, and with the reply's words."""
    thoughts = [bare(message.reasoning) for message in run if message.reasoning]
    once = next((t for t in thoughts if len(t) >= ENOUGH and thoughts.count(t) > 1), None)
    if once is None:
        return None
    return next((t for t in failed if bare(t.reply.message.reasoning) == once), parent)


def _is(message: Message, said: Message) -> bool:
    """True where a message says all of another: its text, and its calls by name and arguments."""
    text = bare(said.text)
    if bare(message.text) != text or not (text or said.tool_calls):
        return False
    if not said.tool_calls:
        return not message.tool_calls
    return {c.name for c in message.tool_calls} == {c.name for c in said.tool_calls}


CUT = assistant("Now I wri")
TWICE = assistant("Now I wriNow I write the summary.", WRITE)


class DoubledReply(Rule):
    """What a stream that broke leaves behind in an agent that does not start anew."""

    name = "doubled-reply"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "two attempts of one reply stand in the history"
    meaning = (
        "The next request holds the reply together with a cut attempt at it, glued into one "
        "message or side by side, or holds the reply twice. The model sees itself stammer, takes "
        "it for its manner, and with calls believes that it acted twice. It is no defect where one "
        "reply comes back as several messages, where a cut reply alone stays in the history, nor "
        "where the model itself said a thing twice (that is duplicated-content)."
    )
    remedy = (
        "The agent must throw a cut attempt away before it asks again: report it with both "
        "requests attached. To go on now, rewind to before that turn."
    )
    source = (
        "https://github.com/google-gemini/gemini-cli/issues/7428, "
        "https://github.com/NuGuardAI/nuguard/issues/455; Cline 3.0.65 and Continue 1.5.47 after a "
        "broken stream"
    )
    examples: ClassVar = (
        Example(
            "the cut attempt is thrown away",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), CUT, None),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            also=("stream-aborted",),
        ),
        Example(
            "the cut reply stays, since the user stopped it and goes on",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), CUT, None, cancelled=True),
                step((*TASK, ASKED, NOTES, CUT, user("No, read the table.")), DONE),
            ),
        ),
        Example(
            "one reply as two messages, and a model that repeats itself",
            (
                step(TASK, assistant("Look, look, look at the notes.", WRITE)),
                step(
                    (
                        *TASK,
                        assistant("Look, look, look at the notes."),
                        assistant(None, WRITE),
                        WRITTEN,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "cut attempt and retry are glued together",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), CUT, None),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES, TWICE, WRITTEN), DONE),
            ),
            (Place(4, 4),),
            also=("stream-aborted",),
        ),
        Example(
            "cut attempt and retry side by side",
            (
                step(TASK, assistant("Now I", call("c1", "read_file", '{"pa')), None),
                step(TASK, ASKED),
                step(
                    (
                        *TASK,
                        assistant("Now I", call("c0", "read_file", "{}")),
                        tool("c0", "Error: cut."),
                        ASKED,
                        NOTES,
                    ),
                    DONE,
                ),
            ),
            (Place(3, 4),),
            also=("stream-aborted",),
        ),
        Example(
            "the cut attempt's thought stays as a message of its own (OpenCode)",
            (
                step(TASK, assistant("Now I wri", reasoning="Both files are short."), None),
                step(TASK, assistant("Now I write.", WRITE, reasoning="Both files are short.")),
                step(
                    (
                        *TASK,
                        assistant("", reasoning="Both files are short."),
                        assistant("Now I write.", WRITE, reasoning="Both files are short."),
                        WRITTEN,
                    ),
                    DONE,
                ),
            ),
            (Place(3, 2),),
            also=("stream-aborted",),
        ),
        Example(
            "the reply twice, side by side",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, ASKED, NOTES), DONE),
            ),
            (Place(2, 2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link, other in zip(thread.links, each(thread, _doubled_at), strict=True):
            if link is not None and other is not None:
                yield self._finding(link, other)

    def _finding(self, link: Link, other: Turn) -> Finding:
        at = link.echo.slot[0]
        itself = other is link.parent
        beside = "once more" if itself else f"together with the cut attempt of {other.exchange}"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {link.child.exchange} gives the reply of exchange {link.parent.exchange} "
            f"back {beside}: the model sees itself say it twice.",
            Place(link.child.exchange, at),
            related=(
                Place(link.parent.exchange),
                *(() if itself else (Place(other.exchange),)),
            ),
            evidence=(
                *(() if itself else (quoted_reply(other),)),
                quoted_reply(link.parent),
                quoted_request(link.child, at),
            ),
        )
