"""The declared tools are other ones than in the request before."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Tool, Turn
from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, TOOLS, WRITTEN, WROTE, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.price import total
from kimitap.rules.replay.changed_system import LISTED, continued
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import around, cut, fact, times

NAMED = 6
"""Tools that are named; the rest is a number."""


def tools_changed(link: Link) -> bool:
    """True where one of two requests that follow each other declares other tools."""
    old, new = link.parent.tools, link.child.tools
    return old is not new and old != new


def last_words(thread: Thread) -> set[int]:
    """The exchanges after which a conversation ends or gives way to a summary.

    Without tools they ask for that summary, or for a final answer.
    """
    links = (link for link in thread.links if link is not None)
    before = {link.parent.exchange for link in links if link.relation is Relation.COMPACTION}
    return before | {thread.turns[-1].exchange}


def how_changed(old: Sequence[Tool], new: Sequence[Tool]) -> str:
    """What is other: names that went (-) or came (+), their order, or a declaration."""
    gone = [tool.name for tool in old if tool.name not in {t.name for t in new}]
    come = [tool.name for tool in new if tool.name not in {t.name for t in old}]
    signed = [*(f"-{name}" for name in gone), *(f"+{name}" for name in come)]
    if signed:
        more = f" and {len(signed) - NAMED} more" if len(signed) > NAMED else ""
        return ", ".join(signed[:NAMED]) + more
    if sorted(tool.json for tool in old) == sorted(tool.json for tool in new):
        return "their order"
    return f"the declaration of {', '.join(t.name for _, t in _redeclared(old, new))}"


def _redeclared(old: Sequence[Tool], new: Sequence[Tool]) -> list[tuple[Tool, Tool]]:
    """The tools of one name whose declarations differ, before and after."""
    known = {tool.name: tool for tool in old}
    pairs = [(known[tool.name], tool) for tool in new if tool.name in known]
    return [(a, b) for a, b in pairs if a.json != b.json][:NAMED]


SHUFFLED = [TOOLS[1], TOOLS[0], *TOOLS[2:]]
FEWER = list(TOOLS[:2])


class ChangedTools(Rule):
    """One note a thread, with the number of requests."""

    name = "changed-tools"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "the declared tools change within a conversation"
    meaning = (
        "A request continues the one before it with other tools: one more, one less, another "
        "description, or only another order. Templates write the tools before everything else, so "
        "the server must read the whole prompt again; what that cost is told where the server "
        "counts. It is one note a thread. It is no defect where the history was compacted or "
        "rewound, where a last request asks for a summary without any tools, nor where another "
        "conversation has other tools; the order of a declaration's keys does not count."
    )
    remedy = (
        "Look for tools that come and go (MCP servers that connect late, modes), and for lists "
        "that are not sorted: update the agent or that MCP server."
    )
    source = (
        "https://github.com/langchain-ai/deepagents/pull/2497, "
        "https://github.com/can1357/oh-my-pi/pull/890"
    )
    examples: ClassVar = (
        Example(
            "a declaration with its keys in another order",
            (
                step(TASK, ASKED),
                step(
                    (*TASK, ASKED, NOTES),
                    DONE,
                    tools=[dict(reversed(list(tool.items()))) for tool in TOOLS],
                ),
            ),
        ),
        Example(
            "a title is asked for without tools",
            (
                step(TASK, ASKED),
                step(
                    (TASK[0], user("Write a title for: Read notes.txt, then write summary.md.")),
                    DONE,
                    tools=[],
                ),
                step((*TASK, ASKED, NOTES), DONE),
            ),
        ),
        Example(
            "a tool is gone, and comes back: one note",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE, tools=FEWER),
                step((*TASK, ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(2),),
        ),
        Example(
            "only their order is another",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), DONE, tools=SHUFFLED),
            ),
            (Place(2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        links = continued(thread)
        found = [link for link in links if tools_changed(link)]
        ends = last_words(thread)
        found = [link for link in found if link.child.tools or link.child.exchange not in ends]
        if found:
            yield self._finding(found, len(links))

    def _finding(self, found: Sequence[Link], requests: int) -> Finding:
        first = found[0]
        spent = total(found)
        often = f" (in {len(found)} of {times(requests, 'request')})" if requests > 1 else ""
        cost = f"; the server read {spent} again" if spent else ""
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {first.child.exchange} declares other tools than request "
            f"{first.parent.exchange}{often}: {how_changed(first.parent.tools, first.child.tools)}"
            f"{cost}.",
            Place(first.child.exchange),
            related=tuple(Place(link.child.exchange) for link in found[1:LISTED]),
            evidence=tuple(_quotes(first.parent, first.child)),
        )


def _quotes(parent: Turn, child: Turn) -> Iterator[Evidence]:
    """A declaration before and after; else the names in their order."""
    redeclared = _redeclared(parent.tools, child.tools)
    if redeclared:
        old, new = around(redeclared[0][0].json, redeclared[0][1].json)
        yield Evidence(parent.exchange, cut(old))
        yield Evidence(child.exchange, cut(new))
        return
    for turn in (parent, child):
        yield fact(turn, ", ".join(tool.name for tool in turn.tools) or "no tools")
