"""The model answered, and the agent threw the answer away and asked again."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WROTE,
    assistant,
    call,
    failed,
    step,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.flaws import flaw
from kimitap.rules.gaps import bare
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_reply, quoted_request

CUT_CALL = assistant("Now I write.", call("c3", "write_file", '{"path": "summary.md", "cont'))
SCOLDED = user("Format error: your last answer held no valid tool call. Try again.")


def is_asked_again(link: Link) -> bool:
    """True where the same messages were sent again after a complete reply that said something."""
    retried = link.relation is Relation.RETRY and not asks_otherwise(link)
    return retried and link.parent.succeeded and not link.parent.reply.empty


def asks_otherwise(link: Link) -> bool:
    """True where the last message, the question, is another one: an edit, or a template's input."""
    old, new = link.parent.messages[-1:], link.child.messages[-1:]
    if not old or not new or old[0].role != "user":
        return False
    return bare(old[0].text) not in bare(new[0].text)


def is_replaced(link: Link) -> bool:
    """True where a user's message stands in the place of a flawed reply that stands nowhere."""
    if not link.judged or link.echo.slot or not flaw(link.parent):
        return False
    place, messages = link.echo.place, link.child.messages
    return place < len(messages) and messages[place].role in {"user", "system"}


class DiscardedReply(Rule):
    """Tokens and time spent for nothing; sometimes rightly."""

    name = "discarded-reply"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "a complete reply was thrown away and the model asked again"
    meaning = (
        "The server's reply was complete, and the agent sent the same messages again, or a "
        "complaint in the reply's place. The model does not learn what it did wrong, and the "
        "tokens are spent. Where the reply was no good (arguments that are no JSON, cut by the "
        "length limit, leaked tokens) the agent had a reason, and this is a note. It is no defect "
        "to ask again after an error, a cut stream, or an empty reply, nor where the last message "
        "asks something else: a user edited it, or a script puts other inputs into one template."
    )
    remedy = (
        "Look at the reply that was thrown away: if it is sound, report it to the agent; if it "
        "was cut, raise max_tokens or the server's context (-c); if tokens leaked, try a newer "
        "server build, --jinja and the model's own chat template."
    )
    source = "Qwen Code 0.15.10 with unreadable arguments: the same prompt is sent again"
    by_turn = True
    examples: ClassVar = (
        Example(
            "the same messages again after an error and after an empty reply",
            (
                failed(TASK, 500, "decode failed"),
                step(TASK, assistant("", reasoning="Hm.")),
                step(TASK, ASKED),
            ),
            also=("empty-reply",),
        ),
        Example(
            "the same messages again after a cut stream",
            (step(TASK, ASKED, None), step(TASK, ASKED)),
            also=("stream-aborted",),
        ),
        Example(
            "a user says the same thing twice, with the reply in between",
            (step(TASK, DONE), step((*TASK, DONE, TASK[1]), ASKED)),
        ),
        Example(
            "a script puts one input after another into its template",
            (
                step((*TASK, DONE, user("Which rows does data.csv hold?")), WROTE),
                step((*TASK, DONE, user("Which rows does more.csv hold?")), DONE),
            ),
        ),
        Example(
            "a sound reply, and the same messages again",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES), WROTE),
            ),
            (Place(3, 4),),
        ),
        Example(
            "a call with unreadable arguments gives way to a complaint",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), CUT_CALL),
                step((*TASK, ASKED, NOTES, SCOLDED), WROTE),
            ),
            (Place(3, 4),),
            also=("malformed-tool-arguments",),
        ),
        Example(
            "a reply cut by the length limit, and the same messages again",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant("The notes say that"), "length"),
                step((*TASK, ASKED, NOTES), DONE),
            ),
            (Place(3, 4),),
            also=("truncated-by-length",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link in (link for link in thread.links if link is not None):
            if is_asked_again(link) or is_replaced(link):
                yield self._finding(link)

    def _finding(self, link: Link) -> Finding:
        why = flaw(link.parent)
        again = link.relation is Relation.RETRY
        how = "asks the same again" if again else "has another message in its place"
        return Finding(
            self.name,
            Severity.INFO if why else self.severity,
            self.side,
            f"Request {link.child.exchange} {how}: the complete reply of exchange "
            f"{link.parent.exchange} was thrown away{f' ({why})' if why else ''}.",
            Place(link.child.exchange, link.echo.place),
            related=(Place(link.parent.exchange),),
            evidence=(
                quoted_reply(link.parent),
                quoted_request(link.child, link.echo.place),
            ),
        )
