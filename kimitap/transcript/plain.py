"""The rows as text for a pipe."""

from collections.abc import Iterable, Iterator

from kimitap.rules.finding import Severity
from kimitap.transcript.row import Kind, Row
from kimitap.transcript.wording import WIDEST

SYMBOLS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "i"}


def plain(rows: Iterable[Row]) -> Iterator[str]:
    """Lines without line feeds: each row unfolded, findings under it, hostile text written out.

    Declared tools, headers and carried history stay folded.
    """
    for row in rows:
        if row.inside is not None:
            continue
        yield f"{SYMBOLS[row.severity] if row.severity else ' '} {label(row)}"
        if _worth_unfolding(row):
            yield from (f"  │ {line}" for line in row.lines)
        for finding in row.findings:
            symbol = SYMBOLS[finding.severity]
            yield f"    {symbol} {finding.severity}: {finding.rule}: {finding.sentence}"


def _worth_unfolding(row: Row) -> bool:
    if row.kind is Kind.CALL:
        return len(row.text) >= WIDEST
    return row.unfolds and row.kind not in {Kind.TURN, Kind.TOOLS, Kind.RELATION}


def label(row: Row) -> str:
    """A row on one line, without its mark: glyph, role, title, text, note, echo."""
    said = [word for word in (lead(row), row.word, row.title, row.text) if word]
    if row.kind is Kind.TURN:
        said = ["──", row.title, "──", row.text, "──"]
    note = f"  ({row.note})" if row.note else ""
    return "  ".join(said) + note + (f"  [{row.echo.long}]" if row.echo else "")


def lead(row: Row) -> str:
    """What stands before a row's text: its role's word or the glyph of its kind."""
    match row.kind:
        case Kind.CALL:
            return "  └─▸" if row.last else "  ├─▸"
        case Kind.RESULT:
            return "  ◂──"
        case Kind.GHOST:
            return f"╎ {row.role}".rstrip()
        case Kind.REASONING:
            return "ASST (thinks)"
        case Kind.RELATION:
            return "↳"
        case Kind.TROUBLE:
            return "✗"
        case _:
            return row.role if row.leads else " " * len(row.role)
