"""One defect, one finding: what follows from a graver defect becomes its related place.

A lost turn leaves results without a call behind and makes the model repeat itself; a turn that was
written out as text has no results of role tool; a result under another id leaves both a call and a
result alone. None of these is a second defect.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kimitap.conversation import Message
from kimitap.lineage import Link, Thread
from kimitap.rules.finding import Finding, Place, Severity


def swallow(findings: Sequence[Finding], thread: Thread) -> list[Finding]:
    """The findings without those that follow from another, whose places the cause takes over."""
    scene = Scene(findings, thread)
    kept: list[Finding] = []
    taken: dict[int, list[Place]] = {}
    for finding in findings:
        cause = scene.root_of(finding)
        if cause is None:
            kept.append(finding)
        else:
            taken.setdefault(id(cause), []).extend((finding.place, *finding.related))
    return [_with(f, taken.get(id(f), ())) for f in kept]


def _with(finding: Finding, places: Iterable[Place]) -> Finding:
    """The finding with more related places, each once."""
    known = dict.fromkeys((*finding.related, *places))
    known.pop(finding.place, None)
    return replace(finding, related=tuple(known))


@dataclass(frozen=True)
class Scene:
    """A thread's findings before any was swallowed, and what may have caused what."""

    findings: Sequence[Finding]
    thread: Thread

    def root_of(self, effect: Finding) -> Finding | None:
        """The finding that this one follows from in the end; None where it stands for itself."""
        cause = self._cause_of(effect)
        return cause and (self._cause_of(cause) or cause)

    def _cause_of(self, effect: Finding) -> Finding | None:
        match effect.rule:
            case "orphan-tool-result":
                return self._cause_in_request(effect) or self._call_without_it(effect)
            case "unanswered-tool-call":
                return self._cause_in_request(effect)
            case "repeated-tool-call":
                return self._cause_of_loop(effect)
            case "reasoning-dropped":
                return self._rewritten(effect)
        return None

    def _cause_in_request(self, effect: Finding) -> Finding | None:
        """The lost, flattened or partial reply, in the same request, that this belongs to."""
        cause = self._by_request.get(effect.place.exchange)
        link = self._links.get(effect.place.exchange)
        return cause if cause and link and _belongs(effect, link) else None

    def _call_without_it(self, orphan: Finding) -> Finding | None:
        """The unanswered call that this result was for: of its id, or right before it."""
        known = (self._unanswered_by_id.get(i) for i in self._result_ids(orphan))
        for unanswered in known:
            if unanswered and _order(unanswered.place) < _order(orphan.place):
                return unanswered
        for unanswered in self._of("unanswered-tool-call"):
            if self._adjoins(unanswered, orphan):
                return unanswered
        return None

    def _cause_of_loop(self, loop: Finding) -> Finding | None:
        exchanges = {loop.place.exchange, *(place.exchange for place in loop.related)}
        for lost in self._of("tool-turn-lost"):
            if self._links[lost.place.exchange].parent.exchange in exchanges:
                return lost
        return None

    def _rewritten(self, reasoning: Finding) -> Finding | None:
        """The flattened history, unless it is a protocol's way, or the lost turns that took all of
        the reasoning away too."""
        requests = {reasoning.place, *(p for p in reasoning.related if p.message_index is not None)}
        flat = [f for f in self._of("flattened-tool-history") if f.severity is not Severity.INFO]
        causes = [*flat, *self._of("tool-turn-lost")]
        taken = {place for cause in causes for place in (cause.place, *cause.related)}
        return causes[0] if requests <= taken else None

    def _of(self, rule: str) -> list[Finding]:
        return self._by_rule.get(rule, [])

    @cached_property
    def _by_rule(self) -> dict[str, list[Finding]]:
        grouped: dict[str, list[Finding]] = {}
        for finding in self.findings:
            grouped.setdefault(finding.rule, []).append(finding)
        return grouped

    @cached_property
    def _by_request(self) -> dict[int, Finding]:
        """The finding about the reply that each request owes, by the request's exchange."""
        found: dict[int, Finding] = {}
        for rule in ("partially-replayed-tool-calls", "flattened-tool-history", "tool-turn-lost"):
            for finding in self._of(rule):
                places = (finding.place, *finding.related)
                found |= {p.exchange: finding for p in places if p.message_index is not None}
        return found

    @cached_property
    def _unanswered_by_id(self) -> dict[str, Finding]:
        """The first unanswered call of each id."""
        found: dict[str, Finding] = {}
        for finding in sorted(self._of("unanswered-tool-call"), key=lambda f: _order(f.place)):
            for call_id in self._call_ids(finding):
                found.setdefault(call_id, finding)
        return found

    @cached_property
    def _links(self) -> dict[int, Link]:
        return {link.child.exchange: link for link in self.thread.links if link is not None}

    def _call_ids(self, unanswered: Finding) -> set[str]:
        message = self._message(unanswered.place)
        return {call.id for call in message.tool_calls if call.id}

    def _result_ids(self, orphan: Finding) -> set[str]:
        places = (orphan.place, *orphan.related)
        results = (result for place in places for result in self._message(place).tool_results)
        return {result.call_id for result in results if result.call_id}

    def _adjoins(self, unanswered: Finding, orphan: Finding) -> bool:
        """True where only results stand between the call and the orphan, in one request."""
        if unanswered.place.exchange != orphan.place.exchange:
            return False
        start, stop = unanswered.place.message_index or 0, orphan.place.message_index or 0
        between = self._messages(orphan.place)[start + 1 : stop]
        return start < stop and all(message.role in {"tool", "assistant"} for message in between)

    def _message(self, place: Place) -> Message:
        return self._messages(place)[place.message_index or 0]

    def _messages(self, place: Place) -> tuple[Message, ...]:
        return self._requests[place.exchange]

    @cached_property
    def _requests(self) -> dict[int, tuple[Message, ...]]:
        return {turn.exchange: turn.messages for turn in self.thread.turns}


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
