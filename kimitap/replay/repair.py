"""Putting back what a request lost: a reply that the agent left out, a result that it never sent.

If the model then goes on instead of asking the same again, the loss was the cause.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kimitap.conversation import Message, ToolCall, Turn
from kimitap.errors import UsageError
from kimitap.lineage import EchoKind, Fate, Link, Session, Thread
from kimitap.replay.spelling import SPELLERS, respelled

PLACEHOLDER = "(no output was recorded)"
"""What stands for a result that the agent never sent, unless the user gives another text."""


@dataclass(frozen=True)
class Result:
    """A call's result as it is put back, and where it was found: exchange None for nowhere."""

    call: ToolCall
    text: str
    exchange: int | None = None


@dataclass(frozen=True)
class Gap:
    """What a request lacks: the reply of an exchange, or only results of calls that it has.

    `at` is the index among the request's messages where it goes, `slot` the messages in whose place
    it goes. `results` are those that are put back with it.
    """

    at: int
    slot: tuple[int, ...] = ()
    exchange: int | None = None
    reply: Message | None = None
    results: tuple[Result, ...] = field(default_factory=tuple)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return self.reply.tool_calls if self.reply else tuple(r.call for r in self.results)


def gaps(session: Session, exchange: int, result: str | None = None) -> tuple[Gap, ...]:
    """What the request of an exchange lost, in its order; `result` stands for unknown results.

    A call's result is looked for in all requests of the session. Raises `UsageError` where the
    request lost nothing that this recording has.
    """
    thread = next((t for t in session.threads if t.place_of(exchange) is not None), None)
    if thread is None:
        raise UsageError(f"exchange {exchange} is in no conversation: nothing can be put back")
    at = thread.place_of(exchange) or 0
    turn = thread.turns[at]
    told = _Results(session, result)
    if turn.dialect not in SPELLERS:
        raise UsageError(f"replies cannot be put back into requests of {turn.dialect}")
    found = {gap.at: gap for gap in _lost_replies(thread, at, told)}
    replaced = {index for gap in found.values() for index in gap.slot}
    for gap in _lost_results(turn, told):
        if gap.at - 1 not in replaced:
            found.setdefault(gap.at, gap)
    if not found:
        raise UsageError(_nothing(thread, exchange))
    return tuple(found[index] for index in sorted(found))


def repaired(turn: Turn, body: bytes, lacking: Sequence[Gap]) -> bytes:
    """The body of the turn's request with the gaps filled. Raises `UsageError` where one cannot."""
    return respelled(turn, body, [(g.at, g.slot, g.reply, _texts(g)) for g in lacking])


def _texts(gap: Gap) -> list[tuple[ToolCall, str]]:
    return [(result.call, result.text) for result in gap.results]


def _nothing(thread: Thread, exchange: int) -> str:
    told = f"request {exchange} lacks nothing that this recording has: there is nothing to put back"
    after = thread.link_after(exchange)
    if after is not None and _is_lost(after):
        told += f"; its reply is lost in request {after.child.exchange}: replay that one"
    return told


def _lost_replies(thread: Thread, at: int, told: "_Results") -> Iterator[Gap]:
    """The replies before the turn at `at` that its request still lacks."""
    messages = thread.turns[at].messages
    for i in range(1, at + 1):
        link = thread.links[i]
        if link is None or not _is_lost(link):
            continue
        spot = _spot(link, [later for later in thread.links[i + 1 : at + 1] if later])
        if spot is None:
            continue
        place, slot = spot
        reply = link.parent.reply.message
        if any(_holds(messages[index], reply) for index in slot):
            continue
        known = _answered(messages, slot[-1] + 1 if slot else place)
        missing = [call for call in reply.tool_calls if call.id is None or call.id not in known]
        results = tuple(told.of(call, link.parent) for call in missing)
        yield Gap(place, slot, link.parent.exchange, reply, results)


def _is_lost(link: Link) -> bool:
    """True where the request owes a sound reply, and lacks some of its calls, or its text."""
    if not link.judged or link.parent.reply.empty:
        return False
    echo = link.echo
    if any(call.fate in (Fate.GONE, Fate.AS_TEXT) for call in echo.calls):
        return True
    slot = [link.child.messages[index] for index in echo.slot]
    gone = echo.kind in (EchoKind.MISSING, EchoKind.BLANKED) and not echo.calls
    return gone and all(message.blank for message in slot)


def _holds(message: Message, reply: Message) -> bool:
    """True where a message has all the calls of a reply, or the text of one without any."""
    calls = {call.stands_for for call in message.tool_calls}
    if reply.tool_calls:
        return all(call.stands_for in calls for call in reply.tool_calls)
    return message.text.strip() == reply.text.strip()


def _spot(link: Link, later: Sequence[Link]) -> tuple[int, tuple[int, ...]] | None:
    """Where the lost reply goes in the last of the later requests: the index, and its slot."""
    slot = [_carried(index, later) for index in link.echo.slot]
    if slot:
        kept = tuple(index for index in slot if index is not None)
        return (kept[0], kept) if len(kept) == len(slot) else None
    if not link.echo.place:
        return 0, ()
    before = _carried(link.echo.place - 1, later)
    return None if before is None else (before + 1, ())


def _carried(index: int, links: Sequence[Link]) -> int | None:
    """Where a message of one request stands in the last of those that follow it."""
    for link in links:
        if index < link.prefix:
            continue
        found = next((pair.new for pair in link.pairs if pair.old == index), None)
        if found is None:
            return None
        index = found
    return index


def _lost_results(turn: Turn, told: "_Results") -> Iterator[Gap]:
    """The calls in the request that have no result behind them."""
    for i, message in enumerate(turn.messages):
        known = _answered(turn.messages, i + 1)
        missing = [call for call in message.tool_calls if call.id and call.id not in known]
        if missing:
            results = tuple(told.of(call, turn) for call in missing)
            yield Gap(i + 1, results=results)


def _answered(messages: Sequence[Message], start: int) -> set[str | None]:
    """The ids of the results that stand in a row from `start` on."""
    known: set[str | None] = set()
    for message in messages[start:]:
        if message.role != "tool":
            break
        known |= {result.call_id for result in message.tool_results}
    return known


class _Results:
    """The results that the requests of a session tell; `given` is for those that none does."""

    def __init__(self, session: Session, given: str | None) -> None:
        turns = (turn for thread in session.threads for turn in thread.turns)
        self._turns = sorted(turns, key=lambda turn: turn.exchange)
        self._given = PLACEHOLDER if given is None else given

    def of(self, call: ToolCall, maker: Turn) -> Result:
        """The call's result: as its own request or a later one has it, else as it is given."""
        for turn in self._turns:
            if turn.exchange >= maker.exchange and turn.replay_of is None:
                text = _told(turn.messages, call)
                if text is not None:
                    return Result(call, text, turn.exchange)
        return Result(call, self._given)


def _told(messages: Sequence[Message], call: ToolCall) -> str | None:
    """The result that stands behind this call; or one that carries its id behind no call."""
    owners: Mapping[str | None, ToolCall] = {}
    for message in messages:
        if message.tool_calls:
            owners = {one.id: one for one in message.tool_calls}
        for result in message.tool_results:
            owner = owners.get(result.call_id)
            same = owner.stands_for == call.stands_for if owner else bool(result.call_id)
            if result.call_id == call.id and same:
                return result.text
    return None
