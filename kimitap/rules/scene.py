"""The findings of one thread before any was swallowed, and how two of them can hang together.

`Scene.cause` gives, for an effect, the finding of some rules that it follows from by one `Tie`, or
None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from kimitap.conversation import Message, Reply
from kimitap.lineage import Link, Thread
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.reply_choices import choice_of


class Tie(StrEnum):
    """What ties an effect to its cause."""

    EXCHANGE = "exchange"
    """Both stand in one exchange, in its request or its reply."""
    REPLY = "reply"
    """Both are about one exchange's reply, or about one choice of it."""
    CALL = "call"
    """Both are about one call of a reply."""
    REQUEST = "request"
    """Both are about one exchange's request."""
    MESSAGE = "message"
    """Both are about one message of a request."""
    HISTORY = "history"
    """Both are about one message of the history, in whichever requests."""
    ECHOED = "echoed"
    """The effect is about the message that gives back the reply which the cause is about."""
    OWED = "owed"
    """The effect is a call or result of the reply that the request owed, which the cause misses."""
    TAKEN = "taken"
    """The effect is a call or result left alone, since the cause took its other half out."""
    ANSWER = "answer"
    """The effect is a lone result; the cause, the lone call that it was for."""
    LOOP = "loop"
    """The effect is a loop; the cause, that the model did not see one of the loop's replies."""
    COST = "cost"
    """The effect is what it cost that a message of a request was changed, which the cause is."""
    REFUSED = "refused"
    """The effect is a server's refusal of a request; the cause, an error in that request."""
    REWRITTEN = "rewritten"
    """The effect is lost reasoning; the cause took the whole turns away, or wrote them as text."""


@dataclass(frozen=True)
class Scene:
    """A thread's findings, and what may have caused what."""

    findings: Sequence[Finding]
    thread: Thread

    def cause(self, effect: Finding, rules: Sequence[str], tie: Tie) -> Finding | None:
        """The finding of one of `rules` that `effect` is tied to; the first rule comes first."""
        match tie:
            case Tie.REPLY:
                return self._of_replies(effect, rules)
            case Tie.HISTORY:
                return self._of_message(effect, rules)
            case Tie.ECHOED:
                return self._of_echoed_reply(effect, rules)
            case Tie.OWED:
                return self._of_owed_reply(effect, rules)
            case Tie.TAKEN:
                return self._took_the_other_half(effect, rules)
            case Tie.ANSWER:
                return self._call_without_it(effect, rules)
            case Tie.LOOP:
                return self._of_loop(effect, rules)
            case Tie.COST:
                return self._of_cost(effect, rules)
            case Tie.REFUSED:
                return self._of_refused(effect, rules)
            case Tie.REWRITTEN:
                return self._rewritten(effect, rules)
            case _:
                return self._at(effect.place, rules, tie)

    def _at(self, place: Place, rules: Sequence[str], tie: Tie) -> Finding | None:
        spot = self._spot(place, tie)
        if spot is None:
            return None
        found = (self._by_spot.get((rule, tie, spot)) for rule in rules)
        return next((cause for cause in found if cause), None)

    def _of_replies(self, effect: Finding, rules: Sequence[str]) -> Finding | None:
        """The cause in the effect's reply, where all the replies that it is about have one."""
        places = (p for p in (effect.place, *effect.related) if p.message_index is None)
        causes = [self._at(place, rules, Tie.REPLY) for place in places]
        return causes[0] if causes and all(causes) else None

    def _of_message(self, effect: Finding, rules: Sequence[str]) -> Finding | None:
        wanted = self._standing(effect.place)
        found = (self._by_message.get((rule, wanted)) for rule in rules) if wanted else ()
        return next((cause for cause in found if cause), None)

    def _standing(self, place: Place) -> Message | None:
        """A message of the history, ids included: requests repeat it."""
        return None if place.message_index is None else self._message(place)

    def _of_echoed_reply(self, effect: Finding, rules: Sequence[str]) -> Finding | None:
        link = self._links.get(effect.place.exchange)
        if link is None or effect.place.message_index not in link.echo.slot:
            return None
        return self._at(Place(link.parent.exchange), rules, Tie.REPLY)

    def _of_owed_reply(self, effect: Finding, rules: Sequence[str]) -> Finding | None:
        """The lost, flattened or partial reply, in the same request, that this belongs to."""
        found = (self._by_request.get((rule, effect.place.exchange)) for rule in rules)
        cause = next((cause for cause in found if cause), None)
        link = self._links.get(effect.place.exchange)
        return cause if cause and link and _belongs(effect, link) else None

    def _took_the_other_half(self, effect: Finding, rules: Sequence[str]) -> Finding | None:
        """The cause in the effect's request whose messages of old share an id with it."""
        ids = self._ids_at((effect.place,))
        for rule in rules:
            cause = self._by_request.get((rule, effect.place.exchange))
            if cause and ids & self._ids_at(cause.related):
                return cause
        return None

    def _ids_at(self, places: Sequence[Place]) -> set[str]:
        """The ids of all calls and results that stand at some places."""
        found = [message for place in places if (message := self._message(place))]
        calls = {call.id for message in found for call in message.tool_calls if call.id}
        return calls | {r.call_id for m in found for r in m.tool_results if r.call_id}

    def _call_without_it(self, orphan: Finding, rules: Sequence[str]) -> Finding | None:
        """The unanswered call that this result was for: of its id, or right before it."""
        known = (
            self._by_call_id.get((rule, i)) for i in self._result_ids(orphan) for rule in rules
        )
        for unanswered in known:
            if unanswered and _order(unanswered.place) < _order(orphan.place):
                return unanswered
        beside = (self._by_exchange.get((rule, orphan.place.exchange), ()) for rule in rules)
        found = (u for findings in beside for u in findings if self._adjoins(u, orphan))
        return next(found, None)

    def _of_loop(self, loop: Finding, rules: Sequence[str]) -> Finding | None:
        exchanges = {loop.place.exchange, *(place.exchange for place in loop.related)}
        for lost in self._of(rules):
            link = self._links.get(lost.place.exchange)
            grave = lost.severity is not Severity.INFO
            if grave and link is not None and link.parent.exchange in exchanges:
                return lost
        return None

    def _of_cost(self, cost: Finding, rules: Sequence[str]) -> Finding | None:
        """The change at every message at which the cost arose, where it is more than a note."""
        messages = {p for p in (cost.place, *cost.related) if p.message_index is not None}
        for cause in self._of(rules) if messages else ():
            grave = cause.severity is not Severity.INFO
            if grave and messages <= {cause.place, *cause.related}:
                return cause
        return None

    def _of_refused(self, refusal: Finding, rules: Sequence[str]) -> Finding | None:
        """The error that stands in the refused request, where the refusal blames the agent."""
        if refusal.side is not Side.AGENT:
            return None
        for cause in self._of(rules):
            places = (cause.place, *cause.related)
            if cause.severity is Severity.ERROR and refusal.place.exchange in {
                place.exchange for place in places if place.message_index is not None
            }:
                return cause
        return None

    def _rewritten(self, reasoning: Finding, rules: Sequence[str]) -> Finding | None:
        """The cause, unless it is a protocol's way; together they must account for every place."""
        requests = {reasoning.place, *(p for p in reasoning.related if p.message_index is not None)}
        causes = [f for f in self._of(rules) if f.severity is not Severity.INFO]
        taken = {place for cause in causes for place in (cause.place, *cause.related)}
        return causes[0] if requests <= taken else None

    def _of(self, rules: Sequence[str]) -> list[Finding]:
        return [finding for rule in rules for finding in self._by_rule.get(rule, ())]

    @cached_property
    def _by_rule(self) -> dict[str, list[Finding]]:
        grouped: dict[str, list[Finding]] = {}
        for finding in self.findings:
            grouped.setdefault(finding.rule, []).append(finding)
        return grouped

    @cached_property
    def _by_exchange(self) -> dict[tuple[str, int], list[Finding]]:
        grouped: dict[tuple[str, int], list[Finding]] = {}
        for finding in self.findings:
            grouped.setdefault((finding.rule, finding.place.exchange), []).append(finding)
        return grouped

    @cached_property
    def _by_spot(self) -> dict[tuple[str, Tie, object], Finding]:
        """The first finding of each rule at each spot where it or a related place stands."""
        found: dict[tuple[str, Tie, object], Finding] = {}
        for finding in self.findings:
            for tie in (Tie.EXCHANGE, Tie.REPLY, Tie.CALL, Tie.REQUEST, Tie.MESSAGE):
                for place in (finding.place, *finding.related):
                    spot = self._spot(place, tie)
                    if spot and place.exchange == finding.place.exchange:
                        found.setdefault((finding.rule, tie, spot), finding)
        return found

    @cached_property
    def _by_message(self) -> dict[tuple[str, Message], Finding]:
        """The first finding of each rule about a message of the history, related ones included."""
        found: dict[tuple[str, Message], Finding] = {}
        for finding in self.findings:
            for place in (finding.place, *finding.related):
                standing = self._standing(place)
                if standing and place.exchange == finding.place.exchange:
                    found.setdefault((finding.rule, standing), finding)
        return found

    @cached_property
    def _by_request(self) -> dict[tuple[str, int], Finding]:
        """The last finding of each rule about a request, its related requests included."""
        found: dict[tuple[str, int], Finding] = {}
        for finding in self.findings:
            places = (finding.place, *finding.related)
            found |= {
                (finding.rule, p.exchange): finding for p in places if p.message_index is not None
            }
        return found

    @cached_property
    def _by_call_id(self) -> dict[tuple[str, str], Finding]:
        """The first finding of each rule about a request's message with a call of each id."""
        found: dict[tuple[str, str], Finding] = {}
        for finding in sorted(self.findings, key=lambda f: _order(f.place)):
            if finding.place.message_index is not None:
                for call_id in self._call_ids(finding):
                    found.setdefault((finding.rule, call_id), finding)
        return found

    @cached_property
    def _links(self) -> dict[int, Link]:
        return {link.child.exchange: link for link in self.thread.links if link is not None}

    def _call_ids(self, unanswered: Finding) -> set[str]:
        message = self._message(unanswered.place)
        return {call.id for call in message.tool_calls if call.id} if message else set()

    def _result_ids(self, orphan: Finding) -> set[str]:
        messages = (self._message(place) for place in (orphan.place, *orphan.related))
        results = (result for message in messages if message for result in message.tool_results)
        return {result.call_id for result in results if result.call_id}

    def _adjoins(self, unanswered: Finding, orphan: Finding) -> bool:
        """True where only results stand between the call and the orphan, of one request."""
        start, stop = unanswered.place.message_index or 0, orphan.place.message_index or 0
        between = self._requests[orphan.place.exchange][start + 1 : stop]
        return start < stop and all(message.role in {"tool", "assistant"} for message in between)

    def _message(self, place: Place) -> Message | None:
        """The request's message at `place`; None where something is missing from its end."""
        messages = self._requests.get(place.exchange, ())
        at = place.message_index or 0
        return messages[at] if at < len(messages) else None

    @cached_property
    def _requests(self) -> dict[int, tuple[Message, ...]]:
        return {turn.exchange: turn.messages for turn in self.thread.turns}

    def _spot(self, place: Place, tie: Tie) -> tuple[int | None, ...] | None:
        """What two places share where they are tied; None where the tie does not hold here."""
        of_reply = place.message_index is None
        match tie:
            case Tie.EXCHANGE:
                return (place.exchange,)
            case Tie.REPLY:
                return (place.exchange, self._choice(place)) if of_reply else None
            case Tie.CALL:
                return (place.exchange, place.part) if of_reply and place.part is not None else None
            case Tie.REQUEST:
                return None if of_reply else (place.exchange,)
            case _:
                return None if of_reply else (place.exchange, place.message_index)

    def _choice(self, place: Place) -> int:
        """The number of the reply's choice that a place is in."""
        reply = self._replies.get(place.exchange)
        return 1 if reply is None else choice_of(reply, place.part)

    @cached_property
    def _replies(self) -> dict[int, Reply]:
        """The replies that have several choices."""
        return {turn.exchange: turn.reply for turn in self.thread.turns if turn.reply.others}


def _belongs(effect: Finding, link: Link) -> bool:
    """True where a lone call or result is one of the reply's: by its place, or by its id."""
    at = effect.place.message_index or 0
    calls = link.echo.calls
    if at in link.echo.slot or link.echo.place <= at <= link.echo.place + len(calls):
        return True
    message = link.child.messages[at]
    if {c.stands_for for c in message.tool_calls} & {c.call.stands_for for c in calls}:
        return True
    ids = {r.call_id for r in message.tool_results} | {c.id for c in message.tool_calls}
    return at >= link.echo.place and bool({c.call.id for c in calls} & ids - {None, ""})


def _order(place: Place) -> tuple[int, int]:
    return place.exchange, place.message_index or 0
