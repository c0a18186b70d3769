"""Of several calls in one reply, the next request has only some."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.lineage import CallEcho, Fate, Link, Session, Thread
from kimitap.rules.arguments import malformed
from kimitap.rules.echoes import judged, standing_at
from kimitap.rules.examples import (
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WRITE,
    WROTE,
    assistant,
    call,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import named, quoted_call, quoted_request, times

_TAKEN = frozenset({Fate.GONE, Fate.AS_TEXT})

BOTH = assistant("I read both.", READ, READ_TWO)
TABLE = tool("c2", "id,amount\n1,10")


def is_partial(link: Link) -> bool:
    """True where the next request has some of the reply's calls as calls, and others not."""
    return 0 < len(_taken_out(link)) < len(link.echo.calls)


def _taken_out(link: Link) -> list[CallEcho]:
    """The calls that are gone; one that was made twice in one reply may come back once."""
    gone = [c for c in link.echo.calls if c.fate in _TAKEN]
    kept = {c.call.stands_for for c in link.echo.calls if c.fate not in _TAKEN}
    return [c for c in gone if c.call.stands_for not in kept]


class PartiallyReplayedToolCalls(Rule):
    """What an agent does that runs one call at a time."""

    name = "partially-replayed-tool-calls"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "some of a reply's parallel tool calls are missing from the next request"
    meaning = (
        "The reply made several calls; the next request gives back some of them and has taken the "
        "others out, so ids and results still balance and nothing looks wrong. The model sees "
        "itself doing less than it did, and must ask again for what it never got. It is no defect "
        "where the calls are spread over several assistant messages, or have other ids, nor where "
        "one call was made twice and comes back once. It is a note where only calls without "
        "readable arguments were taken out."
    )
    remedy = (
        "Send `parallel_tool_calls: false`, or tell the model to call one tool at a time; report "
        "it to the agent with both requests attached."
    )
    source = "gptme 0.35.1, tool format “tool”: the second of two parallel calls is removed"
    by_turn = True
    examples: ClassVar = (
        Example(
            "the reply's two calls come back in two assistant messages, each with its result",
            (
                step(TASK, BOTH),
                step(
                    (
                        *TASK,
                        assistant("I read both.", READ),
                        NOTES,
                        assistant(None, READ_TWO),
                        TABLE,
                    ),
                    WROTE,
                ),
            ),
        ),
        Example(
            "both calls under new ids",
            (
                step(TASK, BOTH),
                step(
                    (
                        *TASK,
                        assistant(
                            "I read both.",
                            call("x1", "read_file", path="notes.txt"),
                            call("x2", "read_file", path="data.csv"),
                        ),
                        tool("x1", "owner: Ada"),
                        tool("x2", "id,amount"),
                    ),
                    WROTE,
                ),
            ),
        ),
        Example(
            "one call was made twice, and comes back once",
            (
                step(TASK, assistant(None, READ, call("c2", "read_file", path="notes.txt"))),
                step((*TASK, assistant(None, READ), NOTES), WROTE),
            ),
        ),
        Example(
            "the second of two parallel calls is gone",
            (
                step(TASK, BOTH),
                step((*TASK, assistant("I read both.", READ), NOTES), WROTE),
            ),
            (Place(2, 2),),
        ),
        Example(
            "the first is gone in the second turn, and its result stays without a call",
            (
                step(TASK, BOTH),
                step((*TASK, BOTH, NOTES, TABLE), assistant(None, WRITE, READ)),
                step(
                    (
                        *TASK,
                        BOTH,
                        NOTES,
                        TABLE,
                        assistant(None, READ),
                        tool("c3", "Wrote 52 bytes."),
                        NOTES,
                        user("Go on."),
                    ),
                    DONE,
                ),
            ),
            (Place(3, 5),),
            also=("reused-tool-call-id",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link in judged(thread):
            if is_partial(link):
                yield self._finding(link)

    def _finding(self, link: Link) -> Finding:
        gone = _taken_out(link)
        calls = [c.call for c in gone]
        broken = all(malformed(call) for call in calls)
        return Finding(
            self.name,
            Severity.INFO if broken else self.severity,
            self.side,
            f"Request {link.child.exchange} gives back only {len(link.echo.calls) - len(gone)} of "
            f"the {times(len(link.echo.calls), 'call')} of exchange {link.parent.exchange}: its "
            f"{named(calls)} {'is' if len(calls) == 1 else 'are'} taken out, and the model never "
            "sees what came of it.",
            Place(link.child.exchange, standing_at(link.echo)),
            related=tuple(Place(link.parent.exchange, None, c.part) for c in gone),
            evidence=(
                *(quoted_call(link.parent, call) for call in calls[:3]),
                quoted_request(link.child, standing_at(link.echo)),
            ),
        )
