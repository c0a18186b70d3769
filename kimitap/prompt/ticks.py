"""Which parts of a request stand in its rendered prompt, and at which offset."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kimitap.conversation import Message, Part, Reasoning, Text, Tool, ToolCall, ToolResult, Turn
from kimitap.prompt.declared import SURE, declared_at, strings
from kimitap.prompt.fragments import LONG, find, fragments

_OVERHEAD = 2_000
"""Characters that a template may put around one message: markers, names, a date, its own words."""
_SWELL = 3
"""How many times as long as itself a text may become by being escaped."""
_NEAR = 200
"""Characters within which the fragments of a short text stand together."""
_SAID = 8
"""Characters from which a fragment of a call's arguments tells it from another call."""
_TRIES = 20
_ENDING = re.compile(
    r"(?:<\|(?:im_end|eot_id|eom_id|end|endoftext|call|return|end_of_msg|END_OF_TURN_TOKEN)\|>"
    r"|</s>|<end_of_turn>|<turn\|>|<｜end▁of▁sentence｜>|\[e~\[)\n?"
)


class Subject(StrEnum):
    """What a tick is about."""

    TOOL = "tool"
    TEXT = "text"
    REASONING = "reasoning"
    CALL = "call"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Tick:
    """One part of a request, and where it stands in the prompt (None: it does not).

    `message` and `part` count in the turn's messages; for a tool's declaration `message` is None
    and `part` its index. `due` is False for what a template rightly leaves out: reasoning from
    before the last user message.
    """

    subject: Subject
    message: int | None
    part: int
    name: str
    at: int | None
    due: bool = True

    @property
    def present(self) -> bool:
        return self.at is not None


@dataclass(frozen=True, slots=True)
class Seen:
    """The ticks of a request's parts, and for each message where it begins (None: nowhere)."""

    ticks: tuple[Tick, ...]
    places: tuple[int | None, ...]

    @property
    def hidden(self) -> tuple[Tick, ...]:
        """What the model should have read and did not: tools, calls, results and reasoning."""
        return tuple(
            tick
            for tick in self.ticks
            if not tick.present and tick.due and tick.subject is not Subject.TEXT
        )


def seen(turn: Turn, prompt: str) -> Seen:
    """What of the turn's request stands in `prompt`. Blank parts get no tick."""
    search, ticks = _Search(prompt, turn.messages), []
    for start, stop in _rounds(turn.messages):
        ticks += search.round(start, stop)
    tools = () if turn.parameters.get("tool_choice") == "none" else turn.tools
    declared = [_tool(index, tool, prompt, ticks) for index, tool in enumerate(tools)]
    return Seen((*declared, *ticks), tuple(search.places))


def _tool(index: int, tool: Tool, prompt: str, ticks: Sequence[Tick]) -> Tick:
    called = (t.at for t in ticks if t.subject is Subject.CALL and t.name == tool.name)
    first = min((at for at in called if at is not None), default=len(prompt))
    return Tick(Subject.TOOL, None, index, tool.name, declared_at(tool, prompt, first))


def _rounds(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """Assistant messages with the results after them, `messages[start:stop]`; each other alone.

    Templates keep the order of rounds, but not always the order within one: some put the text of
    an assistant after the results of its calls.
    """
    start = 0
    while start < len(messages):
        stop = start + 1
        if messages[start].role == "assistant":
            while stop < len(messages) and messages[stop].role in ("assistant", "tool"):
                if messages[stop].role == "assistant" and messages[stop - 1].role == "tool":
                    break
                stop += 1
        yield start, stop
        start = stop


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A part to look for; `size` is its length in characters.

    Any of `needles` proves it; a call also its name with one of `minor` after it, all of `minor`
    together, or its id where it stands twice (once may be before its result).
    """

    subject: Subject
    message: int
    part: int
    name: str
    needles: tuple[str, ...]
    size: int
    minor: tuple[str, ...] = ()
    call_id: str = ""


class _Search:
    """Looks for the rounds one after the other, each after the end of the one before it."""

    def __init__(self, prompt: str, messages: Sequence[Message]) -> None:
        self._prompt = prompt
        self._messages = messages
        self._last_user = max((i for i, m in enumerate(messages) if m.role == "user"), default=-1)
        self._end = 0
        """Where the last round that was found ends."""
        self._begun = False
        self.places: list[int | None] = [None] * len(messages)

    def round(self, start: int, stop: int) -> list[Tick]:
        """The ticks of a round's parts."""
        messages = self._messages[start:stop]
        answered = any(message.tool_results for message in messages)
        wanted = [
            want
            for index, message in enumerate(messages, start)
            for part, one in enumerate(message.parts)
            if (want := _wanted(index, part, one)) is not None
        ]
        size = sum(want.size for want in wanted)
        limit = self._end + _SWELL * size + _OVERHEAD * (stop - start + 1)
        limit = min(limit, len(self._prompt)) if self._begun else len(self._prompt)
        ticks, reached, called = [], self._end, self._end
        for want in wanted:
            after = called if want.subject is Subject.RESULT else self._end
            at, end = self._find(want, after, limit)
            if at is None and after > self._end:
                at, end = self._find(want, self._end, limit)
            if want.subject is not Subject.CALL or not answered:
                reached = max(reached, end)
            if want.subject in (Subject.CALL, Subject.RESULT):
                called = max(called, end)
            due = want.subject is not Subject.REASONING or want.message > self._last_user
            ticks.append(Tick(want.subject, want.message, want.part, want.name, at, due))
        self._place(start, stop, ticks)
        if self._messages[start].role != "system" and reached > self._end:
            self._begun, self._end = True, reached
        return ticks

    def _find(self, want: _Wanted, since: int, limit: int) -> tuple[int | None, int]:
        """Where a part stands, and where it surely goes on if it stands at its place (else 0)."""
        spots = [
            (at, at + len(needle))
            for needle in want.needles
            if (at := find(needle, self._prompt, since, limit)) >= 0
        ]
        if spots and (want.subject is not Subject.REASONING or _telling(want.needles, spots)):
            best = max(spots, key=lambda spot: spot[1] - spot[0])
            near = best[0] - _SWELL * want.size - _NEAR
            return min(at for at, _ in spots if near <= at), best[1]
        called = self._called(want, since, limit) if want.subject is Subject.CALL else -1
        return (called, called + 1) if called >= 0 else self._elsewhere(want)

    def _called(self, want: _Wanted, since: int, limit: int) -> int:
        """Where a call stands that no telling fragment shows; -1 where it does not."""
        reach = _SWELL * want.size + _NEAR
        named = find(want.name, self._prompt, since, limit)
        if named >= 0 and self._holds(want.minor, named, min(limit, named + reach), any):
            return named
        spoken = find(want.minor[0], self._prompt, since, limit) if len(want.minor) > 1 else -1
        if spoken >= 0 and self._holds(want.minor, max(since, spoken - reach), spoken + reach, all):
            return spoken
        first = find(want.call_id, self._prompt, since, limit) if want.call_id else -1
        again = first >= 0 and find(want.call_id, self._prompt, first + 1, limit) >= 0
        return first if again else -1

    def _holds(
        self, words: Sequence[str], start: int, stop: int, how: Callable[[Iterable[bool]], bool]
    ) -> bool:
        return how(find(word, self._prompt, start, stop) >= 0 for word in words)

    def _elsewhere(self, want: _Wanted) -> tuple[int | None, int]:
        """Where a part stands that is not at its place; it is found again where that is certain."""
        for needle in want.needles:
            at = find(needle, self._prompt, 0, len(self._prompt)) if len(needle) >= SURE else -1
            if at >= 0:
                again = find(needle, self._prompt, at + 1, len(self._prompt)) >= 0
                return at, 0 if again else at + len(needle)
        return self._together(want), 0

    def _together(self, want: _Wanted) -> int | None:
        """Where all fragments of a part stand near one another."""
        at, reach = -1, _SWELL * want.size + _NEAR
        for _ in range(_TRIES if len(want.needles) > 1 else 0):
            at = find(want.needles[0], self._prompt, at + 1, len(self._prompt))
            if at < 0:
                return None
            start, stop = max(0, at - reach), at + reach
            if all(find(n, self._prompt, start, stop) >= 0 for n in want.needles[1:]):
                return at
        return None

    def _place(self, start: int, stop: int, ticks: Sequence[Tick]) -> None:
        """Notes where each message of a round begins: after the token that ends the one before."""
        boundary = self._end
        for index in range(start, stop):
            found = [tick.at for tick in ticks if tick.message == index and tick.at is not None]
            if found:
                first = min(found)
                ends = [
                    m.end() for m in _ENDING.finditer(self._prompt, min(boundary, first), first)
                ]
                self.places[index] = ends[-1] if ends else first
                boundary = first


def _telling(needles: Sequence[str], spots: Sequence[tuple[int, int]]) -> bool:
    """True where what was found is more than a word that stands everywhere."""
    longest = max(map(len, needles))
    return any(end - at >= min(LONG, longest) for at, end in spots)


def _wanted(message: int, index: int, part: Part) -> _Wanted | None:
    """How a part is looked for; None for a blank one and for what no template renders as text."""
    minor: list[str] = []
    call_id = ""
    match part:
        case Text(text):
            made = Subject.TEXT, "", fragments(text), len(text)
        case Reasoning(text):
            made = Subject.REASONING, "", fragments(text), len(text)
        case ToolResult(text):
            made = Subject.RESULT, part.name or part.call_id or "", fragments(text), len(text)
        case ToolCall(name, arguments):
            needles, minor = _of_call(part)
            call_id = part.id or ""
            made = Subject.CALL, name, needles, len(name) + len(arguments)
        case _:
            return None
    subject, name, needles, size = made
    if not needles:
        return None
    return _Wanted(subject, message, index, name, tuple(needles), size, tuple(minor), call_id)


def _of_call(call: ToolCall) -> tuple[list[str], list[str]]:
    """The telling fragments of a call's arguments, and the others; its name where none tells."""
    said = fragments("\n".join(strings(call.arguments)))
    telling = [fragment for fragment in said if len(fragment) >= _SAID]
    rest = [fragment for fragment in said if len(fragment) < _SAID]
    return telling or ([call.name] if call.name else []), rest
