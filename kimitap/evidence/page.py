"""The report's page in Markdown: ready to be pasted into a bug tracker."""

from collections.abc import Iterator

from kimitap.conversation import Message
from kimitap.evidence.bounded import MOST, blocks_of, bounded
from kimitap.evidence.case import Case
from kimitap.evidence.words import came_from, contents, left_out
from kimitap.export import markdown
from kimitap.export.text import code, fence, prose
from kimitap.places import PlaceWord
from kimitap.redact import mask_text
from kimitap.report import remedies, report_on
from kimitap.rules.finding import Finding
from kimitap.transcript.wording import message_text, plural
from kimitap.visible import visible

UNPACKED = "In the unpacked folder; report.html and replay.sh need no Kimitap:"
_QUOTED = 4000
"""Characters of the message that a finding is about."""


def page(case: Case, most: int = MOST) -> str:
    """The Markdown page of at most `most` characters: verdict, versions, proof, and how to run it.

    What was recorded stands in code spans and fences, and is masked whatever the case's level.
    """
    proof = list(blocks_of(_proof(case)))
    footer = proof.pop()
    ending = [*_unshown(case), *_other_findings(case), *_reproduce(case), *_contents(case), footer]
    room = most - sum(len(block) + 2 for block in ending)
    return "\n\n".join([bounded(proof, room).rstrip("\n"), *ending]) + "\n"


def reported_exchange(case: Case) -> int:
    """The exchange whose reply is compared with the request after it."""
    finding = case.finding
    if finding is None or finding.place.message_index is None:
        return case.exchange
    link = case.analysis.link_before(case.exchange)
    return link.parent.exchange if link else case.exchange


def _proof(case: Case) -> str:
    """The report on the pair of requests; on the one request where nothing comes before it."""
    if case.finding is not None and _alone(case, case.finding):
        return _on_request(case, case.finding)
    return report_on(case.analysis, [PlaceWord("", reported_exchange(case))], case.finding)


def _alone(case: Case, finding: Finding) -> bool:
    asked = finding.place.message_index is not None
    return asked and case.analysis.link_before(case.exchange) is None


def _on_request(case: Case, finding: Finding) -> str:
    turn = case.analysis.turns[case.exchange]
    found = [f for f in case.analysis.findings if f.place.exchange == case.exchange]
    found.sort(key=lambda f: (f is not finding, -f.severity.rank))
    said = list(blocks_of(markdown.reply_report(turn, found, remedies())))
    index = finding.place.message_index or 0
    at = next((i for i, block in enumerate(said) if block.startswith("### ")), len(said))
    if index < len(turn.messages):
        said[at:at] = [
            f"### Request {turn.exchange}, message {index}",
            _quoted(turn.messages[index]),
        ]
    return "\n\n".join(said)


def _quoted(message: Message) -> str:
    text = mask_text(message_text(message)) or '""'
    cut = f"… ({len(text) - _QUOTED:,} more characters)" if len(text) > _QUOTED else ""
    return fence(f"role: {message.wire_role or message.role}\n{text[:_QUOTED]}{cut}", "text")


def _unshown(case: Case) -> Iterator[str]:
    if case.unshown:
        yield (
            f"**Not shown by the recording alone:** {prose(case.unshown)} was found in the whole "
            "recording, and not again in what is attached here: it needs what was masked, left "
            "out, or asked of a server."
        )


def _other_findings(case: Case) -> Iterator[str]:
    """What else was found in the exchanges of the case, a line a rule."""
    here = {reported_exchange(case), case.exchange}
    counts: dict[tuple[str, str], list[int]] = {}
    for finding in case.analysis.findings:
        if finding.place.exchange not in here:
            key = finding.rule, finding.severity.value
            counts.setdefault(key, []).append(finding.place.exchange)
    if counts:
        yield "### Also found in these exchanges"
        yield "\n".join(
            f"- `{rule}` ({severity}) at {plural(len(at), 'place')}, first in exchange {at[0]}"
            for (rule, severity), at in counts.items()
        )


def _reproduce(case: Case) -> Iterator[str]:
    yield "### How to reproduce it"
    yield visible(came_from(case))
    yield UNPACKED
    yield fence("\n".join(commands(case)), "sh")
    yield from left_out(case)


def commands(case: Case) -> Iterator[str]:
    """What shows the finding again and sends the request again, typed in the report's folder."""
    if case.finding is not None:
        check = f"kimitap check recording.db --select {case.finding.rule}"
        yield f"{check}  # the finding, from the recorded bytes"
    else:
        yield "kimitap show recording.db  # the conversation as text"
    first = reported_exchange(case)
    if link := case.analysis.link_after(first):
        after = link.child.exchange
        yield f"kimitap diff recording.db {first}  # exchange {first} against request {after}"
    yield "kimitap recording.db  # the conversation, and where it broke"
    number = case.finding.place.exchange if case.finding else case.exchange
    yield (
        f"BASE_URL=http://127.0.0.1:8080 ./replay.sh {number}"
        f"  # request {number}, sent again to your server; without a number all"
    )


def _contents(case: Case) -> Iterator[str]:
    yield "### What is attached"
    rows = [f"| {code(name)} | {prose(what)} |" for name, what in contents(case)]
    yield "\n".join(["| file | what it is |", "| --- | --- |", *rows])
