"""A lone short first message that comes again, after the prompt or the tools changed a little.

Such a message proves nothing by itself ("hi"), and where the prompt has a clock in it, or one more
tool was declared, no two requests speak in one voice. Then the program, the connection, the time
and what stands in the reply's place have to tell that one request follows the other.
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from kimitap.conversation import Turn
from kimitap.lineage import Fate, Link
from kimitap.weave.keys import LIKENESS, Keys, plain
from kimitap.weave.kin import asks_aside, leading_systems, scoped, tools_alike
from kimitap.weave.prefixes import Candidate
from kimitap.weave.slot import ENOUGH
from kimitap.weave.strand import LATE, SLACK, Strand

SOON = timedelta(seconds=60)
WHILE = timedelta(minutes=10)
READ = 6_000
"""Characters of a prompt, from either end, that a comparison reads."""
WORDS = re.compile(r"\b(?!\d\d)\w+")
"""Words, without the figures of clocks and dates; "agent 1" is another than "agent 2"."""


def waiting(candidates: Iterable[Candidate], child: Strand) -> list[Candidate]:
    """The turns whose only message begins the request, and that nothing has followed yet: first
    ones with a good reply, and refused ones.

    Those of the same connection alone, if there are any: two users may open with the same words.
    """
    found = [one for one in candidates if _open(one, child)]
    near = [one for one in found if _on_line(one.strand.turn, child.turn)]
    return near or found


def goes_on(link: Link, keys: Keys) -> bool:
    """True where all that is known of two requests makes one follow the other.

    Where something of the reply came back, or a blank message stands for it, the prompts must be
    alike. Where nothing stands there, calls were lost, at once or on one connection, and nothing
    but figures may differ in the prompts: agents of one team may speak alike, and share a task.
    The same where the request was refused, and comes again with more of the user's words.
    """
    parent, child = link.parent, link.child
    if _refused(parent):
        return not link.echo.slot and _near(parent, child) and _likeness(parent, child, keys) == 1.0
    if _came_back(link) or _blank(link):
        return _likeness(parent, child, keys) >= LIKENESS
    if link.echo.slot or not parent.reply.message.tool_calls:
        return False
    return _near(parent, child) and _likeness(parent, child, keys) == 1.0


def _open(candidate: Candidate, child: Strand) -> bool:
    strand, turn = candidate.strand, candidate.strand.turn
    further = strand.depth < child.length or candidate.grown
    if candidate.covered or strand.depth != 1 or not further:
        return False
    if not strand.is_tip or not (_refused(turn) or (strand.is_first and _answered(turn))):
        return False
    since = child.turn.started_at - (turn.ended_at or turn.started_at)
    return (
        strand.over_before(child.turn, LATE if turn.reply.complete else SLACK)
        and since <= WHILE
        and scoped(turn, child.turn)
        and (turn.agent, turn.model) == (child.turn.agent, child.turn.model)
        and _one_host(turn, child.turn)
        and tools_alike(turn, child.turn)
        and not asks_aside(turn, child.turn)
    )


def _answered(turn: Turn) -> bool:
    return turn.succeeded and not turn.reply.empty


def _refused(turn: Turn) -> bool:
    """True where the server took the request and gave an error instead of a reply."""
    return (turn.status or 0) >= 400 and turn.reply.empty


def _near(parent: Turn, child: Turn) -> bool:
    since = child.started_at - (parent.ended_at or parent.started_at)
    return since <= SOON or _on_line(parent, child)


def _blank(link: Link) -> bool:
    slot = link.echo.slot
    return bool(slot) and all(link.child.messages[index].blank for index in slot)


def _came_back(link: Link) -> bool:
    """True where the request holds a call of the reply, be it as text, or the reply's words."""
    if any(call.fate is not Fate.GONE for call in link.echo.calls):
        return True
    told = len(plain(link.parent.reply.message.text)) >= ENOUGH
    return told and link.echo.text is Fate.SAME


def _on_line(one: Turn, other: Turn) -> bool:
    return bool(one.client) and one.client == other.client


def _one_host(one: Turn, other: Turn) -> bool:
    """True unless the two are known to come from two machines."""
    if not one.client or not other.client:
        return True
    return one.client.rpartition(":")[0] == other.client.rpartition(":")[0]


def _likeness(one: Turn, other: Turn, keys: Keys) -> float:
    """How alike two prompts are, from 0 to 1, figures and volatile spans left out."""
    a, b = one.messages[: leading_systems(one)], other.messages[: leading_systems(other)]
    if keys.same(a, b):
        return 1.0
    ours, theirs = (
        Counter(WORDS.findall(_ends(plain("\n".join(m.text for m in side))))) for side in (a, b)
    )
    total = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / total if a and b and total else 0.0


def _ends(text: str) -> str:
    return text if len(text) <= 2 * READ else f"{text[:READ]} {text[-READ:]}"
