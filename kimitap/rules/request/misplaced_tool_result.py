"""The result is there, but not directly after its call."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WRITTEN,
    WROTE,
    assistant,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.rounds import Part, Round, call_at, home_of, result_at, round_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, quoted_request, tagged, written

BOTH = assistant("I read both.", READ, READ_TWO)
TABLE = tool("c2", "id,amount")
HURRY = user("Hurry, please.")


def misplaced(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The results of a block whose calls stand, unanswered, before another message."""
    for i, n, result in found.left.results:
        if home_of(messages, found.start, result.call_id):
            yield Defect((i, n), ("misplaced", result.call_id), found.start)


def came_late(turn: Turn, link: Link | None, call: Part) -> bool:
    """True where the request before went on without the result: then that is the defect."""
    if link is None:
        return False
    after = round_at(turn.messages, call[0]).stop
    return turn.messages[call[0] : after + 1] == link.parent.messages[call[0] : after + 1]


class MisplacedToolResult(Rule):
    """One finding in the place of an unanswered call and an orphan result."""

    name = "misplaced-tool-result"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "a tool's result stands behind another message than its call"
    meaning = (
        "Between a call and its result stands a user's or an assistant's message. Ids say that "
        "they belong together, but templates render a conversation in its order: the model sees a "
        "call that nobody answered, then a result out of nowhere. OpenAI and Anthropic refuse such "
        "a request. It is reported once, at the first request that shows it, in the place of the "
        "unanswered call and the orphan result. It is no defect where results come in another "
        "order than the calls, or after the several assistant messages of one reply. A result that "
        "arrives only in a later request is an unanswered call."
    )
    remedy = (
        "An agent must hold messages back until all results are in: report it with the request "
        "attached. Until then, don't write while a tool runs. To go on now, rewind to before the "
        "call."
    )
    source = (
        "https://github.com/charmbracelet/crush/pull/3439; Anthropic: “`tool_use` ids were found "
        "without `tool_result` blocks immediately after”"
    )
    examples: ClassVar = (
        Example(
            "results in another order, and a user's message after them",
            (
                step(TASK, BOTH),
                step((*TASK, BOTH, TABLE, NOTES), WROTE),
                step((*TASK, BOTH, TABLE, NOTES, WROTE, WRITTEN), DONE),
            ),
        ),
        Example(
            "text and calls of one reply as two messages, results after both",
            (
                step(
                    (*TASK, assistant(None, READ, READ_TWO), assistant("Both."), NOTES, TABLE),
                    DONE,
                ),
            ),
            also=("unusual-role-order",),
        ),
        Example(
            "Kimi's ids begin again: a stray result is not for an older call that was answered",
            (
                step(
                    (*TASK, ASKED, NOTES, assistant("Read."), HURRY, tool("c1", "Again?")),
                    DONE,
                ),
            ),
            also=("orphan-tool-result",),
        ),
        Example(
            "a user's message stands between, and the later requests repeat it",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, HURRY, NOTES), WROTE),
                step((*TASK, ASKED, HURRY, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(2, 4, 0),),
        ),
        Example(
            "the second of two results comes after the next call",
            (
                step(TASK, BOTH),
                step((*TASK, BOTH, NOTES, WROTE, WRITTEN, TABLE), DONE),
            ),
            (Place(2, 6, 0),),
            also=("unbacked-assistant-turn",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, link, parts in first_shown(thread, misplaced):
            homes = {at: self._home(turn, at) for at in parts}
            early = [at for at in parts if not came_late(turn, link, homes[at])]
            if early:
                yield self._finding(turn, early, homes[early[0]])

    def _home(self, turn: Turn, at: Part) -> Part:
        start = round_at(turn.messages, at[0]).start
        home = home_of(turn.messages, start, result_at(turn, at).call_id)
        assert home is not None
        return home

    def _finding(self, turn: Turn, parts: Sequence[Part], home: Part) -> Finding:
        result, call = result_at(turn, parts[0]), call_at(turn, home)
        between = round_at(turn.messages, home[0]).stop
        more = f", with {len(parts) - 1} more" if len(parts) > 1 else ""
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {turn.exchange} gives the result of the {named([call])} of its message "
            f"{home[0]} only in message {parts[0][0]}{more}, behind "
            f"{_article(turn.messages[between].role)} message: the model sees a call without a "
            "result, and then a result of nothing.",
            Place(turn.exchange, *parts[0]),
            related=tuple(Place(turn.exchange, *at) for at in (*parts[1:], home)),
            evidence=(
                Evidence(turn.exchange, cut(tagged(call.id, written(call)))),
                quoted_request(turn, between),
                Evidence(turn.exchange, cut(tagged(result.call_id, result.text))),
            ),
        )


def _article(role: str) -> str:
    return f"an {role}'s" if role == "assistant" else f"a {role}'s"
