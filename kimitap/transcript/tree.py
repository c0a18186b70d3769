"""A session's threads as a tree: where a history left another, and where it was cut short.

Drawn as `git log --graph` draws branches: a thread hangs below the one that it left, in the order
of the turns at which threads were left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kimitap.lineage import Link, Mark, Relation, Session, Thread
from kimitap.transcript.starters import Starter, starters
from kimitap.transcript.task import task_of
from kimitap.transcript.wording import plural
from kimitap.visible import one_line

DEEPEST = 8
"""Levels that are indented; what left a thread deeper than that stands at this one."""
_EVENTS = {Relation.COMPACTION, Relation.WINDOW}
_LEAVING = {Relation.FORK, Relation.HANDOFF}


class BranchKind(StrEnum):
    """What a line of the tree is."""

    THREAD = "thread"
    EVENT = "event"
    """A compaction, or a window that slid: the thread goes on with less."""
    ASIDES = "asides"
    """All side requests of the session, folded."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the tree. `lead` is what is drawn before it; the words are one line and clean.

    `exchange` is where the line leads. `threads` are those that it speaks of: one, or the folded.
    """

    kind: BranchKind
    lead: str
    threads: tuple[Thread, ...]
    exchange: int
    title: str
    text: str = ""
    task: str = ""
    """The first words of what was asked, for a thread."""
    inside: bool = False
    """True for one of several side requests: it is shown once their common line is unfolded."""

    @property
    def thread(self) -> Thread:
        return self.threads[0]


@dataclass(frozen=True, slots=True)
class _Node:
    """A line that is not drawn yet: `at` is the index of the parent's turn at which it stands."""

    at: int
    branch: Branch


def branches(session: Session) -> Iterator[Branch]:
    """The lines of a session's tree, top to bottom; several side requests have a line in common."""
    began = starters(session)
    sides = [thread for thread in session.threads if thread.kind == "side"]
    others = [thread for thread in session.threads if thread.kind != "side"]
    below: dict[int, list[_Node]] = {thread.number: _events(thread) for thread in others}
    roots: list[_Node] = []
    for thread in others:
        parent, at, branch = _placed(thread, others, began.get(thread.number))
        (roots if parent is None else below[parent.number]).append(_Node(at, branch))
    if len(sides) == 1:
        roots.append(_Node(0, _thread(sides[0])))
    elif sides:
        roots.append(_Node(0, _asides(sides)))
        folded = [replace(_thread(side), inside=True) for side in sides]
        below[sides[0].number] = [_Node(i, branch) for i, branch in enumerate(folded)]
    yield from _drawn(roots, below)


def _drawn(roots: Sequence[_Node], below: dict[int, list[_Node]]) -> Iterator[Branch]:
    waiting = [("", node, i == len(roots) - 1) for i, node in enumerate(roots)][::-1]
    while waiting:
        before, node, last = waiting.pop()
        branch = node.branch
        event = branch.kind is BranchKind.EVENT
        joint = "┼ " if event else "╰─ " if last else "├─ "
        yield replace(branch, lead=before + joint)
        if event or branch.inside:
            continue
        number = branch.thread.number
        nodes = sorted(below.get(number, ()), key=lambda n: (n.at, n.branch.exchange))
        deeper = before + ("   " if last else "│  ")
        deeper = deeper if len(deeper) <= 3 * DEEPEST else before
        waiting += [(deeper, n, i == len(nodes) - 1) for i, n in enumerate(nodes)][::-1]


def _placed(
    thread: Thread, others: Sequence[Thread], starter: Starter | None
) -> tuple[Thread | None, int, Branch]:
    """The thread that this one left, the index of the turn where it did, and its line."""
    link = thread.links[0]
    left = link.parent.exchange if link and link.relation in _LEAVING else None
    told = _left(link) if link and left is not None else ("", "")
    if starter is not None and left is None:
        left = starter.exchange
        told = f"of #{left}", f"by {one_line(starter.tool, 40)}"
    for parent in others if left is not None else ():
        at = parent.place_of(left or 0)
        if at is not None and parent is not thread:
            return parent, at, _thread(thread, *told)
    return None, 0, _thread(thread)


def _left(link: Link) -> tuple[str, str]:
    """How a thread left another: the place, and how much of the history it kept."""
    at = f"at #{link.parent.exchange}"
    if link.relation is Relation.HANDOFF:
        return at, "the reply is another agent's input"
    kept = link.prefix + sum(pair.mark is Mark.SAME for pair in link.pairs)
    history = len(link.parent.messages) + bool(link.parent.reply.message.parts)
    if kept >= history:
        return at, f"all {plural(history, 'message')} kept"
    return at, f"{kept} of {plural(history, 'message')} kept"


def _thread(thread: Thread, place: str = "", text: str = "") -> Branch:
    title = " ".join(w for w in (thread.name, one_line(thread.kind, 20), place) if w)
    words = [text] if text else []
    words += ["resumed"] if thread.resumed else []
    return Branch(
        BranchKind.THREAD,
        "",
        (thread,),
        thread.number,
        title,
        " · ".join(words),
        task_of(thread),
    )


def _asides(sides: Sequence[Thread]) -> Branch:
    text = plural(len(sides), "side request")
    return Branch(BranchKind.ASIDES, "", tuple(sides), sides[0].number, text)


def _events(thread: Thread) -> list[_Node]:
    """Where the thread's history was cut short; windows that slide turn by turn are one line."""
    out: list[_Node] = []
    run: list[tuple[int, Link]] = []
    for at, link in enumerate(thread.links):
        if at and link is not None and link.relation in _EVENTS:
            if run and run[-1][1].relation is not link.relation:
                out.append(_event(thread, run))
                run = []
            run.append((at, link))
            if link.relation is Relation.COMPACTION:
                out.append(_event(thread, run))
                run = []
    if run:
        out.append(_event(thread, run))
    return out


def _event(thread: Thread, run: Sequence[tuple[int, Link]]) -> _Node:
    (at, link), last = run[0], run[-1][1]
    gone = sum(pair.mark is Mark.GONE for _, one in run for pair in one.pairs)
    messages = plural(gone, "message")
    said = {
        Relation.COMPACTION: f"{messages} gave way to a summary",
        Relation.WINDOW: f"{messages} fell out",
    }[link.relation]
    times = f", {len(run)} times" if len(run) > 1 else ""
    to = f" to #{last.child.exchange}" if len(run) > 1 else ""
    title = f"#{link.child.exchange}{to} {link.relation}"
    branch = Branch(BranchKind.EVENT, "", (thread,), link.child.exchange, title, f"{said}{times}")
    return _Node(at, branch)
