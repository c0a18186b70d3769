"""The report for a bug tracker: what was lost between two requests, proved with both.

Returns text and writes nothing. Everything recorded is masked (`redact.mask_text`) and stands in
code spans or fences, so that it can neither leak a key nor change the page.
"""

from collections.abc import Iterator, Mapping, Sequence

import kimitap
from kimitap.beginnings import shared_prefix
from kimitap.conversation import Message, Turn
from kimitap.diff import Change, Diff, DiffRow
from kimitap.export.facts import Fact, facts_table, told_in_full
from kimitap.export.heading import heading
from kimitap.export.measures import measures_table, of_turns, shown
from kimitap.export.prompt import saw
from kimitap.export.text import code, fence, prose
from kimitap.lineage import Mark
from kimitap.redact import mask_text
from kimitap.rules.finding import Finding
from kimitap.transcript import echo_mark
from kimitap.visible import one_line, visible

QUOTED = 4000
"""Characters of one message that a report quotes; the rest is counted."""
_BEFORE = 200
"""Characters that are quoted before the place where a long text differs."""
_NAMED = 80
"""Characters of an agent's and a model's name in the heading; both stand in full below it."""


def report(
    diff: Diff,
    findings: Sequence[Finding],
    remedies: Mapping[str, str],
    *,
    follows: bool = True,
    places: Sequence[Fact] = (),
) -> str:
    """The Markdown report on one pair of requests.

    `findings` are those at this pair, worst first; `remedies` maps a rule's name to what to do.
    `places` say where each side stands, in rows like those of `facts_of`.
    `follows` is False where the second request does not continue the first, so that nothing of the
    first was due in it.
    """
    blocks = [
        f"## {_title(diff, findings)}",
        _verdict(diff, findings, follows),
        *_echo(diff, follows),
        facts_table([*places, *told_in_full(diff.old, diff.new)]),
        measures_table(of_turns(diff.old, diff.new)),
        f"### Request {diff.old.exchange} and its reply, against request {diff.new.exchange}",
        message_table(diff.rows),
        *settings_table(diff.settings),
        *_relevant(diff),
        *saw((diff.old, diff.new)),
        *_findings(findings, remedies, diff.old, diff.new),
        f"_{footer()}_",
    ]
    return "\n\n".join(blocks) + "\n"


def reply_report(turn: Turn, findings: Sequence[Finding], remedies: Mapping[str, str]) -> str:
    """The report on a reply that no later request follows."""
    what = heading(findings[0]) if findings else f"exchange {turn.exchange}"
    blocks = [
        f"## {_titled(what, turn, turn)}",
        " ".join(_sentence(f) for f in findings) or "Kimitap found nothing wrong here.",
        f"No request follows exchange {turn.exchange} in its thread: there is none to compare its "
        "reply with.",
        _facts_of_one(turn),
        f"### The reply of exchange {turn.exchange}",
        _quoted(turn.reply.message),
        *saw((turn,)),
        *_findings(findings, remedies, turn),
        f"_{footer()}_",
    ]
    return "\n\n".join(blocks) + "\n"


def _title(diff: Diff, findings: Sequence[Finding]) -> str:
    pair = f"request {diff.old.exchange} → {diff.new.exchange}"
    return _titled(heading(findings[0]) if findings else pair, diff.old, diff.new)


def _titled(what: str, old: Turn, new: Turn) -> str:
    who = f"{one_line(_agent(new), _NAMED)}, {one_line(_model(old), _NAMED)}"
    return prose(f"{what} ({who})")


def _verdict(diff: Diff, findings: Sequence[Finding], follows: bool) -> str:
    counts = {mark: sum(row.mark is mark for row in diff.rows) for mark in Mark}
    moved = (
        f"Of the {len(diff.link.history)} messages that exchange {diff.old.exchange} left behind "
        f"(its request and its reply), request {diff.new.exchange} repeats {counts[Mark.SAME]}, "
        f"changes {counts[Mark.CHANGED]} and drops {counts[Mark.GONE]}; "
        f"it adds {counts[Mark.NEW]}."
    )
    said = " ".join(_sentence(f) for f in findings)
    if not said:
        said = "Kimitap found nothing wrong between these two requests."
    if not follows:
        said = "These two requests do not follow one another, so nothing was due in the second."
    return f"{said} {moved}"


def _echo(diff: Diff, follows: bool) -> Iterator[str]:
    """How the reply came back, unless the requests do not follow one another."""
    mark = echo_mark(diff.link) if follows else None
    if mark is not None:
        yield f"**Echo:** {prose(mask_text(mark.long))}."


def _sentence(finding: Finding) -> str:
    text = mask_text(visible(finding.message))
    return f"**{finding.severity}, {finding.side}:** {prose(text)}"


def _facts_of_one(turn: Turn) -> str:
    """Who ran, how long it took and how many tokens it was, in one column."""
    facts = [(name, mask_text(old)) for name, old, _ in told_in_full(turn, turn)]
    numbers = [(m.name, shown(m.old, m.unit)) for m in of_turns(turn, None)]
    rows = [f"| {name} | {code(told or 'not sent')} |" for name, told in [*facts, *numbers]]
    return "\n".join(["| what | |", "| --- | --- |", *rows])


def _agent(turn: Turn) -> str:
    return mask_text(visible(turn.agent)) or "unknown agent"


def _model(turn: Turn) -> str:
    return mask_text(visible(turn.reply.model or turn.model)) or "unknown model"


def message_table(rows: Sequence[DiffRow]) -> str:
    """The aligned messages of two requests, one row each."""
    head = ["| | before | after | message |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *_table_rows(rows)])


def _table_rows(rows: Sequence[DiffRow]) -> Iterator[str]:
    """One line a row; a run of more than three unchanged messages is folded into one line."""
    at = 0
    while at < len(rows):
        run = at
        while run < len(rows) and rows[run].mark is Mark.SAME and not rows[run].is_reply:
            run += 1
        if run - at > 3:
            first, last = rows[at].old_index, rows[run - 1].old_index
            yield f"| `=` | {first}–{last} | {rows[at].new_index}–… | {run - at} unchanged |"
            at = run
            continue
        yield _table_row(rows[at])
        at += 1


def _table_row(row: DiffRow) -> str:
    message = row.old or row.new
    old = "" if row.old_index is None else f"{row.old_index}{' (reply)' if row.is_reply else ''}"
    new = "" if row.new_index is None else str(row.new_index)
    if row.mark is Mark.CHANGED:
        shown = f"{_summary(row.old)} → {_summary(row.new)}"
    else:
        shown = _summary(message)
    return f"| `{row.mark}` | {old} | {new} | {shown} |"


def _summary(message: Message | None) -> str:
    if message is None:
        return ""
    calls = ", ".join(f"{call.name}({call.arguments})" for call in message.tool_calls)
    said = message.text or ("" if calls else '""')
    parts = [f"**{prose(mask_text(one_line(message.role, 40)))}**"]
    if said:
        parts.append(code(mask_text(said), 70))
    if calls:
        parts.append(f"calls {code(mask_text(calls), 90)}")
    if message.reasoning:
        parts.append(f"(+{len(message.reasoning)} characters of reasoning)")
    return " ".join(parts)


def settings_table(settings: Sequence[Change]) -> Iterator[str]:
    """A heading and a table of the settings that differ; nothing where none does."""
    if not settings:
        return
    yield "### Settings that differ"
    rows = [f"| {code(mask_text(c.field))} | {_side(c.old)} | {_side(c.new)} |" for c in settings]
    yield "\n".join(["| field | before | after |", "| --- | --- | --- |", *rows])


def _side(value: str | None) -> str:
    return "absent" if value is None else code(mask_text(value))


def _relevant(diff: Diff) -> Iterator[str]:
    """The messages that differ, in full on both sides, and the reply always."""
    rows = [row for row in diff.rows if row.mark is not Mark.SAME or row.is_reply]
    old = [r for r in rows if r.old is not None]
    new = [r for r in rows if r.new is not None]
    if old:
        yield f"### Before: exchange {diff.old.exchange}"
        for row in old:
            at = f"message {row.old_index} of its request{_on_wire(diff.old, row.old_index)}"
            what = "its reply" if row.is_reply else at
            yield f"`{row.mark}` {what}\n\n{_quoted(row.old, _start(row))}"
    yield f"### After: request {diff.new.exchange}"
    if not new:
        yield "Nothing stands there: the request has no message beyond those it repeats."
    for row in new:
        at = f"message {row.new_index}{_on_wire(diff.new, row.new_index)}"
        yield f"`{row.mark}` {at}\n\n{_quoted(row.new, _start(row))}"


def _on_wire(turn: Turn, index: int | None) -> str:
    """Where a message stands in the request's array, in words, if that is not its own index."""
    if index is None or index >= len(turn.wire_indexes):
        return ""
    at = turn.wire_indexes[index]
    return " (in a field of its own)" if at < 0 else f" (on the wire in entry {at})"


def _start(row: DiffRow) -> int:
    """Where the two texts of a row begin to differ."""
    return shared_prefix(row.old.text, row.new.text) if row.old and row.new else 0


def _quoted(message: Message | None, start: int = 0) -> str:
    """The message as a fenced block; of a long text what stands around `start`."""
    if message is None:
        return ""
    lines = [f"role: {message.wire_role or message.role}"]
    if message.reasoning:
        lines.append(f"reasoning: {_cut(message.reasoning)}")
    lines.extend(
        f"tool_call_id: {result.call_id if result.call_id is not None else '(none)'}"
        for result in message.tool_results
    )
    lines.append(f"content: {_cut(message.text, start)}" if message.text else 'content: ""')
    for call in message.tool_calls:
        name = "(no id)" if call.id is None else call.id or '""'
        lines.append(f"tool_call: {name} {call.name}({_cut(call.arguments)})")
    return fence(mask_text("\n".join(lines)), "text")


def _cut(text: str, start: int = 0) -> str:
    """The text, of a long one its beginning, or what stands around `start` where that is later."""
    if len(text) <= QUOTED:
        return text
    first = max(0, start - _BEFORE) if start > QUOTED // 2 else 0
    shown = text[first : first + QUOTED]
    same = f"({first:,} characters that are the same) …" if first else ""
    more = len(text) - first - len(shown)
    return f"{same}{shown}" + (f"… ({more:,} more characters)" if more else "")


def _findings(
    findings: Sequence[Finding], remedies: Mapping[str, str], *turns: Turn
) -> Iterator[str]:
    if not findings:
        return
    yield "### Findings"
    known = {turn.exchange: turn for turn in turns}
    for finding in findings:
        place = f"exchange {finding.place.exchange}"
        if finding.place.message_index is not None:
            place += f", message {finding.place.message_index}"
            turn = known.get(finding.place.exchange)
            place += _on_wire(turn, finding.place.message_index) if turn else ""
        quotes = "\n".join(
            f"- exchange {e.exchange}: {code(mask_text(e.quote), 300)}" for e in finding.evidence
        )
        yield "\n\n".join(
            part
            for part in (
                f"**`{finding.rule}`** ({finding.severity}, {finding.side}) at {place}",
                prose(mask_text(visible(finding.message))),
                quotes,
                f"What to do: {remedies.get(finding.rule, '')}",
            )
            if part
        )


def footer() -> str:
    """What stands below every report."""
    return (
        f"Made by Kimitap {kimitap.__version__} from the recorded bytes. "
        "Secrets, e-mail addresses and home directories are masked."
    )
