"""What is woven from the agents' captures agrees with what is known of them, and how it differs.

The truth files were made by the script that played the server, without any code of ours.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from kimitap.lineage import EchoKind, Fate, Link, Relation, Session, Thread
from kimitap.weave import weave
from tests.support import corpus

CAPTURES = corpus.captures()

JUDGED_OTHERWISE: Mapping[tuple[str, str, int, str], str] = {
    ("smolagents", "f_empty", 2, "dropped"): "the empty reply came back, as an empty message",
    ("smolagents", "f_empty", 2, "reasoning"): "the same: it is kept, so its reasoning is lost",
}
"""(agent, case, exchange, what) → why we tell it otherwise than the truth file."""


def test_the_corpus_is_there() -> None:
    if not CAPTURES:
        pytest.skip(f"NOT TESTED against real agents: {corpus.MISSING}")
    assert len(CAPTURES) > 100


DIALECTS = {
    "claude": {"anthropic-messages"},
    "openai-agents-resp": {"openai-responses"},
    "mixed": {"anthropic-messages", "openai-chat", "openai-responses"},
}
"""What agents speak that do not speak OpenAI's chat. Codex is only in one of the mixed captures."""


@pytest.mark.parametrize("agent", DIALECTS)
def test_agents_that_do_not_speak_chat_are_understood(agent: str) -> None:
    cases = [case for known, case in CAPTURES if known == agent]
    if not cases:
        pytest.skip(f"NOT TESTED against real agents: {corpus.MISSING}")
    found = {turn.dialect for case in cases for turn in corpus.turns(agent, case)}
    assert found == DIALECTS[agent]


@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_all_but_probes_is_woven(agent: str, case: str) -> None:
    told = corpus.truth(agent, case)["exchanges"]
    probes = {one["n"] + 1 for one in told if one.get("kind") == "probe"}
    numbers = {exchange.number for exchange in corpus.exchanges(agent, case)}
    assert numbers - spoken(agent, case) == probes


def spoken(agent: str, case: str) -> set[int]:
    """The numbers of the exchanges whose dialect is known."""
    return {turn.exchange for turn in corpus.turns(agent, case)}


def true_threads(agent: str, case: str) -> dict[str, list[int]]:
    """Name of each thread → its exchanges, those of other dialects left out."""
    ours = spoken(agent, case)
    found = {
        name: [n + 1 for n in numbers if n + 1 in ours]
        for name, numbers in corpus.truth(agent, case)["threads"].items()
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def threads_of(sessions: tuple[Session, ...]) -> dict[tuple[int, ...], tuple[str, Thread]]:
    """Exchanges of each thread → its session's name, and the thread."""
    return {
        tuple(turn.exchange for turn in thread.turns): (session.name, thread)
        for session in sessions
        for thread in session.threads
    }


def kind_of(name: str) -> str:
    """What the truth calls a thread (`px1:sub-C`, `main`, `side-3`) as a thread's kind."""
    word = name.rpartition(":")[2].partition("-")[0]
    return {"sub": "sub-agent"}.get(word, word)


@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_threads_sessions_and_kinds_are_as_known(agent: str, case: str) -> None:
    known = true_threads(agent, case)
    found = threads_of(weave(corpus.turns(agent, case)))
    assert sorted(found) == sorted(tuple(numbers) for numbers in known.values())
    assert {n: found[tuple(v)][1].kind for n, v in known.items()} == {n: kind_of(n) for n in known}
    runs: defaultdict[str, set[str]] = defaultdict(set)
    for name, numbers in known.items():
        runs[name.rpartition(":")[0]].add(found[tuple(numbers)][0])
    assert all(len(sessions) == 1 for sessions in runs.values()), "a run is one session"
    assert len(set.union(set(), *runs.values())) == len(runs), "two runs are two sessions"


@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_nothing_but_a_new_conversation_is_held_to_be_resumed(agent: str, case: str) -> None:
    sessions = weave(corpus.turns(agent, case))
    assert not [t.name for session in sessions for t in session.threads if t.resumed]


@dataclass(frozen=True)
class Verdict:
    """What became of one reply, in words that both sides know."""

    dropped: bool = False
    removed: tuple[str, ...] = ()
    as_text: tuple[str, ...] = ()
    arguments: int = 0
    names: tuple[tuple[str, str], ...] = ()
    reasoning: bool = False
    unmatched: tuple[str, ...] = ()


def told(link: Link) -> Verdict:
    """What a link tells of the reply."""
    echo, reply = link.echo, link.parent.reply.message
    at = len(link.parent.messages)
    kept = any(row.old == at and row.new is not None for row in link.pairs)
    dropped = link.relation is Relation.RETRY or not kept
    if echo.kind is EchoKind.SUPERSEDED:
        return Verdict(dropped, unmatched=_sorted(c.name for c in reply.tool_calls if dropped))
    changed = [c for c in echo.calls if c.fate is Fate.CHANGED and c.new is not None]
    return Verdict(
        echo.kind is EchoKind.MISSING,
        _sorted(c.call.name for c in echo.calls if echo.slot and c.fate is Fate.GONE),
        _sorted(c.call.name for c in echo.calls if c.fate is Fate.AS_TEXT),
        sum(c.call.canonical_arguments != c.new.canonical_arguments for c in changed if c.new),
        tuple((c.call.name, c.new.name) for c in changed if c.new and c.call.name != c.new.name),
        bool(echo.slot) and echo.reasoning is Fate.GONE,
        _sorted(c.call.name for c in echo.calls if not c.answered or c.fate is Fate.AS_TEXT),
    )


def expected(agent: str, case: str) -> dict[int, Verdict]:
    """Exchange → what the truth says became of its reply in the next request of its thread."""
    truth = corpus.truth(agent, case)
    lists: dict[str, list[dict[str, Any]]] = truth["expected"]
    ours = spoken(agent, case)
    followed = [t["n"] for t in truth["turns"] if t.get("next") is not None]

    def of(name: str, n: int) -> list[dict[str, Any]]:
        return [one for one in lists[name] if one["n"] == n]

    return {
        n + 1: Verdict(
            bool(of("dropped_turns", n)),
            _sorted(c["name"] for c in of("calls_removed_from_a_kept_turn", n)),
            _sorted(c["name"] for c in of("calls_turned_into_text", n)),
            len(of("call_arguments_changed", n)),
            tuple((c["from"], c["to"]) for c in of("call_names_rewritten", n)),
            n in lists["reasoning_dropped"],
            _sorted(
                c["name"] for c in of("unmatched_calls", n) if "no later request" not in c["why"]
            ),
        )
        for n in followed
        if n + 1 in ours
    }


def _sorted(names: Any) -> tuple[str, ...]:
    return tuple(sorted(names))


@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_each_reply_comes_back_as_known(agent: str, case: str) -> None:
    threads = threads_of(weave(corpus.turns(agent, case))).values()
    links = [link for _, thread in threads for link in thread.links if link is not None]
    found = {link.parent.exchange: told(link) for link in links}
    known = expected(agent, case)
    assert found.keys() == known.keys()
    differ = {
        (agent, case, n, field)
        for n in known
        for field in Verdict.__dataclass_fields__
        if getattr(found[n], field) != getattr(known[n], field)
    }
    assert differ == {place for place in JUDGED_OTHERWISE if place[:2] == (agent, case)}


@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_the_order_in_which_turns_come_makes_no_difference(agent: str, case: str) -> None:
    turns = corpus.turns(agent, case)
    assert weave(reversed(turns)) == weave(turns)
