"""All messages of a request in full and the reply: what is new, what is repeated, what is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.segment import Segment
from rich.style import Style

from kimitap.conversation import Turn
from kimitap.lineage import Link, Thread
from kimitap.rules.finding import Finding
from kimitap.transcript import SYMBOLS, Kind, Row, rows
from kimitap.transcript.row import ROLE_WORDS
from kimitap.transcript.turns import message_rows
from kimitap.transcript.wording import count, message_line, plural, reply_tokens
from kimitap.tui.palette import ALARM, FAINT, GHOST_GROUND, KEY, NAME, PLUS, STRONG
from kimitap.tui.turn.json_entries import JsonEntry
from kimitap.tui.turn.json_values import parse_text
from kimitap.tui.turn.parts import findings_of, part_items
from kimitap.tui.widgets.entry import Copied, Entry, Item, Late, Path, outline_text
from kimitap.tui.widgets.made import Made
from kimitap.visible import one_line

_BUDGET = 200_000
"""Characters of new messages that are unfolded at first, the newest first."""
_CLEAR = Style.null()
_NO_MESSAGE = frozenset({Kind.TURN, Kind.TOOLS, Kind.RELATION, Kind.CARRIED, Kind.GHOST})


def messages_made(
    thread: Thread, number: int, findings: Sequence[Finding], message: int | None = None
) -> Made:
    """The messages of the exchange `number`, a turn of the thread. It opens at `message`."""
    shown = _Shown(thread, number, findings, message)
    entries, at = shown.entries()
    new = sum(state.fresh for state in shown.states)
    told = f"{plural(len(shown.turn.messages), 'message')}, {new} new"
    text = partial(outline_text, entries)
    return Made(entries, at=at, told=(Segment(told, STRONG),), text=text, suffix=".md")


@dataclass(frozen=True, slots=True)
class _State:
    """How a message got into its request: `fresh`, or repeated; in words."""

    fresh: bool
    words: str


class _Shown:
    """One turn's messages, and what its thread and the findings say of each."""

    def __init__(
        self, thread: Thread, number: int, findings: Sequence[Finding], message: int | None
    ) -> None:
        at = thread.place_of(number) or 0
        self.turn: Turn = thread.turns[at]
        self.link: Link | None = thread.links[at]
        self.wanted = message
        self.rows = _rows(thread, at, findings)
        self._of: dict[int | None, list[Row]] = {}
        for row in self.rows:
            self._of.setdefault(row.message_index, []).append(row)
        self.states = [self._state(i) for i in range(len(self.turn.messages))]
        self._open = self._unfolded()

    def _state(self, index: int) -> _State:
        told = [row for row in self._of.get(index, ()) if row.kind not in _NO_MESSAGE]
        if told and told[0].inside is not None:
            return _State(False, "from before this recording")
        telling = next((row for row in told if _tells(row.note)), None)
        if telling is not None and not telling.note.startswith("sent again"):
            return _State(True, f"{telling.title.lower()} {telling.note}".strip())
        if told and telling is None:
            return _State(True, "new")
        before = "" if self.link is None else f"as in #{self.link.parent.exchange}"
        return _State(False, before)

    def _unfolded(self) -> frozenset[int]:
        """The new messages that are unfolded at first: all of them, unless that is very much."""
        chosen, left = [], _BUDGET
        for index in range(len(self.states) - 1, -1, -1):
            if self.states[index].fresh and left > 0:
                chosen.append(index)
                left -= sum(len(getattr(p, "text", "")) for p in self.turn.messages[index].parts)
        return frozenset(chosen) | ({self.wanted} if self.wanted is not None else set())

    def entries(self) -> tuple[list[Entry], Path | None]:
        """All entries, and the path of the message that was asked for."""
        out: list[Entry] = [*self._top()]
        at: Path | None = None
        index = 0
        while index < len(self.states):
            out += self._absent(index)
            stop = self._end_of_run(index)
            if self.wanted is not None and index <= self.wanted < stop:
                at = (len(out), self.wanted - index) if stop - index > 1 else (len(out),)
            if stop - index > 1:
                out.append(self._run(index, stop))
            else:
                out.append(self._message(index))
            index = stop
        out += self._absent_from(index)
        out.append(self._reply())
        return out, at

    def _top(self) -> Iterator[Entry]:
        """What is said of the request as a whole."""
        for row in self.rows:
            if row.kind is Kind.TURN:
                yield from findings_of(row)
            elif row.kind is Kind.RELATION and row.message_index is None:
                label = (Segment(f"↳ {row.title}  ", KEY), Segment(f"{row.text} {row.note}", FAINT))
                yield Item(label, text=row.body, born_open=False)
        if self.turn.tools:
            names = ", ".join(one_line(tool.name, 60) for tool in self.turn.tools)
            said = f"{plural(len(self.turn.tools), 'tool')} declared  "
            label = (Segment(said, STRONG), Segment(names[:2000], FAINT))
            yield Item(label, parts=self._tools, born_open=False, leveled=False)

    def _tools(self) -> list[Entry]:
        return [JsonEntry(tool.name, parse_text(tool.json).value, 1) for tool in self.turn.tools]

    def _absent(self, index: int) -> Iterator[Entry]:
        for row in self._of.get(index, ()):
            if row.kind is Kind.GHOST or row.kind is Kind.RELATION:
                yield from _ghost(row)

    def _absent_from(self, index: int) -> Iterator[Entry]:
        for row in self.rows:
            at = row.message_index
            if row.kind is Kind.GHOST and at is not None and at >= index:
                yield from _ghost(row)

    def _end_of_run(self, index: int) -> int:
        """The index behind the repeated messages from `index` on that nothing is said of."""
        stop = index
        while stop < len(self.states) and self._quiet(stop, first=stop == index):
            stop += 1
        return max(stop, index + 1)

    def _quiet(self, index: int, *, first: bool) -> bool:
        told = self._of.get(index, ())
        if any(row.kind is Kind.GHOST for row in told) and not first:
            return False
        return not self.states[index].fresh and not any(
            row.findings for row in told if row.kind is not Kind.GHOST
        )

    def _run(self, index: int, stop: int) -> Item:
        words = self.states[index].words
        label = (Segment(f"⋯ {stop - index} messages {words} ⋯", FAINT),)
        return Item(
            label,
            parts=lambda: [self._late(i) for i in range(index, stop)],
            born_open=False,
            stop=True,
        )

    def _late(self, index: int) -> Late:
        return Late(partial(self._message, index), index in self._open)

    def _message(self, index: int) -> Item:
        message, state = self.turn.messages[index], self.states[index]
        told = [row for row in self._of.get(index, ()) if row.kind not in _NO_MESSAGE]
        worst = max((r.severity for r in told if r.severity), key=lambda s: s.rank, default=None)
        role = ROLE_WORDS.get(message.role, one_line(message.role, 8).upper())
        style = PLUS if state.words == "new" else FAINT if not state.fresh else KEY
        label = (
            Segment(f"{SYMBOLS[worst]} " if worst else "", ALARM[worst] if worst else None),
            Segment(f"{role:<5}", NAME),
            Segment(f"message {index}  ", FAINT),
            Segment(state.words, style),
        )
        found = [item for row in told for item in findings_of(row)]
        line = () if index in self._open else (Segment(message_line(message, 400), FAINT),)
        return Item(
            (*label, Segment("  "), *line),
            parts=lambda: [
                *found,
                *part_items(self.turn, index, message_rows(self.turn, index, message)),
            ],
            born_open=index in self._open or bool(found),
            stop=True,
            copy=lambda: Copied(_whole(self.turn, index), f"message {index}"),
        )

    def _reply(self) -> Item:
        reply = self.turn.reply
        mine = [r for r in self._of.get(None, ()) if r.kind not in _NO_MESSAGE]
        made = reply_tokens(self.turn)
        facts = [
            f"finish: {one_line(reply.finish_reason, 40)}" if reply.finish_reason else "",
            "" if made is None else f"{count(made)} tokens",
        ]
        echo = next((row.echo for row in mine if row.echo), None)
        aside = (Segment(echo.long, FAINT if echo.kept else KEY),) if echo else ()
        label = (
            Segment("ASST ", NAME),
            Segment("the reply  ", STRONG),
            Segment(" · ".join(fact for fact in facts if fact), FAINT),
        )
        found = [item for row in mine for item in findings_of(row)]
        parts = [*found, *part_items(self.turn, None, mine)]
        whole = "\n".join(row.body or row.text for row in mine)
        return Item(label, parts=parts, stop=True, aside=aside, copy=Copied(whole, "the reply"))


def _tells(note: str) -> bool:
    """True where a row's note says how the message got there, and not how long it is."""
    return note.startswith(("edited", "inserted", "stands for", "sent again"))


def _whole(turn: Turn, index: int) -> str:
    made = message_rows(turn, index, turn.messages[index])
    return "\n".join(row.body or row.text for row in made)


def _rows(thread: Thread, at: int, findings: Sequence[Finding]) -> list[Row]:
    """What the conversation shows of one turn: the rows of its stretch of the thread."""
    start, number = max(0, at - 1), thread.turns[at].exchange
    stretch = replace(
        thread,
        turns=thread.turns[start : at + 2],
        links=thread.links[start : at + 2],
        notes={},
    )
    near = {number, *(turn.exchange for turn in stretch.turns)}
    about = [f for f in findings if f.place.exchange in near]
    return [row for row in rows(stretch, about) if row.exchange == number]


def _ghost(row: Row) -> Iterator[Entry]:
    """What should stand here and does not, with what was lost in it."""
    style = ALARM[row.severity] if row.severity else FAINT
    mark = f"{SYMBOLS[row.severity]} " if row.severity else ""
    note_ = f" ({row.note})" if row.note else ""
    said = f"{mark}╎ {row.title}  {row.text}{note_} "
    ghostly = row.kind is Kind.GHOST and row.severity is not None
    yield Item(
        (Segment(said, style),),
        text=row.body if row.body != row.text else "",
        born_open=False,
        stop=True,
        ground=GHOST_GROUND if ghostly else _CLEAR,
        copy=Copied(row.body or row.text, "what is missing"),
        rest=lambda width: (Segment(f"{'┄' * (width - 1)}◀", style),) if width > 2 else (),
    )
    yield from findings_of(row)
