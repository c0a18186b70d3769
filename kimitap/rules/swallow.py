"""One defect, one finding: what follows from a graver defect becomes its related place.

A lost turn leaves results without a call behind and makes the model repeat itself; a turn that was
written out as text has no results of role tool; a call that leaked into the text leaves a finish
reason without a call. None of these is a second defect. `CONSEQUENCES` is the whole law.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kimitap.lineage import Thread
from kimitap.rules.finding import Finding
from kimitap.rules.scene import Scene, Tie


@dataclass(frozen=True, slots=True)
class Consequence:
    """A finding of one of `effects` follows from one of `causes` that it is tied to.

    Where several causes are there, the one named first takes it; of several consequences, the one
    that stands first in the table.
    """

    effects: tuple[str, ...]
    causes: tuple[str, ...]
    tie: Tie


LOST = ("tool-turn-lost", "flattened-tool-history", "partially-replayed-tool-calls")

ANTHROPIC = ("empty-text-block", "altered-thinking", "invalid-tool-call-id")
"""What Anthropic's API refuses in a message, whatever is added to it."""

CONSEQUENCES: tuple[Consequence, ...] = (
    Consequence(("orphan-tool-result", "unanswered-tool-call"), LOST, Tie.OWED),
    Consequence(
        ("orphan-tool-result", "unanswered-tool-call"),
        ("mismatched-tool-call-id", "misplaced-tool-result"),
        Tie.HISTORY,
    ),
    Consequence(("mismatched-tool-call-id", "misplaced-tool-result"), LOST, Tie.OWED),
    Consequence(
        ("changed-tool-call", "dropped-from-history", "edited-history"),
        ("tool-turn-lost",),
        Tie.REQUEST,
    ),
    Consequence(
        ("orphan-tool-result", "unanswered-tool-call", "mismatched-tool-call-id"),
        ("dropped-from-history",),
        Tie.TAKEN,
    ),
    Consequence(("unanswered-tool-call", "edited-reply"), ("doubled-reply",), Tie.OWED),
    Consequence(("unbacked-assistant-turn",), ("doubled-reply", "tool-turn-lost"), Tie.REQUEST),
    Consequence(("altered-thinking",), ("doubled-reply",), Tie.REQUEST),
    Consequence(("orphan-tool-result",), ("unanswered-tool-call",), Tie.ANSWER),
    Consequence(
        ("repeated-tool-call",),
        ("tool-turn-lost", "dropped-from-history", "empty-tool-result"),
        Tie.LOOP,
    ),
    Consequence(
        ("empty-assistant-in-history", "empty-text-block"), (*LOST, "dropped-reply"), Tie.OWED
    ),
    Consequence(("empty-assistant-in-history",), ("empty-text-block",), Tie.MESSAGE),
    Consequence(("template-rejected", "retry-storm"), ("poisoned-history",), Tie.EXCHANGE),
    Consequence(
        ("reasoning-dropped",), ("flattened-tool-history", "tool-turn-lost"), Tie.REWRITTEN
    ),
    Consequence(
        (
            "finish-reason-mismatch",
            "special-token-in-content",
            "think-tag-in-content",
            "empty-reply",
            "duplicated-content",
        ),
        ("tool-call-in-content", "tool-call-in-reasoning"),
        Tie.REPLY,
    ),
    Consequence(
        (
            "malformed-tool-arguments",
            "tool-schema-violation",
            "unknown-tool",
            "missing-tool-call-id",
            "reused-tool-call-id",
        ),
        ("colliding-tool-call-index",),
        Tie.CALL,
    ),
    Consequence(
        ("malformed-tool-arguments", "tool-schema-violation", "unknown-tool"),
        ("truncated-by-length", "unreported-truncation"),
        Tie.CALL,
    ),
    Consequence(
        ("finish-reason-mismatch", "empty-reply"),
        ("truncated-by-length", "unreported-truncation"),
        Tie.REPLY,
    ),
    Consequence(("tool-schema-violation",), ("unknown-tool", "malformed-tool-arguments"), Tie.CALL),
    Consequence(("empty-assistant-in-history",), ("empty-reply",), Tie.ECHOED),
    Consequence(
        ("prompt-cache-broken",),
        (
            "tool-turn-lost",
            "flattened-tool-history",
            "partially-replayed-tool-calls",
            "dropped-reply",
            "dropped-from-history",
            "changed-tool-call",
            "edited-history",
            "edited-reply",
            "doubled-reply",
            "reasoning-dropped",
        ),
        Tie.COST,
    ),
    Consequence(
        ("template-rejected",),
        (
            "reasoning-dropped",
            "unanswered-tool-call",
            "orphan-tool-result",
            "misplaced-tool-result",
            "mismatched-tool-call-id",
            "duplicate-tool-result",
            "trailing-assistant",
            "tool-turn-lost",
            *ANTHROPIC,
        ),
        Tie.REFUSED,
    ),
    Consequence(("poisoned-history",), ANTHROPIC, Tie.REFUSED),
)
"""What follows from what."""


def swallow(findings: Sequence[Finding], thread: Thread) -> list[Finding]:
    """The findings without those that follow from another, whose places the cause takes over."""
    scene = Scene(findings, thread)
    kept: list[Finding] = []
    taken: dict[int, list[Finding]] = {}
    for finding in findings:
        cause = _root(finding, scene)
        if cause is finding:
            kept.append(finding)
        else:
            taken.setdefault(id(cause), []).append(finding)
    return [_with(f, taken[id(f)]) if id(f) in taken else f for f in kept]


def _root(finding: Finding, scene: Scene) -> Finding:
    """The finding that this one follows from in the end; itself where it stands for itself."""
    passed = [finding]
    while (cause := _cause(passed[-1], scene)) is not None and cause not in passed:
        passed.append(cause)
    return passed[-1]


def _cause(effect: Finding, scene: Scene) -> Finding | None:
    of_rule = (c for c in CONSEQUENCES if effect.rule in c.effects)
    causes = (scene.cause(effect, c.causes, c.tie) for c in of_rule)
    return next((cause for cause in causes if cause is not None), None)


def _with(finding: Finding, effects: Sequence[Finding]) -> Finding:
    """The finding with the places of what follows from it, each once, and with what that cost."""
    places = (place for effect in effects for place in (effect.place, *effect.related))
    known = dict.fromkeys((*finding.related, *places))
    known.pop(finding.place, None)
    costs = (effect.evidence[0] for effect in effects if effect.rule == "prompt-cache-broken")
    return replace(finding, related=tuple(known), evidence=(*finding.evidence, *costs))
