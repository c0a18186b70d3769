"""Findings as SARIF 2.1.0, for code scanning and for editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256

import orjson

import kimitap
from kimitap.export.formats.checked import Checked, place_words
from kimitap.export.formats.text import QUOTED
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.rules.rule import Rule
from kimitap.rules.table import group_of, help_uri
from kimitap.visible import one_line, visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
FINGERPRINTS = ("kimitapFinding/v1", "primaryLocationLineHash")
"""Names of the same fingerprint. GitHub knows an alert by the second alone, and where it is missing
takes the hash of the line: the same for all, so that only one of a rule's findings is left."""
MOST = 25_000
"""Results of a run; GitHub refuses a file with more, and shows the worst 5,000."""
MOST_RELATED = 100
"""Related locations of a result; GitHub shows no more."""

Json = dict[str, object]


def sarif(checked: Checked) -> str:
    """The log: one run, its rules explained, every place as a logical location."""
    places = _Places(checked)
    ids = {rule.name: index for index, rule in enumerate(checked.rules)}
    told = _worst(list(zip(checked.findings, _fingerprints(checked), strict=True)))
    results = [
        _result(finding, ids.get(finding.rule, -1), places, print_) for finding, print_ in told
    ]
    driver: Json = {
        "name": "Kimitap",
        "version": kimitap.__version__,
        "semanticVersion": kimitap.__version__,
        "rules": [_rule(rule) for rule in checked.rules],
    }
    run: Json = {
        "tool": {"driver": driver},
        "artifacts": [{"location": {"uri": checked.uri}, "roles": ["analysisTarget"]}],
        "logicalLocations": places.listed,
        "results": results,
        "properties": {
            **checked.counts,
            "others": checked.others,
            "leftOut": len(checked.findings) - len(results),
        },
    }
    log: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(log, option=orjson.OPT_INDENT_2).decode() + "\n"


def _worst(found: Sequence[tuple[Finding, str]]) -> Sequence[tuple[Finding, str]]:
    """As many as GitHub takes, the worst ones, in their order."""
    if len(found) <= MOST:
        return found
    ranked = sorted(range(len(found)), key=lambda i: -found[i][0].severity.rank)
    return [found[i] for i in sorted(ranked[:MOST])]


def _rule(rule: Rule) -> Json:
    described: Json = {
        "id": rule.name,
        "name": "".join(word.title() for word in rule.name.split("-")),
        "shortDescription": {"text": _text(rule.summary)},
        "fullDescription": {"text": _text(rule.meaning)},
        "help": {
            "text": _text(f"{rule.meaning}\n\nWhat to do: {rule.remedy}\n\nSource: {rule.source}"),
            "markdown": f"{rule.meaning}\n\n**What to do:** {rule.remedy}\n\nSource: {rule.source}",
        },
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": [group_of(rule), rule.side.value]},
    }
    uri = help_uri(rule)
    return described | ({"helpUri": uri} if uri else {})


def _result(finding: Finding, index: int, places: "_Places", print_: str) -> Json:
    quotes = [f"exchange {e.exchange}: {one_line(e.quote, QUOTED)}" for e in finding.evidence]
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": _text("\n".join((finding.message, *quotes)))},
        "locations": [places.location(finding, finding.place)],
        "partialFingerprints": dict.fromkeys(FINGERPRINTS, print_),
        "properties": {
            "side": finding.side.value,
            "evidence": [{"exchange": e.exchange, "quote": e.quote} for e in finding.evidence],
        },
    }
    related = [
        places.location(finding, place) | {"id": i, "message": {"text": place_words(place)}}
        for i, place in enumerate(finding.related[:MOST_RELATED])
    ]
    return result | ({"relatedLocations": related} if related else {})


class _Places:
    """The sessions, threads, exchanges, messages and parts that findings point to, each once."""

    def __init__(self, checked: Checked) -> None:
        self.listed: list[Json] = []
        self._uri = checked.uri
        self._index: dict[str, int] = {}

    def location(self, finding: Finding, place: Place) -> Json:
        """A place in the recording: its file, and within it the path `s1/t1/3/2`.

        The line is there for those who show nothing without one.
        """
        parent: int | None = None
        path, name = "", ""
        for kind, number in _steps(finding, place):
            name = number if kind in {"session", "thread"} else f"{kind} {number}"
            path = f"{path}/{number}" if path else number
            parent = self._take(path, name, kind, parent)
        return {
            "physicalLocation": {
                "artifactLocation": {"uri": self._uri, "index": 0},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"index": parent, "name": name, "fullyQualifiedName": path}],
        }

    def _take(self, path: str, name: str, kind: str, parent: int | None) -> int:
        if path not in self._index:
            self._index[path] = len(self.listed)
            entry: Json = {"name": name, "fullyQualifiedName": path, "kind": kind}
            self.listed.append(entry if parent is None else entry | {"parentIndex": parent})
        return self._index[path]


def _steps(finding: Finding, place: Place) -> Iterator[tuple[str, str]]:
    yield "session", finding.session
    yield "thread", finding.thread
    yield "exchange", str(place.exchange)
    if place.message_index is not None:
        yield "message", str(place.message_index)
    if place.part is not None:
        yield "part", f"{'' if place.message_index is not None else 'reply.'}{place.part}"


def _fingerprints(checked: Checked) -> Iterator[str]:
    """What a finding stays known by: its rule, its place, and when that exchange began.

    So it is the same in every run over a recording, and after a capture was imported elsewhere
    under other numbers, but not the same as one at the like place of another recording.
    """
    started = {
        turn.exchange: turn.started_at.isoformat()
        for _, thread in checked.threads
        for turn in thread.turns
    }
    seen: Counter[str] = Counter()
    for finding in checked.findings:
        place = finding.place
        began = started.get(place.exchange, str(place.exchange))
        known = f"{finding.rule}\n{began}\n{place.message_index}\n{place.part}"
        seen[known] += 1
        yield sha256(f"{known}\n{seen[known]}".encode()).hexdigest()[:32]


def _text(text: str) -> str:
    """Plain text in which nothing recorded becomes a link (`[text](target)`)."""
    return re.sub(r"\[(?=[^\]\n]*\]\()", r"\\[", visible(text))
