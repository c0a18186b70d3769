"""All rules, and how they are applied to a session."""

from collections.abc import Iterable
from dataclasses import replace

from kimitap.lineage import Session
from kimitap.rules import exchange, prompt, replay, reply, request
from kimitap.rules.finding import Finding, by_place
from kimitap.rules.reply_choices import strike
from kimitap.rules.rule import Rule
from kimitap.rules.swallow import swallow

RULES: tuple[Rule, ...] = (
    *replay.RULES,
    *request.RULES,
    *reply.RULES,
    *exchange.RULES,
    *prompt.RULES,
)


def check(session: Session, rules: Iterable[Rule] = RULES) -> tuple[Finding, ...]:
    """What is wrong in a session, in the order of its places: one defect, one finding.

    For a view that is kept up to date see `checker.Checker`.
    """
    chosen = tuple(rules)
    found: list[Finding] = []
    for thread in session.threads:
        struck = [finding for rule in chosen for finding in strike(rule, thread, session)]
        found += (
            replace(finding, session=session.name, thread=thread.name)
            for finding in swallow(struck, thread)
        )
    return tuple(sorted(found, key=by_place))
