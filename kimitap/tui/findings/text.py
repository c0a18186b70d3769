"""Findings in words: where one stands, what is quoted of it, and what a report is made on."""

from collections.abc import Iterator, Sequence

from kimitap.rules.finding import Finding, Place, Severity
from kimitap.rules.rule import Rule
from kimitap.transcript import SYMBOLS
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, PLUS, STRONG
from kimitap.tui.source import View
from kimitap.tui.widgets.text_pane import Block
from kimitap.tui.wishes import Visit
from kimitap.visible import one_line, visible

_QUOTED = 4000
"""Characters of a piece of evidence that are copied."""
_SHOWN = 1200
"""Characters of a piece of evidence that are shown."""
_RELATED = 6
"""Related places that are named."""


def where(place: Place) -> str:
    """`#41 message 3`, `#41 reply`: the place in a word or two."""
    if place.message_index is None:
        return f"#{place.exchange} reply"
    return f"#{place.exchange} message {place.message_index}"


def worst(findings: Sequence[Finding]) -> Finding | None:
    """The first of the most severe; None of none."""
    return max(findings, key=lambda finding: finding.severity.rank, default=None)


def visit(view: View, finding: Finding) -> Visit:
    """The way to a finding in its conversation: to its mark, else to what it speaks of."""
    place = finding.place
    spoken = place.message_index is None and _has_reply(view, finding)
    words = (place.exchange, place.message_index, place.part)
    return Visit(*words, reply=spoken, finding=finding)


def _has_reply(view: View, finding: Finding) -> bool:
    for thread in view.threads:
        at = thread.place_of(finding.place.exchange) if thread.name == finding.thread else None
        if at is not None:
            return bool(thread.turns[at].reply.message.parts)
    return False


def reported(view: View, finding: Finding) -> int:
    """The exchange that a report on a finding is made on: the one whose reply was not given back.

    That is the turn before the request in which the finding stands, if there is one.
    """
    exchange = finding.place.exchange
    if finding.place.message_index is None:
        return exchange
    for thread in view.threads:
        at = thread.place_of(exchange) if thread.name == finding.thread else None
        link = thread.links[at] if at is not None else None
        if link is not None:
            return link.parent.exchange
    return exchange


def as_text(finding: Finding) -> str:
    """The finding for the clipboard: a line of facts, the sentence, and a line for each proof."""
    rule, thread = one_line(finding.rule, 60), one_line(finding.thread, 20)
    facts = f"{finding.severity}: {rule} at {where(finding.place)}, {thread}"
    quotes = (f"  #{e.exchange}: {one_line(e.quote, _QUOTED)}" for e in finding.evidence)
    return "\n".join((f"{facts} ({finding.side})", finding.sentence, *quotes))


def about_rule(rule: Rule) -> Iterator[Block]:
    """The rule explained: what is wrong, what it does to the model, what to do, the source."""
    yield Block(visible(rule.summary), NORMAL, indent=1)
    yield Block("")
    yield Block("why it matters", NAME, indent=1)
    yield Block(visible(rule.meaning), NORMAL, indent=2)
    yield Block("")
    yield Block("what to do", NAME, indent=1)
    yield Block(visible(rule.remedy), PLUS, indent=2)
    yield Block("")
    yield Block("where the rule comes from", NAME, indent=1)
    yield Block(visible(rule.source), FAINT, indent=2)


def about_finding(finding: Finding, rule: Rule | None) -> Iterator[Block]:
    """The finding: its facts, its sentence, what proves it; then its rule."""
    facts = (finding.severity, one_line(finding.rule, 60), f"side: {finding.side}")
    alarm = ALARM[finding.severity]
    yield Block(f"{SYMBOLS[finding.severity]} {' · '.join(facts)}", alarm, single=True)
    places = [where(finding.place), finding.thread, finding.session]
    yield Block(one_line(" · ".join(filter(None, places)), 120), STRONG, indent=1, single=True)
    yield Block("")
    yield Block(finding.sentence, NORMAL, indent=1)
    for evidence in finding.evidence:
        quote = one_line(evidence.quote, _SHOWN)
        yield Block(f"#{evidence.exchange}  {quote}", FAINT, indent=2)
    if finding.related:
        also = ", ".join(where(place) for place in finding.related[:_RELATED])
        more = len(finding.related) - _RELATED
        also += f" and {more} more" if more > 0 else ""
        yield Block(f"see also {also}", FAINT, indent=2)
    yield Block("")
    yield from about_rule(rule) if rule else ()


def about_group(
    rule: Rule | None, name: str, counts: Sequence[tuple[Severity, int]]
) -> Iterator[Block]:
    """What the pane says at a rule's own row."""
    worst_one = counts[0][0]
    yield Block(f"{SYMBOLS[worst_one]} {one_line(name, 60)}", ALARM[worst_one], single=True)
    said = [f"{n} {severity}" for severity, n in counts]
    said += [f"usually {rule.severity}", f"side: {rule.side}"] if rule else []
    yield Block(" · ".join(said), STRONG, indent=1, single=True)
    yield Block("")
    yield from about_rule(rule) if rule else ()
