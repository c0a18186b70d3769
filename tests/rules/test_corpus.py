"""What is found in the agents' captures, against the truth that came with them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from kimitap.rules import RULES, check
from kimitap.rules.finding import Finding, Severity
from kimitap.weave import weave
from tests.support import corpus
from tests.support.corpus_requests import called_for

SOUND = ("clean", "kimi", "todo", "subagent", "subagent2", "compact", "slowend", "kimi_reset_ids")
"""Cases in which nothing was made to fail."""

pytestmark = pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)


@dataclass(frozen=True)
class Expected:
    """A finding that the truth calls for, at a reply's exchange or the request after it."""

    rule: str
    exchanges: frozenset[int]

    def met_by(self, finding: Finding) -> bool:
        places = (finding.place, *finding.related)
        return finding.rule == self.rule and any(p.exchange in self.exchanges for p in places)


def expected(agent: str, case: str) -> Iterator[Expected]:
    """What the truth file of a capture calls for, of what these rules can find."""
    truth = corpus.truth(agent, case)
    yield from (Expected(rule, exchanges) for rule, exchanges in called_for(agent, case))
    told = truth["expected"]
    facts = {e["n"]: e for e in truth["exchanges"] if e["kind"] != "probe"}
    for n, fact in facts.items():
        yield from _of_reply(n, fact)
    yield from _of_replies(told, facts)
    twice = truth["requests_with_duplicate_call_ids"]
    if twice:
        yield Expected("reused-tool-call-id", frozenset(int(n) for n in twice))
    whole = {n: fact for n, fact in facts.items() if fact["complete"]}
    for item in told.get("dropped_turns", ()):
        if item["n"] in whole and "thrown away" in item["cause"]:
            yield _between("discarded-reply", item)
    for item in told.get("calls_removed_from_a_kept_turn", ()):
        if item["n"] in whole:
            all_gone = len(whole[item["n"]]["tool_calls"]) == 1
            yield _between("tool-turn-lost" if all_gone else "partially-replayed-tool-calls", item)
    for item in told.get("calls_turned_into_text", ()):
        if item["n"] in whole:
            yield _between("flattened-tool-history", _fate(truth, item["n"]))
    for n in told.get("reasoning_dropped", ()):
        if n in whole and whole[n]["tool_calls"]:
            yield _between("reasoning-dropped", _fate(truth, n))


def _of_reply(n: int, fact: Any) -> Iterator[Expected]:
    here = frozenset({n + 1})
    if not fact["complete"]:
        if fact["status"] == 200:
            yield Expected(_ending(fact["response_error"] or ""), here)
        return
    if fact["finish"] == "length":
        yield Expected("truncated-by-length", here)
    if fact["finish"] == "stop" and fact["tool_calls"]:
        yield Expected("finish-reason-mismatch", here)
    if fact["fault"] == "unknown_tool":
        yield Expected("unknown-tool", here)
    for call in fact["tool_calls"]:
        if not call["args_valid_json"] and fact["finish"] != "length":
            yield Expected("malformed-tool-arguments", here)
        if not call["id"]:
            yield Expected("missing-tool-call-id", here)


def _of_replies(told: Any, facts: Any) -> Iterator[Expected]:
    for n in told.get("empty_turns", ()):
        if n in facts:
            yield Expected("empty-reply", frozenset({n + 1}))
    for n in told.get("leaked_special_tokens", ()):
        if n in facts:
            leaked = "tool-call" if facts[n]["n_tools"] else "special-token"
            yield Expected(f"{leaked}-in-content", frozenset({n + 1}))


def _ending(error: str) -> str:
    """The rule about a reply that is not whole, by what ended it."""
    if error.startswith("error event"):
        return "stream-error-event"
    return "client-cancelled" if error.startswith("Client disconnected") else "stream-aborted"


def _fate(truth: Any, n: int) -> Any:
    return next(turn for turn in truth["turns"] if turn["n"] == n)


def _between(rule: str, item: Any) -> Expected:
    """A finding at the request that followed; its number counts from 1, the truth's from 0."""
    after = {item["next"] + 1} if item.get("next") is not None else set()
    return Expected(rule, frozenset(after or {item["n"] + 1}))


@cache
def found(agent: str, case: str) -> tuple[Finding, ...]:
    sessions = weave(corpus.turns(agent, case))
    return tuple(finding for session in sessions for finding in check(session))


def score() -> tuple[Counter[tuple[str, str]], list[str]]:
    """(rule, `hits`, `misses` or `false alarms`) → how many; and what is wrong, in words."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong = []
    for agent, case in corpus.captures():
        wanted = set(expected(agent, case))
        for want in sorted(wanted, key=lambda w: (w.rule, sorted(w.exchanges))):
            hit = any(want.met_by(finding) for finding in found(agent, case))
            counts[want.rule, "hits" if hit else "misses"] += 1
            wrong += [] if hit else [f"{agent}/{case}: missed {want}"]
        for finding in found(agent, case):
            if not any(want.met_by(finding) for want in wanted):
                counts[finding.rule, "false alarms"] += 1
                wrong.append(f"{agent}/{case}: false alarm {finding}")
    return counts, wrong


def scoreboard() -> tuple[str, int]:
    """Hits, misses and false alarms of each rule as a table, and how many of them are wrong."""
    counts, wrong = score()
    columns = ("hits", "misses", "false alarms")
    rows = [f"{r.name:32}" + "".join(f"{counts[r.name, c]:14}" for c in columns) for r in RULES]
    head = f"{'rule':32}" + "".join(f"{column:>14}" for column in columns)
    return "\n".join(("", head, *rows, *wrong)), len(wrong)


def test_the_rules_agree_with_the_truth_of_every_capture() -> None:
    table, wrong = scoreboard()
    assert wrong == 0, table


def test_the_truth_files_call_for_the_rules_at_all() -> None:
    wanted = Counter(e.rule for a, c in corpus.captures() for e in expected(a, c))
    assert len(wanted) >= 8
    assert wanted["partially-replayed-tool-calls"] >= 8


@pytest.mark.parametrize(
    ("agent", "case"), [(a, c) for a, c in corpus.captures() if c in SOUND], ids="-".join
)
def test_no_error_is_found_where_nothing_went_wrong(agent: str, case: str) -> None:
    assert [f for f in found(agent, case) if f.severity is Severity.ERROR] == []
