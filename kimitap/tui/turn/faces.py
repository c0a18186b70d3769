"""What each tab of the turn's screen shows, made from a recording; all of it runs in workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment

from kimitap.conversation import Turn
from kimitap.exchange import Exchange
from kimitap.lineage import Link, Thread
from kimitap.prompt import seen
from kimitap.rules.finding import Finding, Severity
from kimitap.tui.palette import BADGE, PLUS, STRONG
from kimitap.tui.source import View
from kimitap.tui.turn.bodies import reply_made, reply_text, request_made, request_text
from kimitap.tui.turn.headers import headers_made
from kimitap.tui.turn.json_entries import JsonEntry
from kimitap.tui.turn.messages import messages_made
from kimitap.tui.turn.prompt_blocks import prompt_blocks
from kimitap.tui.turn.raw_blocks import raw_blocks
from kimitap.tui.turn.tabs import OF_ANY, TABS
from kimitap.tui.turn.timings import timings_made
from kimitap.tui.widgets.entry import Path
from kimitap.tui.widgets.made import Made
from kimitap.tui.wishes import Tab
from kimitap.visible import visible

OUTLINES = ("messages", "request", "reply", "headers", "timings")
TEXTS = ("request-text", "reply-text", "wire", "prompt")
"""The faces, by what shows them: each tab has one, and JSON a second one as text."""
_FIELDS = ("messages", "input")


@dataclass(frozen=True)
class Readers:
    """How an exchange is read, and a turn with its prompt; both raise a `KimitapError`."""

    exchange: Callable[[int], Exchange]
    prompt: Callable[[int], Turn]


@dataclass(frozen=True)
class Place:
    """One exchange as a view has it: its thread, if it is a turn of one, and what was found."""

    number: int
    thread: Thread | None = None
    turn: Turn | None = None
    link: Link | None = None
    after: Link | None = None
    findings: tuple[Finding, ...] = ()
    other: Exchange | None = None
    """The exchange without its bodies, where it is no turn."""

    @property
    def tabs(self) -> Sequence[Tab]:
        """The tabs that there are of it."""
        return OF_ANY if self.turn is None else TABS

    def same(self, other: "Place") -> bool:
        """True where nothing new is known of it."""
        kept = self.turn is other.turn and self.link is other.link and self.after is other.after
        kept = kept and self.number == other.number and self.other is other.other
        return kept and self.findings == other.findings


def place_in(view: View, number: int) -> Place:
    """The exchange in the view."""
    for thread in view.threads:
        at = thread.place_of(number)
        if at is not None:
            found = tuple(f for f in view.findings if _speaks_of(f, number, thread))
            link, after = thread.links[at], thread.link_after(number)
            return Place(number, thread, thread.turns[at], link, after, found)
    return Place(number, other=next((o for o in view.others if o.number == number), None))


def _speaks_of(finding: Finding, number: int, thread: Thread) -> bool:
    if finding.thread not in {thread.name, ""}:
        return False
    return number in {finding.place.exchange, *(place.exchange for place in finding.related)}


def make(face: str, place: Place, readers: Readers, message: int | None) -> Made:
    """What a face shows; at `message` of the request, where the face has messages."""
    number = place.number
    match face:
        case "messages" if place.thread is not None:
            return messages_made(place.thread, number, place.findings, message)
        case "request":
            made = request_made(readers.exchange(number))
            return made if message is None else _at_message(made, place.turn, message)
        case "reply":
            return reply_made(readers.exchange(number), place.turn)
        case "request-text":
            return request_text(readers.exchange(number))
        case "reply-text":
            return reply_text(readers.exchange(number))
        case "headers":
            return headers_made(readers.exchange(number))
        case "timings":
            return timings_made(readers.exchange(number), place.turn, place.link)
        case "prompt":
            return _prompt(readers.prompt(number), message)
        case _:
            return _wire(readers.exchange(number))


def _at_message(made: Made, turn: Turn | None, message: int) -> Made:
    """The request opened at a message, where that is an element of its own."""
    at: Path | None = None
    indexes = turn.wire_indexes if turn is not None else ()
    index = indexes[message] if message < len(indexes) else message
    for i, entry in enumerate(made.entries):
        if not isinstance(entry, JsonEntry) or entry.key not in _FIELDS:
            continue
        if isinstance(entry.value, list) and 0 <= index < len(entry.value):
            at = (i, index)
    return Made(made.entries, told=made.told, at=at, text=made.text, suffix=made.suffix)


def _prompt(turn: Turn, message: int | None) -> Made:
    found = seen(turn, turn.reply.prompt)
    hidden = len(found.hidden)
    mark = Segment(f" ✗ {hidden} ABSENT ", BADGE[Severity.ERROR])
    size = Segment(f"  {len(turn.reply.prompt):,} characters", STRONG)
    told = (mark if hidden else Segment("✓ nothing absent", PLUS), size)
    blocks = list(prompt_blocks(turn, found))
    at = next((i for i, block in enumerate(blocks) if block.message == message), None)
    asked = None if message is None or at is None else (at,)
    return Made(blocks=blocks, told=told, at=asked, text=lambda: visible(turn.reply.prompt))


def _wire(exchange: Exchange) -> Made:
    blocks = list(raw_blocks(exchange))
    return Made(blocks=blocks, text=lambda: "\n".join(block.text for block in blocks) + "\n")
