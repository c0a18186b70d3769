"""The choices of a reply (n > 1), each judged as a reply of its own.

A place has no word for a choice. Its `part` counts through all of them instead: the parts of the
second choice follow those of the first. What is true of a choice as a whole stands at its first
part.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from kimitap.conversation import Reply, Timings, Turn, Usage
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.finding import Finding, Place
from kimitap.rules.rule import Rule


def beginnings(reply: Reply) -> list[int]:
    """The index of each choice's first part, as places count them; the first choice's is 0."""
    lengths = (len(message.parts) for message in (reply.message, *reply.others[:-1]))
    return [0, *accumulate(lengths)] if reply.others else [0]


def choice_of(reply: Reply, part: int | None) -> int:
    """The number of the choice, from 1, that a place in the reply is in; without a part: 1."""
    if part is None or not reply.others:
        return 1
    return sum(begin <= part for begin in beginnings(reply))


def further(turn: Turn) -> Iterator[tuple[int, Turn]]:
    """The choices after the first with their numbers: the turn, as if they had been all of it.

    How many tokens each took no server tells.
    """
    reply = turn.reply
    reasons = (*reply.other_reasons, *[None] * len(reply.others))
    read = Usage(reply.usage.prompt_tokens, cached_tokens=reply.usage.cached_tokens)
    for number, (message, reason) in enumerate(zip(reply.others, reasons, strict=False), 2):
        alone = replace(
            reply,
            message=message,
            finish_reason=reason,
            usage=read,
            timings=Timings(),
            others=(),
            other_reasons=(),
        )
        yield number, replace(turn, reply=alone)


def place_of(turn: Turn, number: int) -> Place:
    """Where a choice as a whole stands: at its first part, but for the first choice."""
    if number == 1 or not turn.reply.others[number - 2].parts:
        return Place(turn.exchange)
    return Place(turn.exchange, None, beginnings(turn.reply)[number - 1])


def each_choice(turn: Turn) -> Iterator[tuple[Place, Turn]]:
    """Where each choice stands as a whole, and the turn as if it had been all of the reply."""
    yield Place(turn.exchange), turn
    for number, view in further(turn):
        yield place_of(turn, number), view


def strike(rule: Rule, thread: Thread, session: Session) -> tuple[Finding, ...]:
    """What the rule finds in a thread, in the further choices of its replies too.

    What is true of more than one choice of a reply as a whole is one finding.
    """
    found = list(rule.check(thread, session))
    if rule.by_choice:
        for turn, link in zip(thread.turns, thread.links, strict=True):
            if turn.reply.others:
                _judge(rule, turn, link, thread, session, found)
    return tuple(found)


def _judge(
    rule: Rule,
    turn: Turn,
    link: Link | None,
    thread: Thread,
    session: Session,
    found: list[Finding],
) -> None:
    """Add to `found` what the rule finds in the further choices of one turn."""
    here = Place(turn.exchange)
    whole = next((i for i, finding in enumerate(found) if finding.place == here), None)
    for number, view in further(turn):
        alone = replace(thread, turns=(view,), links=(link,), notes={})
        for finding in rule.check(alone, session):
            moved = _moved(finding, turn, number)
            if finding.place != here:
                found.append(moved)
            elif whole is None:
                whole = len(found)
                found.append(moved)
            else:
                found[whole] = _joined(found[whole], moved, number)


def _moved(finding: Finding, turn: Turn, number: int) -> Finding:
    """The finding with its places in the choice, and with the choice's number told."""
    begin = beginnings(turn.reply)[number - 1]
    parts = len(turn.reply.others[number - 2].parts)

    def placed(place: Place) -> Place:
        if (place.exchange, place.message_index) != (turn.exchange, None) or not parts:
            return place
        return replace(place, part=begin + (place.part or 0))

    return replace(
        finding,
        message=f"{finding.message} It is choice {number} of {len(turn.reply.others) + 1}.",
        place=placed(finding.place),
        related=tuple(map(placed, finding.related)),
    )


def _joined(first: Finding, other: Finding, number: int) -> Finding:
    return replace(
        first,
        message=f"{first.message} So it is with choice {number}.",
        severity=max(first.severity, other.severity, key=lambda severity: severity.rank),
        related=(*first.related, other.place, *other.related),
        evidence=(*first.evidence, *other.evidence),
    )
