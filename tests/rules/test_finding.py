"""A finding as data."""

from kimitap.rules.finding import Evidence, Finding, Place, Proof, Severity, Side, as_json


def test_a_finding_as_json_has_the_documented_shape() -> None:
    finding = Finding(
        "tool-turn-lost",
        Severity.ERROR,
        Side.AGENT,
        "Request 3 does not give back …",
        Place(3, 2),
        "s1",
        "t1",
        (Place(2), Place(4, 0, 1)),
        (Evidence(2, "write({})"), Evidence(3, "3 tokens", Proof.FACT)),
    )
    assert as_json(finding) == {
        "rule": "tool-turn-lost",
        "severity": "error",
        "side": "agent",
        "message": "Request 3 does not give back …",
        "session": "s1",
        "thread": "t1",
        "exchange": 3,
        "message_index": 2,
        "part": None,
        "related": [{"exchange": 2}, {"exchange": 4, "message_index": 0, "part": 1}],
        "evidence": [
            {"exchange": 2, "quote": "write({})", "kind": "quote"},
            {"exchange": 3, "quote": "3 tokens", "kind": "fact"},
        ],
    }
