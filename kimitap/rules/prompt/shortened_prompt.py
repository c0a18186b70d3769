"""The server answered from less of the prompt than it was sent."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from kimitap.conversation import Image, Message, Other, Reasoning, ToolCall, Turn
from kimitap.lineage import EchoKind, Fate, Link, Relation, Session, Thread
from kimitap.rules.difference import Kind, difference
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, TASK, assistant, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut

SLACK = 16
"""Tokens by which the same history may count differently: what stands at the seams of messages."""
OF_PROMPT, OF_REPLY = 0.005, 0.1
"""And shares of it: templates trim white space, and write a call's arguments anew."""
BYTES = 2
"""At least so many bytes of thought make one token."""
AN_IMAGE = 20_000
"""More tokens than an image takes."""
MUCH = 200
"""Tokens that were added at least, where a count that does not grow means something."""
LEAST = 1024
"""The smallest context that anybody serves; contexts are multiples of it. Counts below it may be
made up."""
LONGEST = 64
"""Letters of one word that one token may have at most."""
_WORD = re.compile(r"[^\W_]+")
_ASKED = ("clear_tool_uses", "compact")
"""What edits of the history are called that an agent asks a server for."""


LONG = (TASK[0], user("Read notes.txt, then write summary.md. " * 300))
"""A task of about 3,000 tokens."""
ROWS = "".join(f"{n}, Ada, {n * n} paid\n" for n in range(400))


def _counted(sample: Sample, prompt: int, written: int = 20) -> Sample:
    usage = {"prompt_tokens": prompt, "completion_tokens": written}
    return replace(sample, extra={"usage": usage})


THOUGHT = assistant("I read the notes.", READ, reasoning="The task asks for the notes first. " * 9)


class ShortenedPrompt(Rule):
    """What cannot be explained by reasoning that a template leaves out."""

    name = "shortened-prompt"
    severity = Severity.ERROR
    side = Side.SERVER
    summary = "the server counts fewer prompt tokens than it must, though the request only grew"
    meaning = (
        "The request repeats the one before it and its reply, and adds to them; yet the server "
        "counts fewer tokens than that history had, or no more though much was added (Ollama). It "
        "cut the prompt to make it fit into its context and answered with 200 (ik_llama.cpp does, "
        "where llama.cpp refuses with 400), or says so itself (`truncated`): the model has "
        "forgotten a part of what it was told, perhaps the task. It is no defect where the request "
        "was compacted or edited, where it asks the server to do that (`context_management`, "
        "`truncation: auto`), where reasoning that the template leaves out explains it, where the "
        "server ran tools of its own or compacts the history itself (their steps are counted too), "
        "or where the reply, and not the prompt, met the end of the context (finish reason length)."
    )
    remedy = (
        "Give the server more context (-c, and mind that -np divides it among the slots), and tell "
        "the agent its true size, so that it compacts in time. llama.cpp's own server refuses such "
        "a request instead."
    )
    source = (
        "ik_llama.cpp: a prompt of 6,028 tokens in a context of 4,096 is answered with 200 and "
        "`prompt_tokens: 3980`; llama.cpp's `truncated`"
    )
    examples: ClassVar = (
        Example(
            "the history grew, and so did the count",
            (
                _counted(step(TASK, ASKED), 3900),
                _counted(step((*TASK, ASKED, NOTES), DONE), 3960),
            ),
        ),
        Example(
            "the template leaves out the reasoning of earlier turns once a user speaks",
            (
                _counted(step(TASK, THOUGHT), 900, 90),
                _counted(step((*TASK, THOUGHT, NOTES), DONE), 1010),
                _counted(step((*TASK, THOUGHT, NOTES, DONE, TASK[1]), DONE), 975),
            ),
        ),
        Example(
            "the history was compacted",
            (
                _counted(step((*TASK, ASKED, NOTES, DONE, TASK[1]), DONE), 3900),
                _counted(step((TASK[0], user("## Conversation Summary\nNotes read.")), DONE), 700),
            ),
        ),
        Example(
            "the prompt no longer fits, and is answered all the same",
            (
                _counted(step(LONG, ASKED), 3990, 40),
                _counted(step((*LONG, ASKED, NOTES), DONE), 3900),
            ),
            (Place(2),),
        ),
        Example(
            "much was added, and the count stays where it was",
            (
                _counted(step(LONG, ASKED), 3990, 40),
                _counted(step((*LONG, ASKED, {**NOTES, "content": ROWS}), DONE), 4010),
            ),
            (Place(2),),
        ),
        Example(
            "the request asks for it",
            (
                _counted(step(LONG, ASKED), 3990, 40),
                _counted(step((*LONG, ASKED, NOTES), DONE, truncation="auto"), 2900),
            ),
        ),
        Example(
            "the server says so itself",
            (
                step(TASK, ASKED),
                replace(
                    step((*TASK, ASKED, NOTES), DONE),
                    extra={"__verbose": {"truncated": True}},
                ),
            ),
            (Place(2),),
        ),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, link in zip(thread.turns, thread.links, strict=True):
            if turn.reply.truncated and turn.reply.finish_reason != "length":
                yield self._finding(turn, "the server says so (`truncated`)", "truncated: true")
            elif link is not None and only_grew(link) and not is_asked_for(turn):
                short = missing(link)
                if short:
                    yield self._of_counts(link, short)
                elif more := unread(link):
                    yield self._of_growth(link, more)

    def _of_counts(self, link: Link, short: int) -> Finding:
        before, after = link.parent.reply.usage, link.child.reply.usage
        room = link.child.reply.timings.n_ctx
        why = (
            f"it counts {after.prompt_tokens:,} tokens, {short:,} fewer than exchange "
            f"{link.parent.exchange} had with its reply"
            + (f" (its context: {room:,})" if room else "")
        )
        quote = (
            f"prompt {before.prompt_tokens} + reply {before.completion_tokens} tokens, then a "
            f"prompt of {after.prompt_tokens}"
        )
        return self._finding(link.child, why, quote, (Place(link.parent.exchange),))

    def _of_growth(self, link: Link, more: int) -> Finding:
        before, after = link.parent.reply.usage, link.child.reply.usage
        why = (
            f"it counts {after.prompt_tokens:,} tokens, and exchange {link.parent.exchange} had "
            f"{before.prompt_tokens:,}, though more than {more:,} were added"
        )
        quote = f"prompt {before.prompt_tokens}, then {after.prompt_tokens}; added at least {more}"
        return self._finding(link.child, why, quote, (Place(link.parent.exchange),))

    def _finding(
        self, turn: Turn, why: str, quote: str, related: tuple[Place, ...] = ()
    ) -> Finding:
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The server answered request {turn.exchange} from a part of its prompt: {why}.",
            Place(turn.exchange),
            related=related,
            evidence=(Evidence(turn.exchange, cut(quote)),),
        )


def only_grew(link: Link) -> bool:
    """True where the child gives its parent's reply back whole.

    Where the server ran tools of its own, it counted a prompt for each of their steps; where it
    compacted the history itself, it did so as it was asked.
    """
    if link.relation is not Relation.CONTINUES or not link.judged or not link.child.succeeded:
        return False
    if any(isinstance(part, Other) for part in link.parent.reply.message.parts):
        return False
    echo = link.echo
    whole = echo.kind in (EchoKind.SAME, EchoKind.ALTERED) and echo.text is not Fate.GONE
    return whole and all(call.fate is Fate.SAME for call in echo.calls)


def is_asked_for(turn: Turn) -> bool:
    """True where the request wants the server to leave out what does not fit, or is old."""
    asked = turn.parameters
    if asked.get("truncation") == "auto" or asked.get("transforms"):  # OpenRouter's middle-out
        return True
    edits = asked.get("context_management")
    edits = edits.get("edits") if isinstance(edits, Mapping) else edits
    if not isinstance(edits, Sequence):
        return False
    kinds = [str(edit.get("type")) for edit in edits if isinstance(edit, Mapping)]
    return any(word in kind for kind in kinds for word in _ASKED)


def unread(link: Link) -> int:
    """How many tokens were added at least, where the count stands still all the same; else 0.

    It stands where it was, or at what looks like the size of a context. A count that leaves the
    cache out is smaller than the request's words; one that somebody estimates grows with them.
    """
    before, after = link.parent.reply.usage.prompt_tokens, link.child.reply.usage.prompt_tokens
    if before is None or after is None or min(before, after) < LEAST:
        return 0
    most = _said(link.parent) + SLACK + OF_PROMPT * before + _thought(link)
    full = after % LEAST == 0
    if not full and after - before > most:
        return 0
    added = link.child.messages[len(link.parent.messages) + 1 :]
    if _most_words(added) < max(MUCH, 2 * most):
        return 0
    more = _least(added)
    still = after - before <= most if not full else after - before + most < more
    if more < MUCH or more < 2 * most or not still:
        return 0
    if not (full and before == after) and before < _least(link.parent.messages):
        return 0
    same = difference(link).kind in (Kind.NOTHING, Kind.REPLY)
    return more if same and _plausible(link.parent) else 0


def _least(messages: Sequence[Message]) -> int:
    """The tokens that the texts of some messages have at least: one for each word."""
    words = [word for message in messages for word in _WORD.findall(message.text)]
    return len(words) + sum(len(word) // LONGEST for word in words if len(word) >= LONGEST)


def _most_words(messages: Sequence[Message]) -> int:
    """More than `_least` can be, without looking: between two words stands something else."""
    return sum(1 + len(message.text) // 2 for message in messages)


def missing(link: Link) -> int:
    """How many tokens are missing beyond what reasoning and seams explain; 0 where none are."""
    before, after = link.parent.reply.usage, link.child.reply.usage
    if before.prompt_tokens is None or after.prompt_tokens is None:
        return 0
    said = _said(link.parent) if _all_visible(link.parent) and _whole(link) else 0
    short = before.prompt_tokens + said - after.prompt_tokens
    slack = SLACK + OF_PROMPT * before.prompt_tokens + OF_REPLY * said
    if short <= slack or difference(link).kind not in (Kind.NOTHING, Kind.REPLY):
        return 0
    return short if short > slack + _thought(link) and _plausible(link.parent) else 0


def _said(turn: Turn) -> int:
    """The tokens of the reply, but no more than what it says can have: some services count
    thoughts that they neither show nor name."""
    message = turn.reply.message
    seams = SLACK * (1 + len(message.tool_calls))
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return min(
        turn.reply.usage.completion_tokens or 0, seams + (len(message.text) + calls) // BYTES
    )


def _whole(link: Link) -> bool:
    """True where no word of the reply was cut off or changed: text agents cut what they obey."""
    text = link.parent.reply.message.text
    given = sum(len(link.child.messages[i].text) for i in link.echo.slot)
    return link.echo.text is Fate.NONE or (link.echo.text is Fate.SAME and given >= len(text))


def _all_visible(turn: Turn) -> bool:
    """True where every token of the reply comes back in the next prompt."""
    message = turn.reply.message
    thought = any(isinstance(part, Reasoning) for part in message.parts)
    hidden = turn.reply.usage.reasoning_tokens or turn.reply.others or thought
    return not hidden and "<think" not in message.text


def _thought(link: Link) -> float:
    """The most tokens of thought that the template has left out since the parent's prompt.

    Templates leave out what was thought before the last user message, which then has just come; or
    all but the last thought.
    """
    old = link.parent.messages
    fresh = link.child.messages[len(old) :]
    if any(message.role == "user" for message in fresh):
        start = max((i for i, m in enumerate(old) if m.role == "user"), default=0)
        return sum(map(_thinking, old[start:])) / BYTES
    last = next((message for message in reversed(old) if message.role == "assistant"), None)
    return _thinking(last) / BYTES if last else 0


def _thinking(message: Message) -> int:
    """The bytes of a message's thought; of one that is sealed or told in short, the seal's."""
    if message.role != "assistant":
        return 0
    said = message.reasoning + (message.text if "</think" in message.text else "")
    sealed = sum(len(part.signature) for part in message.parts if isinstance(part, Reasoning))
    return len(said.encode(errors="replace")) + sealed


def _plausible(turn: Turn) -> bool:
    """True where a prompt can have so many tokens: no more than its text has bytes, and images."""
    most = sum(len(tool.json.encode(errors="replace")) for tool in turn.tools)
    for message in turn.messages:
        most += len(message.text.encode(errors="replace")) + len(message.reasoning) * 4
        for part in message.parts:
            match part:
                case ToolCall():
                    most += len(part.name) + len(part.arguments.encode(errors="replace"))
                case Image() | Other():
                    most += AN_IMAGE
    return (turn.reply.usage.prompt_tokens or 0) <= most + SLACK * (len(turn.messages) + 4)
