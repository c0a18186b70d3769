"""What one request still carried and the next does not: in which places, and by whose way."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kimitap.conversation import Message, ToolCall, ToolResult
from kimitap.lineage import EchoKind, Link, Relation, Session, Thread
from kimitap.rules.gaps import Differences, Gap, bare, differences, lost_calls, says_nothing
from kimitap.rules.stand_ins import is_summed_up

HEAD = 2
"""Messages after the system prompt behind which a window takes out the oldest."""
MOVING = (Relation.CONTINUES, Relation.WINDOW, Relation.REBUILT)
STEPS = 2
"""Times that the oldest messages go away, which make a window."""


@dataclass(frozen=True)
class Dropped:
    """What a request misses in one place: messages as a whole, or calls out of one."""

    link: Link
    at: int
    gone: tuple[int, ...]
    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    summed_up: bool = False
    """New messages in their place tell of them."""

    @property
    def messages(self) -> list[Message]:
        return [self.link.parent.messages[i] for i in self.gone]

    @property
    def grave(self) -> bool:
        """True where a turn with calls, or a result, is among it."""
        return bool(self.calls or self.results)


def drops(link: Link, window: bool = False) -> Iterator[Dropped]:
    """What the request no longer holds, in order of its places.

    `window`: the oldest messages may go.
    """
    if link.relation not in (Relation.CONTINUES, Relation.REBUILT):
        return
    found = differences(link)
    if link.relation is Relation.REBUILT and not is_clean_cut(found, link):
        return
    yield from _joined(sorted(_each(link, found, window), key=lambda drop: drop.gone))


def _each(link: Link, found: Differences, window: bool) -> Iterator[Dropped]:
    """What is gone, gap by gap, then turn by turn."""
    others = [*found.fresh, *(edit.new for edit in found.edits)]
    for gap in found.gaps:
        several = turns_in(gap, link) > 1 and not is_whole_task(gap, link)
        slid = slides(gap, link) and (window or several)
        gone = None if slid else _lost(link, gap, others)
        if gone is not None:
            yield replace(gone, summed_up=is_summed_up(gap, link, found.fresh))
    for edit in found.edits:
        old, new = link.parent.messages[edit.old], link.child.messages[edit.new]
        calls = lost_calls(old, link, others)
        if len(new.tool_calls) < len(old.tool_calls) and calls:
            yield Dropped(link, edit.new, (edit.old,), tuple(calls), ())


def _joined(found: Iterable[Dropped]) -> Iterator[Dropped]:
    """What is gone, the results of a turn's calls together with the calls: it is one turn."""
    before: Dropped | None = None
    for drop in found:
        made = {call.id for call in before.calls} if before else set[str | None]()
        theirs = bool(drop.results) and all(result.call_id in made for result in drop.results)
        if before and theirs and not drop.calls and drop.gone[0] == before.gone[-1] + 1:
            before = replace(
                before,
                gone=(*before.gone, *drop.gone),
                results=(*before.results, *drop.results),
                summed_up=before.summed_up and drop.summed_up,
            )
            continue
        if before:
            yield before
        before = drop
    if before:
        yield before


def is_clean_cut(found: Differences, link: Link) -> bool:
    """True where nothing came instead of what is gone: the rest is as it was, the reply included.

    Else the agent writes its whole prompt anew each time. A turn that was blanked is gone.
    """
    slot = link.echo.slot
    kept = link.echo.kind is EchoKind.SAME and bool(slot)
    written = (edit for edit in found.edits if not link.child.messages[edit.new].blank)
    return kept and not any(written) and all(i > slot[-1] for i in found.fresh)


def _lost(link: Link, gap: Gap, others: Sequence[int]) -> Dropped | None:
    """What of a gap is lost: neither blank, nor said or answered elsewhere in the request."""
    near = [*others, *range(max(gap.at - 4, 0), min(gap.at + 4, len(link.child.messages)))]
    given = {r.call_id for i in near for r in link.child.messages[i].tool_results if r.call_id}
    texts = [bare(link.child.messages[i].text) for i in near]
    gone, calls, results = list[int](), list[ToolCall](), list[ToolResult]()
    for i in gap.gone:
        old = link.parent.messages[i]
        missing = lost_calls(old, link, near)
        lacking = [r for r in old.tool_results if r.call_id not in given]
        said = bool(old.tool_calls or old.tool_results) or any(bare(old.text) in t for t in texts)
        if missing or lacking or not (said or says_nothing(old)):
            gone.append(i)
            calls += missing
            results += lacking
    if not gone:
        return None
    return Dropped(link, gap.at, tuple(gone), tuple(calls), tuple(results))


def slides(gap: Gap, link: Link) -> bool:
    """True where the oldest messages went away in one run, as those before a window do."""
    messages, gone = link.parent.messages, gap.gone
    first = next((i for i, m in enumerate(messages) if m.role != "system"), 0)
    return gone[0] - first < HEAD and gone[-1] - gone[0] == len(gone) - 1


def drops_at(thread: Thread, position: int) -> list[Dropped]:
    """Those of the request at an index of the thread."""
    link = thread.links[position]
    return [] if link is None else list(drops(link))


def is_whole_task(gap: Gap, link: Link) -> bool:
    """True where all calls and results are gone that an answer came of, and the answer is kept.

    A window keeps the latest; chat clients whose history is text only keep none.
    """
    messages, reply = link.parent.messages, link.parent.reply.message
    if gap.gone[-1] != len(messages) - 1 or reply.tool_calls or link.echo.kind is not EchoKind.SAME:
        return False
    if not all(messages[i].role == "assistant" or messages[i].tool_results for i in gap.gone):
        return False
    said = bare(reply.text)
    return all(bare(link.child.messages[i].text) in said for i in link.echo.slot)


def turns_in(gap: Gap, link: Link) -> int:
    """How many turns of the model are among what is gone."""
    return sum(link.parent.messages[i].role == "assistant" for i in gap.gone)


def is_window(session: Session) -> bool:
    """True where the oldest messages went away again and again, in whichever of its threads: an
    attempt that failed, or going back, makes two of one."""
    links = (link for thread in session.threads for link in thread.links if link is not None)
    steps = 0
    for link in links:
        if link.relation in MOVING:
            gaps = differences(link).gaps
            steps += link.relation is Relation.WINDOW or any(slides(gap, link) for gap in gaps)
    return steps >= STEPS


def is_reminder(dropped: Dropped) -> bool:
    """True where only what stood at the end of the request, from the agent, is gone."""
    end = len(dropped.link.parent.messages)
    run = range(end - len(dropped.gone), end)
    ours = all(message.role in ("user", "system") for message in dropped.messages)
    return ours and dropped.gone == tuple(run) and not dropped.grave
