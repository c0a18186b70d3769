"""The rows as one table for people, or as JSON for programs."""

from collections.abc import Iterable, Sequence

import orjson

from bench.result import Row

_HEAD = ("measure", "aim", "measured", "", "quartiles", "on ÷ off")


def as_text(rows: Sequence[Row]) -> Iterable[str]:
    """The table's lines."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_HEAD))]
    for line in cells:
        yield "  ".join(f"{c:{w}}" for c, w in zip(line, widths, strict=True)).rstrip()


def as_json(rows: Sequence[Row], machine: dict[str, object]) -> str:
    """One JSON document: the machine and the rows."""
    listed = [
        {
            "name": row.name,
            "value": round(row.value, 4),
            "unit": row.unit,
            "aim": {"least": row.least, "most": row.most},
            "verdict": row.verdict or None,
            "quartiles": row.spread,
            "note": row.note,
        }
        for row in rows
    ]
    return orjson.dumps({"machine": machine, "rows": listed}, option=orjson.OPT_INDENT_2).decode()


def _cells(row: Row) -> tuple[str, ...]:
    value = f"{row.value:.2f}" if row.unit == "×" else f"{row.value:.0f} {row.unit}"
    spread = f"{row.spread[0]:.2f}–{row.spread[1]:.2f}" if row.spread else ""
    return row.name, row.aim, value, row.verdict, spread, row.note
