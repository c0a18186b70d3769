"""What findings quote stands in the exchanges that they name: nothing is made up."""

from collections.abc import Sequence
from functools import cache

import orjson
import pytest

from kimitap.exchange import Exchange
from kimitap.rules import RULES, check
from kimitap.rules.examples import TASK, assistant, call, step
from kimitap.rules.finding import Evidence, Finding, Proof
from kimitap.rules.rule import Rule, Sample
from kimitap.weave import weave
from tests.scoring.dialects import OTHERS, Dialect
from tests.scoring.translate import translated
from tests.support import corpus
from tests.support.examples import exchange_of, findings_of
from tests.support.quoting import Said

WHOLE = "/chat/completions"


def in_dialect(samples: Sequence[Sample], dialect: Dialect) -> Sequence[Sample] | None:
    """The samples in that API; None where they are bytes of one API, or speak one that is older."""
    if dialect is Dialect.CHAT:
        return samples
    plain = all(s.path.endswith(WHOLE) and s.raw is None for s in samples)
    newer = plain and all("functions" not in s.request for s in samples)
    named = newer and all("parameters" in _function(t) for s in samples for t in _tools(s))
    return translated(samples, dialect) if named else None


def _tools(sample: Sample) -> Sequence[dict[str, object]]:
    return sample.request.get("tools") or ()  # type: ignore[return-value] # a test's JSON


def _function(tool: dict[str, object]) -> dict[str, object]:
    return tool.get("function") or {}  # type: ignore[return-value] # a test's JSON


def made_up(findings: Sequence[Finding], exchanges: dict[int, Exchange]) -> list[str]:
    """The quotes that do not stand in their exchanges."""
    said = cache(lambda number: Said(exchanges[number]))
    return [
        f"{finding.rule}, exchange {proof.exchange}: {proof.quote}"
        for finding in findings
        for proof in finding.evidence
        if proof.kind is Proof.QUOTE and not said(proof.exchange).holds(proof.quote)
    ]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_is_quoted_of_an_example_stands_in_it(rule: Rule, dialect: Dialect) -> None:
    for example in rule.examples:
        samples = in_dialect(example.exchanges, dialect)
        if samples is not None:
            exchanges = {n: exchange_of(n, sample) for n, sample in enumerate(samples, 1)}
            assert made_up(findings_of(samples), exchanges) == []


@pytest.mark.parametrize("dialect", OTHERS)
def test_most_examples_are_spoken_in_every_api(dialect: Dialect) -> None:
    examples = [e for rule in RULES for e in rule.examples]
    spoken = [e for e in examples if in_dialect(e.exchanges, dialect) is not None]
    assert len(spoken) > 0.7 * len(examples)


@pytest.mark.skipif(not corpus.present(), reason=corpus.MISSING)
@pytest.mark.parametrize("agent", sorted({agent for agent, _ in corpus.captures()}))
def test_what_is_quoted_of_a_capture_stands_in_it(agent: str) -> None:
    for case in (case for own, case in corpus.captures() if own == agent):
        exchanges = {one.number: one for one in corpus.exchanges(agent, case)}
        found = [f for s in weave(corpus.turns(agent, case)) for f in check(s)]
        assert made_up(found, exchanges) == []


SPOKEN = Said(
    exchange_of(
        1,
        step(
            (*TASK, assistant(None, call("c1", "read_file", path="a b"))),
            assistant("I write, and\n  then I check.", call("c2", "write_file", path="summary.md")),
            tool_choice="auto",
        ),
    )
)


@pytest.mark.parametrize(
    "quote",
    [
        "I write, and then",
        "assistant: I write, and\n  then I check.",
        'assistant: I write, and\n  then I check. write_file({"path": "summary.md"})',
        'write_file({"path":"summary.md"})',
        'write_file({"path": "summ…',
        'c2: write_file({"path": "summary.md"})',
        'assistant: read_file({"path": "a b"})',
        '"tool_choice": "auto"',
        '"finish_reason": "tool_calls"',
        "…then I check.",
    ],
)
def test_words_of_an_exchange_are_known_as_such(quote: str) -> None:
    assert SPOKEN.holds(quote)


@pytest.mark.parametrize(
    "quote",
    [
        "I write, but then",
        'assistant: ""',
        '"content": "", "finish_reason": "None"',
        '"finish_reason": "stop"',
        '"stop_reason": "tool_calls"',
        '"index": None, "id": "c2"',
        "None: I write",
        'c3: write_file({"path": "summary.md"})',
        'write_file({"path": "other.md"})',
        'write_file({"path": "other…',
        'read_file({"path": "summary.md"}',
        'assistant: I write. write_file({"path": "summary.md"})',
        "status 200, no whole answer",
    ],
)
def test_words_that_are_made_up_are_known_as_such(quote: str) -> None:
    assert not SPOKEN.holds(quote)


@pytest.mark.parametrize("dialect", Dialect)
def test_an_ending_is_quoted_under_its_own_name(dialect: Dialect) -> None:
    samples = translated([step(TASK, assistant("I read."), "tool_calls")], dialect)
    [*_, finding] = [f for f in findings_of(samples) if f.rule == "finish-reason-mismatch"] or [
        None
    ]
    if dialect is Dialect.RESPONSES:
        assert finding is None
        return
    assert finding is not None
    field, word = {
        Dialect.CHAT: ("finish_reason", "tool_calls"),
        Dialect.MESSAGES: ("stop_reason", "tool_use"),
    }[dialect]
    assert finding.evidence == (Evidence(1, f'"{field}": {orjson.dumps(word).decode()}'),)


def test_a_reply_that_says_nothing_is_quoted_as_nothing() -> None:
    raw = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
    [finding] = findings_of([Sample(step(TASK, None).request, None, raw=raw)])
    assert finding.rule == "empty-reply"
    assert {proof.kind for proof in finding.evidence} == {Proof.FACT}
