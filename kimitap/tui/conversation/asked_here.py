"""What a key asks of the app at the row where the cursor stands; None where it makes no sense."""

from collections.abc import Sequence

from kimitap.lineage import Session, Thread
from kimitap.places import PlaceWord
from kimitap.transcript import Kind, Row
from kimitap.tui.conversation.contents import ALONE, Node, NodeKind
from kimitap.tui.conversation.reading import link_for, links_of
from kimitap.tui.source import View
from kimitap.tui.wishes import Copy, OpenText, ShowDiff, ShowTurn, Tab, WriteReport


def no_turn_at(node: Node | None, shown: Thread | None) -> str:
    """Why a line of the left pane is no turn, and what to do; empty where it is one, or beside the
    row of the conversation that is `shown`."""
    match node:
        case Node(kind=NodeKind.SESSION | NodeKind.THREAD):
            here = shown is not None and node.number == shown.number
            if here and node.kind is NodeKind.THREAD:
                return ""
            return f"This is a {node.kind}: go to one of its turns."
        case Node(kind=NodeKind.OTHERS):
            return "These are in no conversation: v shows one of them, c copies it as curl."
        case Node() if node.kind in ALONE:
            return f"#{node.number} is in no conversation: v shows it, c copies it as curl."
    return ""


def diff_at(thread: Thread, row: Row) -> ShowDiff | None:
    """The pair that the row belongs to; None where no later request continues the turn."""
    links, link = links_of(thread), link_for(thread, row)
    return None if link is None else ShowDiff(links, links.index(link))


def turn_at(row: Row, tab: str) -> ShowTurn:
    """The row's exchange, at its message."""
    return ShowTurn(row.exchange, Tab(tab), row.message_index)


def report_at(thread: Thread, row: Row) -> WriteReport:
    """The report on the row's worst finding, else on the pair that the row belongs to."""
    link = link_for(thread, row)
    found = max(row.findings, key=lambda finding: finding.severity.rank, default=None)
    return WriteReport(link.parent.exchange if link else row.exchange, found)


def copy_at(row: Row) -> Copy:
    """All that the row says, unfolded."""
    return Copy(row.body or row.text, what_of(row))


def text_at(row: Row) -> OpenText:
    """The same for an editor."""
    suffix = ".json" if row.kind in {Kind.TOOLS, Kind.OTHER} else ".md"
    return OpenText(row.body or row.text, suffix)


def what_of(row: Row) -> str:
    """What the row is, in a word or two: `USER of #3`."""
    name = row.role or row.title or row.kind.value
    return f"{name} of #{row.exchange}"


def place_copied(view: View, exchange: int, message: int | None) -> Copy:
    """A place in the words of `check`: `exchange 3, message 3; s1 t1`."""
    words = f"exchange {exchange}"
    if message is not None:
        words += f", message {message}"
    for session in view.sessions:
        for thread in session.threads:
            if thread.place_of(exchange) is not None:
                words += f"; {session.name} {thread.name}"
    return Copy(words, "the place")


def place_of(node: Node, session: Session | None) -> Copy:
    """The place of a line of the left pane in the same words."""
    name = f"{session.name} " if session else ""
    match node.kind:
        case NodeKind.SESSION:
            words = name.strip()
        case NodeKind.THREAD:
            words = f"{name}t{node.number}"
        case NodeKind.TURN:
            words = f"exchange {node.number}; {name}t{node.thread}"
        case _:
            words = f"exchange {node.number}"
    return Copy(words, "the place")


def session_of(node: Node, sessions: Sequence[Session]) -> Session | None:
    """The session of a line of the left pane; None where it is in none."""
    wanted = node.number if node.kind is NodeKind.SESSION else node.thread
    for session in sessions:
        if node.kind is NodeKind.SESSION and session.number == wanted:
            return session
        if node.kind is not NodeKind.SESSION and any(t.number == wanted for t in session.threads):
            return session
    return None


def marked_at(node: Node | None, row: Row | None) -> PlaceWord | None:
    """What `m` marks: what stands at the cursor of the left pane, else the row's turn."""
    if node is None:
        return None if row is None else PlaceWord("", row.exchange)
    kind = {NodeKind.SESSION: "s", NodeKind.THREAD: "t", NodeKind.TURN: ""}.get(node.kind)
    return None if kind is None else PlaceWord(kind, node.number)
