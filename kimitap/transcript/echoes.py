"""How a reply came back, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from kimitap.lineage import CallEcho, Echo, EchoKind, Fate, Link, Relation
from kimitap.transcript.wording import plural
from kimitap.visible import one_line

NAMED = 3
"""Calls that are named; of more, the number is told."""
SUPERSEDED = {
    Relation.RETRY: "asked for once more in #{n}",
    Relation.FORK: "left behind by a fork, #{n}",
    Relation.COMPACTION: "gave way to a summary in #{n}",
    Relation.WINDOW: "superseded by a window that slid, in #{n}",
    Relation.HANDOFF: "handed over to another agent, #{n}",
}


MARKS = {
    EchoKind.SAME: "✓",
    EchoKind.ALTERED: "≠",
    EchoKind.PARTIAL: "◐",
    EchoKind.FLATTENED: "¶",
    EchoKind.BLANKED: "□",
    EchoKind.MISSING: "∅",
    EchoKind.STORED: "⇡",
    EchoKind.SUPERSEDED: "↷",
}


@dataclass(frozen=True, slots=True)
class EchoMark:
    """What stands at a reply to say how it came back. `words` is the whole story on one line.

    `kept` is False where the next request owed the reply, and did not give it back as it was.
    """

    kind: EchoKind
    words: str
    kept: bool

    @property
    def short(self) -> str:
        """A symbol and a word: `≠ altered`."""
        return f"{MARKS[self.kind]} {self.kind}"

    @property
    def long(self) -> str:
        """`≠ altered in #12: its text changed`."""
        return f"{MARKS[self.kind]} {self.words}"


def echo_mark(link: Link | None) -> EchoMark | None:
    """The mark of a reply by the link after its turn; None where nothing followed."""
    if link is None or not link.parent.reply.message.parts:
        return None
    kind = link.echo.kind
    kept = not link.judged or kind in {EchoKind.SAME, EchoKind.STORED, EchoKind.SUPERSEDED}
    return EchoMark(kind, echo_words(link), kept)


def echo_words(link: Link | None) -> str:
    """How the next request gives the reply back, on one line: `altered in #12: …`.

    `link` is the one after the reply's turn (`Thread.link_after`); None: nothing followed.
    """
    if link is None:
        return "nothing followed"
    number, echo = link.child.exchange, link.echo
    if echo.kind is EchoKind.SUPERSEDED:
        told = SUPERSEDED.get(link.relation, "superseded in #{n}")
        return told.format(n=number)
    words = _kind(link).format(n=number)
    details = "; ".join(_details(echo))
    return f"{words}: {details}" if details else words


def _kind(link: Link) -> str:
    match link.echo.kind:
        case EchoKind.SAME:
            return "given back in #{n}"
        case EchoKind.ALTERED:
            return "altered in #{n}"
        case EchoKind.PARTIAL:
            return "given back in part in #{n}"
        case EchoKind.FLATTENED:
            return "its calls written as text in #{n}"
        case EchoKind.BLANKED:
            return "blanked in #{n}"
        case EchoKind.STORED:
            return "kept by the server for #{n}"
    if not link.parent.succeeded:
        return "left out of #{n}, since it failed"
    empty = link.parent.reply.empty
    return "left out of #{n}, being empty" if empty else "missing from #{n}"


def _details(echo: Echo) -> Iterator[str]:
    if echo.kind not in (EchoKind.MISSING, EchoKind.BLANKED):
        if echo.text is Fate.GONE:
            yield "its text left out"
        elif echo.text is Fate.CHANGED:
            yield "its text changed"
        yield from _calls(echo, Fate.GONE, "left out")
        if echo.kind is not EchoKind.FLATTENED:
            yield from _calls(echo, Fate.AS_TEXT, "written as text")
        yield from (_changed(i, call) for i, call in enumerate(echo.calls, 1) if _differs(call))
    if echo.reasoning is Fate.GONE and echo.slot:
        yield "its reasoning left out"
    elif echo.reasoning is Fate.CHANGED:
        yield "its reasoning changed"
    rewritten = sum(call.fate is Fate.SAME and "id" in call.changes for call in echo.calls)
    if rewritten:
        yield f"{plural(rewritten, 'id')} rewritten"
    if len(echo.slot) > 1:
        yield f"in {len(echo.slot)} messages"


def _differs(call: CallEcho) -> bool:
    return call.fate is Fate.CHANGED


def _calls(echo: Echo, fate: Fate, what: str) -> Iterator[str]:
    """`call read_file left out`, or how many of how many."""
    found = [call.call.name for call in echo.calls if call.fate is fate]
    if not found:
        return
    if len(found) > NAMED:
        yield f"{len(found)} of {plural(len(echo.calls), 'call')} {what}"
        return
    names = ", ".join(one_line(name, 60) or "without a name" for name in found)
    yield f"call{'s' if len(found) > 1 else ''} {names} {what}"


def _changed(number: int, call: CallEcho) -> str:
    """`call 2 write_file with other arguments`, and the new name where it has one."""
    what = []
    if call.new is not None and "name" in call.changes:
        what.append(f"renamed {one_line(call.new.name, 60) or '(nothing)'}")
    if "arguments" in call.changes:
        what.append("with other arguments")
    if "id" in call.changes:
        what.append("with another id")
    return f"call {number} {one_line(call.call.name, 60)} {', '.join(what) or 'changed'}"
