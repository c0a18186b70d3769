"""The server answered from less of the prompt than it was sent."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, TASK, assistant, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.prompt.counts import is_asked_for, missing, only_grew, unread
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import fact

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
                said = Evidence(turn.exchange, '"truncated": true')
                yield self._finding(turn, "the server says so (`truncated`)", said)
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
        proof = fact(link.child, quote)
        return self._finding(link.child, why, proof, (Place(link.parent.exchange),))

    def _of_growth(self, link: Link, more: int) -> Finding:
        before, after = link.parent.reply.usage, link.child.reply.usage
        why = (
            f"it counts {after.prompt_tokens:,} tokens, and exchange {link.parent.exchange} had "
            f"{before.prompt_tokens:,}, though more than {more:,} were added"
        )
        quote = f"prompt {before.prompt_tokens}, then {after.prompt_tokens}; added at least {more}"
        proof = fact(link.child, quote)
        return self._finding(link.child, why, proof, (Place(link.parent.exchange),))

    def _finding(
        self, turn: Turn, why: str, proof: Evidence, related: tuple[Place, ...] = ()
    ) -> Finding:
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The server answered request {turn.exchange} from a part of its prompt: {why}.",
            Place(turn.exchange),
            related=related,
            evidence=(proof,),
        )
