"""Which session a new thread belongs to.

Where agents name their sessions, the name decides: the same name is the same session, another name
never is. Elsewhere content decides (a title request quotes the first prompt, a sub-agent's prompt
stands in the arguments of a call), then connection and time. A thread that nothing ties to another
is a session of its own. The decision is made when the thread begins and never changed.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from kimitap.conversation import Message, Turn
from kimitap.weave.delegation import QUOTE, asks
from kimitap.weave.keys import Keys, plain
from kimitap.weave.kin import same_voice, scoped
from kimitap.weave.link import forked
from kimitap.weave.strand import GrowingSession, GrowingThread, Strand

READ = 50_000
"""Characters of a request in which a quotation is sought."""
SOON = timedelta(seconds=60)
WHILE = timedelta(minutes=10)
PROMPTING = 2
"""User messages, from either end of a first request, that may be the prompt and not context."""
LINES = 64
RECENT = 32
"""Sessions and delegating turns that are looked at."""


class Sessions:
    """The sessions woven so far, oldest first."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.all: list[GrowingSession] = []
        self._scopes: dict[str, GrowingSession] = {}
        self._plain: dict[bytes, str] = {}
        self._long_lines: dict[bytes, list[str]] = {}
        self._delegating: deque[Strand] = deque()

    def place(
        self, strand: Strand, parent: Strand | None, near: Strand | None, aside: bool = False
    ) -> GrowingThread:
        """The new thread that begins with `strand`, in its session.

        `parent` is the turn that it left, `aside` where it only asks something about that; `near`
        one that only has the same beginning.
        """
        turn = strand.turn
        delegated = None if parent else self._delegated(turn)
        session = parent.thread.session if parent else self._session(strand, near, delegated)
        if session is None:
            session = GrowingSession(turn.scope.session)
            self._add(self.all, session, strand)
        self._name(strand, session)
        thread = GrowingThread(session)
        thread.sub_agent = bool(turn.scope.agent_id or turn.scope.parent) or (
            delegated is not None and delegated.thread.session is session
        )
        apart = not (thread.sub_agent or parent)
        thread.side = aside or (apart and self._aside(turn, session, near))
        session.threads.append(thread)
        strand.undone_by(session.threads.pop)
        session.made = None
        return thread

    def place_replay(self, strand: Strand, original: Strand | None) -> None:
        """Give a replay a thread of its own, in the session of the turn that it sends again.

        Where that is not here, or another turn has its number (the recording was written anew), it
        is a session of its own.
        """
        if original is not None and not _repeats(strand, original, self._keys):
            original = None
        session = original.thread.session if original else GrowingSession(strand.turn.scope.session)
        if original is None:
            self._add(self.all, session, strand)
        else:
            again = forked(original, strand, self._keys)
            changed = "" if _says_the_same(strand, original, self._keys) else ", changed"
            why = f"Kimitap sent exchange {original.turn.exchange} again{changed}"
            strand.link = replace(again, why=why)
        strand.thread = GrowingThread(session, replay=True)
        session.threads.append(strand.thread)
        strand.undone_by(session.threads.pop)
        session.made = None

    def set_aside(self, aside: Strand, for_strand: Strand, keys: Keys) -> None:
        """Give a thread's last turn a thread of its own: `for_strand` goes on in its place."""
        thread, link = aside.thread, aside.link
        fork = GrowingThread(thread.session, [aside], side=True)
        thread.strands.pop()
        thread.session.threads.append(fork)
        aside.thread, aside.link = fork, forked(thread.tip, aside, keys)
        thread.touch()

        def undo() -> None:
            thread.session.threads.pop()
            thread.strands.append(aside)
            aside.thread, aside.link = thread, link
            thread.touch()

        for_strand.undone_by(undo)

    def note(self, strand: Strand) -> None:
        """Remember a turn whose calls may start sub-agents."""
        if any(len(call.arguments) >= QUOTE for call in strand.turn.reply.message.tool_calls):
            self._delegating.append(strand)
            strand.undone_by(lambda: self._forget(strand))

    def _forget(self, strand: Strand) -> None:
        if strand in self._delegating:
            self._delegating.remove(strand)

    def _add(self, sessions: list[GrowingSession], session: GrowingSession, strand: Strand) -> None:
        sessions.append(session)
        strand.undone_by(sessions.pop)

    def _name(self, strand: Strand, session: GrowingSession) -> None:
        name = strand.turn.scope.session
        if name and name not in self._scopes:
            self._scopes[name] = session
            strand.undone_by(lambda: self._scopes.pop(name, None))

    def _session(
        self, strand: Strand, near: Strand | None, delegated: Strand | None
    ) -> GrowingSession | None:
        turn = strand.turn
        if turn.scope.session:
            known = self._scopes.get(turn.scope.session)
            return known or self._scopes.get(turn.scope.parent)
        if delegated is not None:
            return delegated.thread.session
        if near is not None and _belongs(near, turn):
            return near.thread.session
        recent = list(self._recent(turn))
        said = self._said(turn)
        return next(
            (
                session
                for test in (self._quotes, self._quoted_before, self._on_line)
                for session in recent
                if test(turn, said, session)
            ),
            None,
        )

    def _recent(self, turn: Turn) -> Iterator[GrowingSession]:
        """Sessions of the same program that were active lately, the latest and nearest first."""
        found: list[tuple[bool, GrowingSession]] = []
        for session in self.all[-RECENT:][::-1]:
            sent = [thread.tip.turn for thread in session.threads[-RECENT:] if not thread.replay]
            if not sent or session.scope or not scoped(sent[-1], turn):
                continue
            if sent[-1].agent != turn.agent:
                continue
            active = max(map(_active, sent))
            if active >= turn.started_at - WHILE:
                found.append((bool(turn.client) and _on(session, turn.client), session))
        yield from (session for _, session in sorted(found, key=lambda f: not f[0]))

    def _quotes(self, turn: Turn, said: str, session: GrowingSession) -> bool:
        """True where a request without tools quotes another voice's prompt or last answer."""
        for thread in () if turn.tools else session.threads[-RECENT:]:
            first, last = thread.first.turn, thread.tip.turn
            if same_voice(first, turn, self._keys):
                continue
            lines = self._asked(first) + self._asked(last) + self._lines(last.reply.message)
            if any(line in said for line in lines):
                return True
        return False

    def _quoted_before(self, turn: Turn, said: str, session: GrowingSession) -> bool:
        """True where all that the session holds are side requests that quote this first prompt."""
        asked = self._asked(turn)
        return all(
            len(thread.strands) == 1
            and not thread.first.turn.tools
            and _active(thread.first.turn) >= turn.started_at - SOON
            and not same_voice(thread.first.turn, turn, self._keys)
            and any(line in self._said(thread.first.turn) for line in asked)
            for thread in session.threads
        )

    def _said(self, turn: Turn) -> str:
        """What a request says in its last messages and its prompt, as it is compared."""
        texts = []
        for message in turn.messages[-8:]:
            if message.role in ("user", "system"):
                key = self._keys.key(message)
                if key not in self._plain:
                    self._plain[key] = plain(message.text[:READ])
                texts.append(self._plain[key])
        return " ".join(texts)

    def _asked(self, turn: Turn) -> list[str]:
        """The lines of the last user messages that are long enough to be recognised."""
        return [line for message in _last_users(turn) for line in self._lines(message)]

    def _lines(self, message: Message) -> list[str]:
        key = self._keys.key(message)
        known = self._long_lines.get(key)
        if known is None:
            lines = [plain(line) for line in message.text[:READ].splitlines()]
            known = self._long_lines[key] = [x for x in lines if len(x) >= QUOTE][:LINES]
        return known

    def _on_line(self, turn: Turn, said: str, session: GrowingSession) -> bool:
        """True where a request without tools comes over the connection of a session with tools."""
        return not turn.tools and session.has_tools and _on(session, turn.client)

    def _delegated(self, turn: Turn) -> Strand | None:
        """The turn whose call started this thread: its prompt stands in the arguments."""
        prompts = [text for text in _prompts(turn) if len(text) >= QUOTE]
        for strand in islice(reversed(self._delegating), RECENT) if prompts else ():
            theirs, ours = strand.turn.scope.session, turn.scope.session
            if theirs and ours and ours != theirs and turn.scope.parent != theirs:
                continue
            if not strand.is_tip or not strand.over_before(turn):
                continue
            calls = strand.turn.reply.message.tool_calls
            if any(asks(call.arguments, prompt) for call in calls for prompt in prompts):
                return strand
        return None

    def _aside(self, turn: Turn, session: GrowingSession, near: Strand | None) -> bool:
        """True where the request is about another thread of its session."""
        others = [t for t in session.threads if t.strands]
        if not others or turn.tools:
            return False
        if near is not None and near.thread.session is session:
            return True
        return self._quotes(turn, self._said(turn), session)


def _repeats(replay: Strand, original: Strand, keys: Keys) -> bool:
    """True where a replay can be one of that turn: later, and with something of what it said."""
    old, new = original.turn, replay.turn
    if old.dialect != new.dialect or old.started_at > new.started_at:
        return False
    said = set(keys.all(old.messages))
    return not said or not new.messages or any(key in said for key in keys.all(new.messages))


def _says_the_same(replay: Strand, original: Strand, keys: Keys) -> bool:
    old, new = original.turn, replay.turn
    fields = ("model", "stream", "parameters", "tools")
    same = all(getattr(old, field) == getattr(new, field) for field in fields)
    return same and keys.same(old.messages, new.messages)


def _belongs(near: Strand, turn: Turn) -> bool:
    """True where a request that shares a beginning without going on is about that thread."""
    if near.turn.agent != turn.agent or (near.length == 1 and near.turn.tools and turn.tools):
        return False
    span = WHILE if near.length > 1 else SOON
    return _active(near.thread.tip.turn) >= turn.started_at - span


def _prompts(turn: Turn) -> list[str]:
    """The first and last user messages that say something, as they are compared."""
    users = (m for m in turn.messages if m.role == "user" and not m.blank)
    found = [*islice(users, PROMPTING), *_last_users(turn)]
    return list(dict.fromkeys(plain(message.text[:READ]) for message in found))


def _last_users(turn: Turn) -> list[Message]:
    users = (m for m in reversed(turn.messages) if m.role == "user" and not m.blank)
    return list(islice(users, PROMPTING))


def _active(turn: Turn) -> datetime:
    return turn.ended_at or turn.started_at


def _on(session: GrowingSession, client: str) -> bool:
    return bool(client) and any(t.tip.turn.client == client for t in session.threads[-RECENT:])
