"""Runs against runs as text, Markdown and JSON."""

from collections.abc import Iterator, Sequence

import kimitap
from kimitap.export.differences.json import WORDS, Json, dumped, measures
from kimitap.export.differences.runs import PARTS, RunLine, RunsDocument
from kimitap.export.differences.text import measures as measures_in_text
from kimitap.export.differences.text import table
from kimitap.export.markdown import footer
from kimitap.export.measures import measures_table
from kimitap.export.text import code, prose
from kimitap.visible import one_line


def runs_text(document: RunsDocument) -> str:
    """A summary, a line a pair with where it parts, and what was counted."""
    lines = [f"{document.old} against {document.new}", document.summary, ""]
    lines += table(["", "before", "after"], document.facts)
    lines.append("")
    lines += table(
        ["", "before", "after", "same turns", "findings", "parts at"],
        [_cells(line) for line in document.lines],
    )
    lines += _counted_in_text(document)
    for line in document.lines:
        if line.turn is not None:
            lines += ["", f"── {line.old} and {line.new}: {line.task} ──", line.sentence]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _counted_in_text(document: RunsDocument) -> Iterator[str]:
    for title, rows in _counts(document):
        yield ""
        yield from table([title, "pairs"], [(name, str(n)) for name, n in rows])
    if document.findings:
        yield ""
        rules = [(rule, str(old), str(new)) for rule, old, new in document.findings]
        yield from table(["findings", "before", "after"], rules)
    yield ""
    yield from measures_in_text(document.measures)


def _counts(document: RunsDocument) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    if document.parted:
        yield "parts in", [(PARTS[part], n) for part, n in document.by_part.items()]
        yield "parts at", [(f"turn {turn}", n) for turn, n in document.by_turn.items()]


def _cells(line: RunLine) -> tuple[str, ...]:
    turns = max(line.turns)
    at = "" if line.turn is None or line.part is None else f"turn {line.turn}: {PARTS[line.part]}"
    how = f" ({line.how})" if line.how and line.how != "same task" else ""
    also = f" (other {', '.join(line.settings)})" if line.settings else ""
    findings = f"{line.findings[0]} → {line.findings[1]}"
    parts = f"{at}{how}{also}".strip()
    return line.mark, line.old, line.new, f"{line.same} of {turns}", findings, parts


def runs_markdown(document: RunsDocument) -> str:
    """The same as a page."""
    blocks = [
        f"## {prose(one_line(f'{document.old} against {document.new}', 200))}",
        prose(document.summary),
        _md_table(["", "before", "after"], [(n, code(a), code(b)) for n, a, b in document.facts]),
        "### Sessions",
        _md_table(
            ["", "before", "after", "same turns", "findings", "parts at"],
            [_md_cells(line) for line in document.lines],
        ),
    ]
    for title, rows in _counts(document):
        blocks.append(_md_table([title, "pairs"], [(prose(name), str(n)) for name, n in rows]))
    if document.findings:
        rules = [(f"`{rule}`", str(old), str(new)) for rule, old, new in document.findings]
        blocks.append(_md_table(["findings", "before", "after"], rules))
    blocks += ["### Numbers", measures_table(document.measures)]
    parted = [line for line in document.lines if line.turn is not None]
    if parted:
        blocks.append("### Where they part")
        blocks += [
            f"{code(line.old)} and {code(line.new)}, {code(line.task)}: {prose(line.sentence)}"
            for line in parted
        ]
    return "\n\n".join([*blocks, f"_{footer()}_"]) + "\n"


def _md_cells(line: RunLine) -> tuple[str, ...]:
    mark, old, new, same, findings, at = _cells(line)
    return f"`{mark}`", code(old), code(new), same, findings, prose(at)


def _md_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---" for _ in head], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def runs_json(document: RunsDocument) -> str:
    """For programs; keys are only ever added."""
    return dumped(
        {
            "kimitap": kimitap.__version__,
            "kind": "runs",
            "old": document.old,
            "new": document.new,
            "same": document.same,
            "summary": document.summary,
            "paired": document.paired,
            "parted": document.parted,
            "only_old": document.alone[0],
            "only_new": document.alone[1],
            "by_turn": {str(turn): n for turn, n in document.by_turn.items()},
            "by_part": dict(document.by_part),
            "facts": {name: {"old": old, "new": new} for name, old, new in document.facts},
            "findings": {r: {"old": old, "new": new} for r, old, new in document.findings},
            "measures": measures(document.measures),
            "sessions": [_line(line) for line in document.lines],
        }
    )


def _line(line: RunLine) -> Json:
    return {
        "change": WORDS[line.mark],
        "old": line.old,
        "new": line.new,
        "paired_by": line.how,
        "task": line.task,
        "old_turns": line.turns[0],
        "new_turns": line.turns[1],
        "same_turns": line.same,
        "parts_at": line.turn,
        "part": line.part,
        "old_exchange": line.exchanges[0],
        "new_exchange": line.exchanges[1],
        "sentence": line.sentence,
        "old_findings": line.findings[0],
        "new_findings": line.findings[1],
        "differs": list(line.settings),
    }
