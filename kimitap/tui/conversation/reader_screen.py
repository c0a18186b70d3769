"""The panes of the main screen, and what a key asks of the app at the row at the cursor."""

from textual.app import ComposeResult
from textual.containers import Horizontal

from kimitap.lineage import Session, Thread
from kimitap.places import PlaceWord
from kimitap.transcript import Row
from kimitap.tui.conversation import asked_here
from kimitap.tui.conversation.contents import ALONE, Contents, Node
from kimitap.tui.conversation.conversation_view import ConversationView
from kimitap.tui.conversation.reading import NO_TURN
from kimitap.tui.conversation.reading_pane import ReadingPane, Remedies
from kimitap.tui.keys import MAIN_KEYS
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar, Edge, foot_segments
from kimitap.tui.widgets.composed import Composed
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.wishes import (
    Compare,
    CopyCurl,
    DeleteSession,
    Replay,
    ShowFindings,
    ShowHelp,
    ShowSearch,
    ShowSessions,
    ShowTimeline,
    ShowTurn,
    Tab,
)


class ReaderScreen(Composed[None]):
    """Sessions and threads, the conversation, and what there is to say of a row."""

    def __init__(self, remedies: Remedies) -> None:
        super().__init__()
        self.view = View()
        self.marked: PlaceWord | None = None
        self._remedies = remedies

    def compose(self) -> ComposeResult:
        yield Bar(id="status")
        with Horizontal(id="panes"):
            yield Contents(id="contents")
            yield Edge(id="edge")
            yield ReadingPane(self._remedies, id="reading")
        yield FilterField(id="filter")
        yield Bar(id="foot")

    def begin(self) -> None:
        self.query_one("#foot", Bar).set_segments(foot_segments(MAIN_KEYS))
        self.show_status()

    def show_status(self) -> None:
        """Say at the top where the reader is."""
        raise NotImplementedError

    @property
    def contents(self) -> Contents:
        return self.query_one(Contents)

    @property
    def reading(self) -> ReadingPane:
        return self.query_one(ReadingPane)

    @property
    def conversation(self) -> ConversationView:
        return self.reading.conversation

    @property
    def thread(self) -> Thread | None:
        """The thread that is shown."""
        return self.reading.thread

    @property
    def session(self) -> Session | None:
        """The session whose thread is shown."""
        thread = self.thread
        return next((s for s in self.view.sessions if thread and thread in s.threads), None)

    # --- what the reader asks for

    def _pair(self) -> tuple[Thread, Row] | None:
        """The thread and the row at the cursor; where there is none, that is said, and why."""
        row = self.conversation.current
        why = asked_here.no_turn_at(self._node(), self.thread)
        if not why and self.thread is not None and row is not None:
            return self.thread, row
        self.notify(why or NO_TURN, markup=False)
        return None

    def _other(self) -> int | None:
        """The exchange at the left pane's cursor, where it is in no conversation."""
        node = self._node()
        return node.number if node is not None and node.kind in ALONE else None

    def _node(self) -> Node | None:
        """What stands at the left pane's cursor, where the reader is in that pane."""
        return self.contents.current if self.focused is self.contents else None

    def action_diff(self) -> None:
        if pair := self._pair():
            wish = asked_here.diff_at(*pair)
            if wish is None:
                self.notify("No later request continues this turn.", markup=False)
            else:
                self.post_message(wish)

    def _here(self) -> PlaceWord | None:
        return asked_here.marked_at(self._node(), self.conversation.current)

    def action_mark(self) -> None:
        self.marked = self._here()
        if self.marked is None:
            self.notify("This cannot be marked: it is in no conversation.", markup=False)
        self.show_status()

    def action_compare(self) -> None:
        here = self._here()
        if self.marked is None or here is None:
            self.notify("Mark a turn, a thread or a session first, with m.", markup=False)
        elif self.marked.kind != here.kind or self.marked == here:
            kind = {"": "turn", "t": "thread", "s": "session"}[self.marked.kind]
            self.notify(f"{self.marked} is marked: go to another {kind}.", markup=False)
        else:
            self.post_message(Compare(self.marked, here))

    def action_open(self, tab: str) -> None:
        other = self._other()
        if other is not None:
            self.post_message(ShowTurn(other, Tab(tab)))
        elif pair := self._pair():
            self.post_message(asked_here.turn_at(pair[1], tab))

    def action_export(self) -> None:
        if pair := self._pair():
            self.post_message(asked_here.report_at(*pair))

    def action_search(self) -> None:
        self.post_message(ShowSearch(str(self.conversation.filter.query)))

    def action_all_findings(self) -> None:
        self.post_message(ShowFindings())

    def action_sessions(self) -> None:
        self.post_message(ShowSessions())

    def action_timeline(self) -> None:
        if pair := self._pair():
            self.post_message(ShowTimeline(pair[0].number, pair[1].exchange))

    def action_copy(self) -> None:
        if pair := self._pair():
            self.post_message(asked_here.copy_at(pair[1]))

    def action_copy_place(self) -> None:
        node = self._node()
        if node is not None:
            session = asked_here.session_of(node, self.view.sessions)
            self.post_message(asked_here.place_of(node, session))
        elif pair := self._pair():
            _, row = pair
            self.post_message(asked_here.place_copied(self.view, row.exchange, row.message_index))

    def action_copy_curl(self) -> None:
        other = self._other()
        if other is not None:
            self.post_message(CopyCurl(other))
        elif pair := self._pair():
            self.post_message(CopyCurl(pair[1].exchange))

    def action_replay(self) -> None:
        if pair := self._pair():
            self.post_message(Replay(pair[1].exchange))

    def action_open_text(self) -> None:
        if pair := self._pair():
            self.post_message(asked_here.text_at(pair[1]))

    def action_delete_session(self) -> None:
        node = self._node()
        session = asked_here.session_of(node, self.view.sessions) if node else self.session
        if session is None:
            self.notify("There is no session here: go to one, or to a turn of it.", markup=False)
        else:
            self.post_message(DeleteSession(session.number))

    def action_help(self) -> None:
        self.post_message(ShowHelp("Conversation", MAIN_KEYS))
