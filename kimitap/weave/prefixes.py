"""Which earlier turns a request repeats from the beginning: by rolling hash, a look-up a message.

The usual request repeats a known one, message object by message object, and adds a few. Its end is
found first, so that only what is new has to be hashed.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from kimitap.conversation import Turn
from kimitap.weave.keys import Keys
from kimitap.weave.strand import Strand

LOOK_BACK = 64
"""Messages at the end of a request among which the end of a known request is sought."""
ROOT = 0


class Candidate(NamedTuple):
    """An earlier turn whose messages begin this request.

    `covered`: its reply follows. `grown`: its last message has more parts here.
    """

    strand: Strand
    covered: bool
    grown: bool = False


class Prefixes:
    """The ends of all woven requests, with and without their replies."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._ends: defaultdict[int, list[Strand]] = defaultdict(list)
        self._replies: defaultdict[int, list[Strand]] = defaultdict(list)
        self._tails: defaultdict[bytes, list[Strand]] = defaultdict(list)
        self._asked: tuple[Turn, tuple[int, list[int]]] | None = None

    def add(self, strand: Strand) -> None:
        """Make a woven turn known."""
        messages = strand.messages
        if not messages:
            return
        if strand.carried:
            strand.end = self._walk(strand.turn, strand.start, 0, strand.base)[-1]
        else:
            asked = self._asked if self._asked and self._asked[0] is strand.turn else None
            known = asked[1] if asked else self._known_end(strand.turn, strand.start)
            strand.end = known[1][-1]
        strand.append(self._ends[strand.end])
        strand.append(self._tails[self._keys.key(messages[-1])])
        reply = strand.turn.reply
        if not strand.turn.in_flight or reply.complete:
            said = [one for one in (reply.message, *reply.others) if not one.blank]
            strand.replies = tuple(hash((strand.end, self._keys.key(one))) for one in said)
            for after in strand.replies:
                strand.append(self._replies[after])

    def candidates(self, turn: Turn, start: int) -> Iterator[Candidate]:
        """Earlier turns that `turn` may follow, longest first, with its reply before without."""
        base, hashes = self._known_end(turn, start)
        self._asked = turn, (base, hashes)
        yield from self._at(turn, start, base, hashes)
        if base:
            whole = self._walk(turn, start, 0, ROOT)
            yield from self._at(turn, start, 0, whole[:base])

    def _at(self, turn: Turn, start: int, base: int, hashes: list[int]) -> Iterator[Candidate]:
        for position in range(base + len(hashes) - 1, max(base - 1, 0), -1):
            hashed = hashes[position - base]
            for index, covered in ((self._ends, False), (self._replies, True)):
                if hashed in index:
                    for strand in self._sorted(index[hashed], turn):
                        if self._begins(strand, turn, start):
                            yield Candidate(strand, covered)
            if position > base:
                yield from self._grown(turn, start, position, hashes[position - base - 1])

    def _grown(self, turn: Turn, start: int, position: int, before: int) -> Iterator[Candidate]:
        """Turns whose last message is what the message before `position` begins with."""
        for key in self._keys.heads(turn.messages[start + position - 1]):
            found = self._ends.get(hash((before, key)), [])
            for strand in self._sorted(found, turn):
                *ours, last = strand.story
                theirs = turn.messages[start : start + len(ours)]
                if self._keys.same(ours, theirs) and self._keys.key(last) == key:
                    yield Candidate(strand, covered=False, grown=True)

    def _sorted(self, strands: list[Strand], turn: Turn) -> list[Strand]:
        """The latest few, those of the same session and connection first, tips before others."""
        latest = strands[-16:][::-1]
        if len(latest) < 2:
            return latest
        return sorted(latest, key=lambda s: _rank(s, turn), reverse=True)

    def _begins(self, strand: Strand, turn: Turn, start: int) -> bool:
        ours = strand.story
        theirs = turn.messages[start : start + len(ours)]
        return ours == theirs or self._keys.same(ours, theirs)

    def _known_end(self, turn: Turn, start: int) -> tuple[int, list[int]]:
        """(messages, hashes from there on): from the end of a known request if possible."""
        length = len(turn.messages) - start
        for position in range(length, max(0, length - LOOK_BACK), -1):
            key = self._keys.key(turn.messages[start + position - 1])
            for strand in self._tails.get(key, [])[-4:][::-1]:
                if strand.depth == position and self._begins(strand, turn, start):
                    return position, self._walk(turn, start, position, strand.end)
        return 0, self._walk(turn, start, 0, ROOT)

    def _walk(self, turn: Turn, start: int, position: int, hashed: int) -> list[int]:
        hashes = [hashed]
        for message in turn.messages[start + position :]:
            hashed = hash((hashed, self._keys.key(message)))
            hashes.append(hashed)
        return hashes


def _rank(strand: Strand, turn: Turn) -> tuple[bool, bool, bool]:
    scope = strand.turn.scope.session
    return (
        bool(scope) and scope == turn.scope.session,
        bool(turn.client) and strand.turn.client == turn.client,
        strand.is_tip,
    )
