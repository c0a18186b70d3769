"""The thinking before a call comes back other than the model had it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from kimitap.conversation import Message, Reasoning
from kimitap.lineage import EchoKind, Link, Session, Thread
from kimitap.rules.echoes import judged
from kimitap.rules.examples.anthropic import (
    DONE,
    NOTES,
    READ,
    SAYING,
    TASK,
    WRITE,
    WRITTEN,
    assistant,
    refused,
    step,
    text,
    thinking,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, fact, times

DIALECT = "anthropic-messages"
REFUSAL = (
    "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
    "message cannot be modified. These blocks must remain as they were in the original response."
)
LISTED = 20
"""Requests that a finding names; the rest is a number."""

SIGNED = thinking("The task asks for the notes first.", "EqQBCkYIBxgCKkBn")
UNSIGNED = thinking("The task asks for the notes first.")
REDACTED = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}
SECOND = thinking("Now the summary.", "EroBCkgIBxABGAIiQL")


class Altered(NamedTuple):
    """A reply's thinking that came back otherwise, and how."""

    link: Link
    how: str
    place: Place


def altered(link: Link) -> Altered | None:
    """What is wrong with the thinking that a request gives back with the answers to its calls.

    None where it is as it was, or all of it is gone, which is `reasoning-dropped`.
    """
    child, echo = link.child, link.echo
    if child.dialect != DIALECT or echo.kind not in {EchoKind.SAME, EchoKind.ALTERED}:
        return None
    if not any(call.answered for call in echo.calls) or not _is_latest(link):
        return None
    thought = _thoughts(link.parent.reply.message)
    given = [(i, n, p) for i in echo.slot for n, p in _placed(child.messages[i])]
    if not thought or (not given and any(part.text for part in thought)):
        return None
    how, at = _difference(thought, [part for _, _, part in given], link)
    if not how:
        return None
    index, part = given[at][:2] if at < len(given) else (echo.slot[0], None)
    return Altered(link, how, Place(child.exchange, index, part))


def _is_latest(link: Link) -> bool:
    """True where no assistant's message follows the reply: older thinking may be left out."""
    later = link.child.messages[max(link.echo.slot, default=-1) + 1 :]
    return all(message.role != "assistant" for message in later)


def _placed(message: Message) -> Iterator[tuple[int, Reasoning]]:
    return ((n, part) for n, part in enumerate(message.parts) if isinstance(part, Reasoning))


def _thoughts(message: Message) -> list[Reasoning]:
    return [part for _, part in _placed(message)]


def _difference(old: Sequence[Reasoning], new: Sequence[Reasoning], link: Link) -> tuple[str, int]:
    """How the blocks differ, in words, and at which of them; `""` where they do not.

    Signatures matter only to a server that minds: one that answers took the block without.
    """
    for at, thought in enumerate(old):
        if at >= len(new):
            kind = "redacted thinking" if thought.field == "redacted_thinking" else "thinking"
            return f"a block of {kind} is missing", at
        if thought.text.strip() != new[at].text.strip():
            return "the thinking has another text", at
        if thought.signature != new[at].signature and not link.child.succeeded:
            what = "another" if new[at].signature else "no"
            return f"the thinking has {what} signature", at
    return (
        ("", 0) if len(new) <= len(old) else ("it holds thinking that the reply had not", len(old))
    )


def is_refused(link: Link) -> bool:
    """True where the server refuses the request for its thinking."""
    return (link.child.status or 0) >= 400 and "thinking" in link.child.reply.error.lower()


class AlteredThinking(Rule):
    """One finding a thread: it is how an agent writes its history."""

    name = "altered-thinking"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "the thinking before an answered call is not as the model had it"
    meaning = (
        "While the agent answers the calls of a reply, Anthropic's API wants that reply's thinking "
        "blocks back as they were, with their signatures, and refuses the request otherwise. Where "
        "the server took the request the model sees a thought that was not its own: a warning. It "
        "is no defect where older turns come back without thinking, where a server that signs "
        "nothing (llama-server) or that does not mind gets no signature, nor where a user's "
        "message begins a new turn. Thinking that is gone altogether is `reasoning-dropped`."
    )
    remedy = (
        "Report it to the agent with both exchanges attached: blocks of thinking must be sent back "
        "untouched, redacted ones included. To go on now, rewind to before the reply, or switch "
        "thinking off."
    )
    source = f"Anthropic: “{REFUSAL}”; https://github.com/anthropics/claude-code/issues/63267"
    examples: ClassVar = (
        Example(
            "it comes back as it was, and is left out once the next turn has begun",
            (
                step(TASK, SIGNED, SAYING, READ),
                step((*TASK, assistant(SIGNED, SAYING, READ), user(NOTES)), SECOND, WRITE),
                step(
                    (
                        *TASK,
                        assistant(SAYING, READ),
                        user(NOTES),
                        assistant(SECOND, WRITE),
                        user(WRITTEN),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a llama-server signs nothing, and the agent sends no signature",
            (
                step(TASK, UNSIGNED, READ),
                step(
                    (
                        *TASK,
                        assistant({"type": "thinking", "thinking": UNSIGNED["thinking"]}, READ),
                        user(NOTES),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "the signature is lost, and the server does not mind",
            (
                step(TASK, SIGNED, READ),
                step((*TASK, assistant(UNSIGNED, READ), user(NOTES)), DONE),
            ),
        ),
        Example(
            "its text was changed, and the server refuses it",
            (
                step(TASK, SIGNED, SAYING, READ),
                refused(
                    (
                        *TASK,
                        assistant(thinking("The notes first.", "EqQBCkYIBxgCKkBn"), SAYING, READ),
                        user(NOTES),
                    ),
                    REFUSAL,
                ),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "the signature is lost, and the server refuses it",
            (
                step(TASK, SIGNED, SAYING, READ),
                refused(
                    (*TASK, assistant(UNSIGNED, SAYING, READ), user(NOTES)),
                    "messages.1.content.0: Invalid `signature` in `thinking` block",
                ),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "a redacted block is left out in two turns, and the server took both",
            (
                step(TASK, REDACTED, SAYING, READ),
                step((*TASK, assistant(SAYING, READ), user(NOTES)), REDACTED, SECOND, WRITE),
                step(
                    (
                        *TASK,
                        assistant(SAYING, READ),
                        user(NOTES),
                        assistant(SECOND, WRITE),
                        user(WRITTEN, text("Report.")),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = [one for one in map(altered, judged(thread)) if one is not None]
        if found:
            yield self._finding(found)

    def _finding(self, found: Sequence[Altered]) -> Finding:
        first = next((one for one in found if is_refused(one.link)), found[0])
        child, parent = first.link.child, first.link.parent
        more = f" (so in {times(len(found), 'turn')})" if len(found) > 1 else ""
        said = f": the server refused request {child.exchange}" if is_refused(first.link) else ""
        taken = all(one.link.child.succeeded for one in found)
        return Finding(
            self.name,
            Severity.WARNING if taken else self.severity,
            self.side,
            f"Request {child.exchange} answers the calls of exchange {parent.exchange}, and "
            f"{first.how}{more}{said}.",
            first.place,
            related=(
                Place(parent.exchange),
                *[one.place for one in found if one is not first][:LISTED],
            ),
            evidence=tuple(_evidence(first)),
        )


def _evidence(found: Altered) -> Iterator[Evidence]:
    link = found.link
    yield Evidence(link.parent.exchange, _quoted(_thoughts(link.parent.reply.message)))
    given = [p for i in link.echo.slot for p in _thoughts(link.child.messages[i])]
    quoted = Evidence(link.child.exchange, _quoted(given))
    yield quoted if given else fact(link.child, "no thinking")
    if is_refused(link):
        yield Evidence(link.child.exchange, cut(link.child.reply.error))


def _quoted(thoughts: Sequence[Reasoning]) -> str:
    return cut(" ".join(map(_sealed, thoughts)))


def _sealed(thought: Reasoning) -> str:
    """A thought behind the wire's name for it, and its seal: `thinking: Hm. [EqQBCk]`."""
    seal = f"[{cut(thought.signature, 20)}]" if thought.signature else "(unsigned)"
    return f"{thought.field}: {' '.join(filter(None, (cut(thought.text, 60), seal)))}"
