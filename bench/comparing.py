"""A soak's recording against the agents' own list: what is missing, and what is not the same."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.asks import HEADER, Record, Way, digest
from kimitap.exchange import Exchange, Outcome, header
from kimitap.store import Recording

_EXPECTED = {
    Way.BUSY: {Outcome.HTTP_ERROR},
    Way.CUT: {Outcome.SERVER_CUT},
    # the reply's last word may have passed before the proxy heard of the hang-up
    Way.HANG_UP: {Outcome.CLIENT_HUNG_UP, Outcome.COMPLETE},
}


@dataclass
class Compared:
    """How many exchanges of the list are in the recording; what is wrong with others, in words."""

    found: int = 0
    lost: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    misjudged: list[str] = field(default_factory=list)
    """Recorded with another outcome than theirs."""
    extra: int = 0
    """Recorded, but asked for by no agent, or twice."""
    ways: Counter[Way] = field(default_factory=Counter)


def compare(where: str, records: Mapping[str, Record]) -> Compared:
    """Look for each of `records`, which are by name, in the recording at `where`."""
    with Recording.open(where) as recording:
        return compared(recording.exchanges(), records)


def compared(exchanges: Iterable[Exchange], records: Mapping[str, Record]) -> Compared:
    """The same for exchanges at hand."""
    seen, left = Compared(), dict(records)
    for exchange in exchanges:
        name = header(exchange.request_headers, HEADER)
        record = left.pop(name, None)
        if record is None:
            seen.extra += 1
            continue
        seen.found += 1
        seen.ways[record.way] += 1
        if fault := _fault(exchange, record):
            seen.altered.append(f"{name} ({record.way}): {fault}")
        expected = _EXPECTED.get(record.way, {Outcome.COMPLETE})
        if exchange.outcome not in expected:
            seen.misjudged.append(f"{name} ({record.way}): {exchange.outcome} {exchange.detail}")
    seen.lost = [f"{name} ({record.way})" for name, record in left.items()]
    return seen


def _fault(exchange: Exchange, record: Record) -> str:
    if digest(exchange.request.content) != record.request:
        return "the request is another"
    if exchange.status != record.status:
        return f"status {exchange.status} instead of {record.status}"
    if record.whole:
        return "" if digest(exchange.response) == record.answer else "the answer is another"
    if not record.answer.startswith(exchange.response):
        return "the answer is another"
    if len(exchange.response) < record.got:
        return f"{len(exchange.response)} bytes of an answer of which {record.got} arrived"
    return ""
