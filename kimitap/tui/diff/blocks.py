"""What differs between two turns as entries: settings at the top, then message by message."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from kimitap.conversation import Message, Turn
from kimitap.diff import Change, Diff, DiffRow, Effort, TurnDiff
from kimitap.lineage import EchoKind, Mark, Relation
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import message_line, message_text, plural
from kimitap.tui.diff.entries import CONTEXT, Body, Entry, Fold, Head, Note, lines
from kimitap.tui.diff.fields import fields
from kimitap.visible import one_line

_OPEN = 24
"""Entries of a system prompt or of settings that stand open at the top."""
_MANY = 1000
"""Messages that one fold shows at once."""
_ROLES = {"system": "SYS", "user": "USER", "assistant": "ASST", "tool": "TOOL"}
_NOBODY = Message("")

Compared = Diff | TurnDiff


def diff_entries(diff: Compared) -> tuple[Entry, ...]:
    """All entries; those of what differs are laid out at once, with one effort for all."""
    effort = Effort()
    top = [row for row in diff.rows if _is_top(row)]
    made: list[Entry] = list(_notes(diff))
    if diff.settings:
        made.append(_settings(diff.settings, effort))
    made += [_top(row, diff, effort) for row in top]
    before = [row for row in diff.rows[: diff.earlier] if not _is_top(row)]
    if before:
        made.append(_before(before, diff))
    made += _messages([r for r in diff.rows[diff.earlier :] if not _is_top(r)], diff, effort)
    return tuple(made)


def _is_top(row: DiffRow) -> bool:
    """A system message that differs stands at the top, beside the settings."""
    return row.mark is not Mark.SAME and (row.old or row.new or _NOBODY).role == "system"


def _notes(diff: Compared) -> Iterator[Entry]:
    if isinstance(diff, Diff) and diff.link.relation is not Relation.CONTINUES:
        relation, why = diff.link.relation, diff.link.why
        yield Note(one_line(f"{relation.value}{f': {why}' if why else ''}", 400))
    elif isinstance(diff, Diff) and diff.link.echo.kind is EchoKind.STORED:
        yield Note("The server keeps the history: the second request sends only what is new.")
    elif isinstance(diff, TurnDiff) and (diff.old is None or diff.new is None):
        turn = diff.old or diff.new
        yield Note(
            f"Nothing stands for request #{turn.exchange if turn else ''} on the other side."
        )


def _settings(changes: Sequence[Change], effort: Effort) -> Head:
    names = list(dict.fromkeys(_setting_name(change.field) for change in changes))
    made = tuple(fields(changes, None, None, effort, follows=False))
    text = partial(one_line, ", ".join(names), 400)
    opened = len(made) <= _OPEN
    return Head(
        Mark.CHANGED,
        None,
        None,
        "SETTINGS",
        "OTHER SETTINGS",
        Severity.INFO,
        text,
        _body(made),
        opened,
    )


def _setting_name(field: str) -> str:
    """`tools.read_file` for all within a tool; else the parameter."""
    parts = field.split(".")
    return ".".join(parts[:2]) if parts[0] == "tools" else parts[0]


def _body(entries: Sequence[Entry]) -> Body:
    return Body(lambda: entries)


def _top(row: DiffRow, diff: Compared, effort: Effort) -> Head:
    """A system message that differs, folded if it is long."""
    head = _head(row, diff, effort)
    return replace(head, opened=len(head.body.entries) <= _OPEN)


def _before(rows: Sequence[DiffRow], diff: Compared) -> Fold:
    """The messages of earlier turns, which were compared with those turns."""
    differ = sum(row.mark is not Mark.SAME for row in rows)
    told = f", {differ} of them different" if differ else " unchanged"
    if None in (diff.old, diff.new):
        told = ""
    text = f"{plural(len(rows), 'message')} of earlier turns{told}"
    return Fold(text, Body(lambda: [_closed(row, diff) for row in rows]))


def _closed(row: DiffRow, diff: Compared) -> Head:
    """A message of an earlier turn, laid out when it is unfolded."""
    badge, severity = _badge(row, diff)
    body = Body(lambda: _inner(row, diff, Effort()))
    return _titled(row, badge, severity, body, opened=False)


def _messages(rows: Sequence[DiffRow], diff: Compared, effort: Effort) -> Iterator[Entry]:
    """Message by message; of a run that is the same, the last stays in view."""
    for quiet, group in groupby(rows, key=_quiet):
        run = list(group)
        if not quiet:
            yield from (_head(row, diff, effort) for row in run)
            continue
        hidden = run[:-1] if len(run) > CONTEXT else []
        if hidden:
            yield _unchanged(hidden, diff)
        yield from (_head(row, diff, effort) for row in run[len(hidden) :])


def _quiet(row: DiffRow) -> bool:
    return row.mark is Mark.SAME and not row.is_reply


def _unchanged(rows: Sequence[DiffRow], diff: Compared) -> Fold:
    touched = sum(bool(row.changes) for row in rows)
    told = f" (ids, reasoning or spelling differ in {touched})" if touched else ""
    text = f"{plural(len(rows), 'message')} unchanged{told}"
    return Fold(text, Body(lambda: _heads(rows, diff)))


def _heads(rows: Sequence[DiffRow], diff: Compared) -> Iterator[Entry]:
    """The messages one by one, of very many the last ones folded again."""
    yield from (_head(row, diff, Effort()) for row in rows[:_MANY])
    if len(rows) > _MANY:
        yield _unchanged(rows[_MANY:], diff)


def _head(row: DiffRow, diff: Compared, effort: Effort) -> Head:
    badge, severity = _badge(row, diff)
    if row.mark is Mark.SAME:
        body = Body(lambda: _inner(row, diff, Effort()))
        return _titled(row, badge, severity, body, opened=False)
    return _titled(row, badge, severity, _body(tuple(_inner(row, diff, effort))), opened=True)


def _titled(
    row: DiffRow, badge: str, severity: Severity | None, body: Body, *, opened: bool
) -> Head:
    message = row.old or row.new or _NOBODY
    role = _ROLES.get(message.role, one_line(message.role.upper(), 12))
    role = f"{role} reply" if row.is_reply else role
    text = partial(_summary, row)
    return Head(row.mark, row.old_index, row.new_index, role, badge, severity, text, body, opened)


def _summary(row: DiffRow) -> str:
    """What a header says: which fields differ, or the message on one line."""
    names = ", ".join(dict.fromkeys(_last_name(change.field) for change in row.changes))
    if names and row.mark is Mark.CHANGED:
        return one_line(names, 200)
    text = message_line(row.old or row.new or _NOBODY)
    return f"[other {names.replace('arguments', 'spelling')}] {text}" if names else text


def _last_name(field: str) -> str:
    return one_line(field.rsplit(".", 1)[-1], 40)


def _badge(row: DiffRow, diff: Compared) -> tuple[str, Severity | None]:
    """What happened to a message, and how bad that is."""
    judged = isinstance(diff, Diff) and diff.link.judged
    bad = Severity.ERROR if judged else Severity.WARNING
    match row.mark:
        case Mark.SAME:
            return "", None
        case Mark.NEW:
            return ("ADDED" if isinstance(diff, Diff) else _only(diff.new)), None
        case Mark.GONE if isinstance(diff, TurnDiff):
            return _only(diff.old), Severity.WARNING
        case Mark.GONE:
            return ("REPLY NOT IN THE NEXT REQUEST" if row.is_reply else "GONE"), bad
    if isinstance(diff, TurnDiff):
        return "DIFFERENT", Severity.WARNING
    if row.new is not None and row.new.blank and row.old is not None and not row.old.blank:
        return "CAME BACK BLANK", bad
    gone = [c for c in row.changes if c.field.endswith(".name") and c.new is None]
    if gone:
        return ("CALL GONE" if len(gone) == 1 else f"{len(gone)} CALLS GONE"), bad
    return "ALTERED", Severity.WARNING


def _only(turn: Turn | None) -> str:
    return f"ONLY IN #{turn.exchange}" if turn else ""


def _inner(row: DiffRow, diff: Compared, effort: Effort) -> Iterator[Entry]:
    """What stands below a message's header."""
    match row.mark:
        case Mark.CHANGED:
            follows = isinstance(diff, Diff)
            yield from fields(row.changes, row.old, row.new, effort, follows=follows)
            if not row.changes:
                yield Note("The same but for white space and what changes from request to request.")
        case Mark.GONE:
            yield from lines(message_text(row.old or _NOBODY), None, effort)
        case Mark.NEW:
            yield from lines(None, message_text(row.new or _NOBODY), effort)
        case Mark.SAME:
            if row.changes:
                yield from fields(row.changes, row.old, row.new, effort, follows=False)
            yield from lines(
                message_text(row.old or _NOBODY), message_text(row.old or _NOBODY), effort
            )
