"""All findings, rule by rule, with what each rule says beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Container

from kimitap.rules import RULES
from kimitap.rules.finding import Place, Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.wording import plural
from kimitap.tui.conversation.contents import counted
from kimitap.tui.conversation.reading import ring
from kimitap.tui.findings.list import FindingsList
from kimitap.tui.findings.rows import FindingRow, Wanted, begun, finding_rows, kept
from kimitap.tui.findings.text import about_finding, about_group, as_text, reported, visit, worst
from kimitap.tui.keys import FINDINGS_KEYS, bindings
from kimitap.tui.palette import ALARM, KEY, NORMAL, STRONG
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.row_list import ListScreen
from kimitap.tui.widgets.text_pane import Block, TextPane
from kimitap.tui.widgets.virtual_list import VirtualList
from kimitap.tui.wishes import Copy, WriteReport
from kimitap.visible import one_line

_BY_NAME = {rule.name: rule for rule in RULES}


class FindingsScreen(ListScreen[FindingRow]):
    """The rules with their findings, and beside (or below) what there is to say of one."""

    KEYS = FINDINGS_KEYS
    NAME = "Findings"
    HEAD = "rule"
    HINT = 'words  "a phrase"  sev:error  side:agent  rule:name  session:s1  thread:t1'
    BINDINGS = bindings(FINDINGS_KEYS)
    AUTO_FOCUS = "#findings"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 (as Textual declares it)
    DEFAULT_CSS = """
    FindingsScreen #both { layout: horizontal; height: 1fr; }
    FindingsScreen #findings { width: 1fr; height: 1fr; }
    FindingsScreen #said { width: 44%; border-left: vkey #24394a; }
    FindingsScreen.-narrow #both { layout: vertical; }
    FindingsScreen.-narrow #said {
        width: 1fr; height: 45%; border-left: none; border-top: solid #3d6e94;
    }
    FindingsScreen.-narrow.-low #said { height: 5; }
    """

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.wanted = Wanted()

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        with Container(id="both"):
            yield FindingsList(id="findings")
            yield TextPane(id="said")
        yield FilterField(id="filter")
        yield Bar(id="foot")

    @property
    def list(self) -> FindingsList:
        return self.query_one(FindingsList)

    @property
    def words(self) -> tuple[str, ...]:
        return self.wanted.words

    @property
    def filtered(self) -> bool:
        return bool(self.wanted.words or self.wanted.severity)

    def keep(self, words: tuple[str, ...]) -> None:
        self._list(replace(self.wanted, words=words))

    def drop_filter(self) -> None:
        self._list(replace(self.wanted, words=(), severity=None))

    # --- what is shown

    def shown(self) -> None:
        self.list.summaries = {name: rule.summary for name, rule in _BY_NAME.items()}
        self._list(self.wanted)

    def _list(self, wanted: Wanted, here: FindingRow | None = None) -> None:
        """List the rows anew, as `wanted` has it."""
        before = self.wanted
        if (wanted.words, wanted.severity) != (before.words, before.severity):
            wanted = replace(wanted, begun={})
        found = finding_rows(self.view.findings, wanted)
        if not self.view.unread:
            wanted = replace(wanted, begun=begun(found) | wanted.begun)
        self.wanted = wanted
        self.list.set_rows(found, here)
        self.set_title(self._title())
        self._say()

    def _title(self) -> Iterator[Segment]:
        shown = list(kept(self.view.findings, self.wanted))
        yield Segment(f" {plural(len(shown), 'finding')}", STRONG)
        for severity, n in counted(shown):
            yield Segment(f"  {SYMBOLS[severity]} {n}", ALARM[severity])
        if shown:
            yield Segment(f"  of {plural(len({f.rule for f in shown}), 'rule')}", NORMAL)
            yield Segment(f" in {plural(len({f.session for f in shown}), 'session')}", NORMAL)
        if self.wanted.severity is not None:
            yield Segment(f"   only {self.wanted.severity}", KEY)
        if self.wanted.words:
            yield Segment(f"   /{one_line(' '.join(self.wanted.words), 80)}", KEY)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        if event.source is self.list:
            self._say()

    def _say(self) -> None:
        """Make the pane speak of the row at the cursor."""
        row = self.current
        self.query_one(TextPane).show_blocks(self._blocks(), about=row and row.key)

    def _blocks(self) -> Iterator[Block]:
        row = self.current
        if row is None:
            filtered = bool(self.wanted.words or self.wanted.severity)
            nothing = (
                "Nothing matches: esc drops the filter." if filtered else "Nothing wrong found."
            )
            yield Block(nothing, STRONG, indent=1)
        elif row.finding is None:
            yield from about_group(_BY_NAME.get(row.rule), row.rule, row.counts)
        else:
            yield from about_finding(row.finding, _BY_NAME.get(row.rule))

    # --- what the reader does

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        if event.source is not self.list:
            return
        row = self.list.rows[event.index]
        if row.finding is None:
            self.turn(row)
        else:
            self.post_message(visit(self.view, row.finding))

    def turn(self, row: FindingRow) -> None:
        self._list(replace(self.wanted, turned=self.wanted.turned ^ {row.rule}))

    def action_fold_all(self) -> None:
        """Fold all rules; where they are, unfold them."""
        if self.current is None:
            self.say_nothing_here()
            return
        row, opened = self.current, any(self.list.rows[i].opened for i in self.heads)
        here = FindingRow(row.rule, counts=row.counts) if row and opened else row
        self._list(replace(self.wanted, all_folded=opened, turned=frozenset()), here)

    def action_found(self, way: int) -> None:
        """To the next finding; into a rule that is folded, which it unfolds."""
        here = self.list.cursor
        folded = [i for i in self.heads if not self.list.rows[i].opened]
        at = ring(here, [i for i, row in enumerate(self.list.rows) if row.finding], way)
        head = ring(here, folded, way)
        if way > 0 and here in folded:
            head = here
        if head is not None and (at is None or (head < at) is (way > 0)):
            row = self.list.rows[head]
            self.turn(row)
            at = head + (1 if way > 0 else row.total)
        if at is not None:
            self.list.cursor = at
        else:
            end = "last" if way > 0 else "first"
            said = f"This is the {end} finding." if self.current else "Nothing wrong was found."
            self.notify(said, markup=False)

    def action_severity(self) -> None:
        """Errors only, warnings, notes, and all again."""
        steps: Sequence[Severity | None] = [None, *Severity]
        after = steps[(steps.index(self.wanted.severity) + 1) % len(steps)]
        self._list(replace(self.wanted, severity=after))

    def action_pane(self) -> None:
        pane = self.query_one(TextPane)
        (self.list if self.focused is pane else pane).focus()

    # --- what the reader asks for

    def action_export(self) -> None:
        """The report on the finding at the cursor, or on the worst of the rule at it."""
        row = self.current
        of_rule = [f for f in kept(self.view.findings, self.wanted) if row and f.rule == row.rule]
        finding = (row.finding if row else None) or worst(of_rule)
        if finding is None:
            self.notify("Nothing wrong was found here.", markup=False)
        else:
            self.post_message(WriteReport(reported(self.view, finding), finding))

    def here(self) -> Place | None:
        row = self.current
        return row.finding.place if row and row.finding else None

    def action_copy(self) -> None:
        row = self.current
        if row is not None and row.finding is not None:
            self.post_message(Copy(as_text(row.finding), "the finding"))
        elif row is not None:
            rule = _BY_NAME.get(row.rule)
            said = f"{row.rule}: {rule.summary}" if rule else row.rule
            self.post_message(Copy(said, "the rule"))
        else:
            self.say_nothing_here()
