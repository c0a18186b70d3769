"""Sessions ready to be told: woven and checked from exchanges as they are to be told.

Weaving and rules say of redacted exchanges what they say of the recorded ones; so nothing that was
masked comes back in a finding's quote.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kimitap.conversation import Turn
from kimitap.dialects import Memo, decode
from kimitap.exchange import Exchange
from kimitap.interchange.bodies import origin_of
from kimitap.lineage import Session, Thread
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding
from kimitap.weave import Weaver


@dataclass(frozen=True)
class Told:
    """One session, the threads that are wanted of it, and the findings in them.

    `seed` names the session wherever its recording is copied to; `origins` name each exchange, by
    its number, and `addresses` are host and port that it was sent to.
    """

    session: Session
    threads: tuple[Thread, ...]
    findings: tuple[Finding, ...]
    seed: str
    origins: Mapping[int, str]
    addresses: Mapping[int, tuple[str, int]]
    only: int | None = None
    """The one exchange that is wanted, of the one thread; None where all are."""

    def turns_of(self, thread: Thread) -> tuple[Turn, ...]:
        """The thread's turns that are wanted."""
        if self.only is None:
            return thread.turns
        return tuple(turn for turn in thread.turns if turn.exchange == self.only)


def tell(
    exchanges: Iterable[Exchange],
    choice: Choice = EVERYTHING,
    threads: Collection[int] | None = None,
    only: int | None = None,
) -> Iterator[Told]:
    """The sessions that the exchanges are. `threads` are the numbers of those that are wanted."""
    memo, weaver, checker = Memo(), Weaver(), Checker(RULES, choice)
    origins: dict[int, str] = {}
    addresses: dict[int, tuple[str, int]] = {}
    for exchange in exchanges:
        turn = decode(exchange, memo)
        if turn is not None:
            weaver.add(turn)
            origins[exchange.number] = origin_of(exchange)
            addresses[exchange.number] = exchange.host, exchange.port
    sessions = weaver.sessions()
    checker.update(sessions)
    for session in sessions:
        wanted = tuple(t for t in session.threads if threads is None or t.number in threads)
        if wanted:
            names = {thread.name for thread in wanted}
            found = tuple(f for f in checker.findings if f.thread in names)
            seed = origins[session.number]
            yield Told(session, wanted, found, seed, origins, addresses, only)


def conversed(told: Iterable[Told], left: Callable[[Thread], None]) -> Iterator[Told]:
    """The sessions as the agent had them: `left` is given the threads that Kimitap sent again."""
    for one in told:
        own = tuple(thread for thread in one.threads if thread.kind != "replay")
        for thread in one.threads:
            if thread.kind == "replay":
                left(thread)
        if own:
            names = {thread.name for thread in own}
            found = tuple(f for f in one.findings if f.thread in names)
            yield replace(one, threads=own, findings=found)
