"""What a rule is: one kind of defect, explained, with examples, and the code that finds it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from kimitap.lineage import Session, Thread
from kimitap.rules.finding import Finding, Place, Severity, Side


@dataclass(frozen=True)
class Sample:
    """One exchange of an example: the request's JSON and the server's answer.

    `reply` is an OpenAI chat-completions choice: `{"message": {…}, "finish_reason": …}`; None is a
    stream that was cut before it said anything, and one without a finish reason a stream that was
    cut after that message. `status` other than 200 makes `reply` the error body. `cancelled` says
    that it was the client who hung up.

    In another dialect `path` says which (`/v1/messages`, `/v1/responses`), `request` is its body,
    and `reply` the whole JSON body of its answer, which is then not streamed. `extra` goes into a
    chat answer beside its choices (`usage`, `timings`). `raw`, where it is not None, is the body of
    the answer byte for byte, in the place of `reply`: an event stream if it begins with `data:` or
    `event:`. `pauses` are seconds of silence before the events of these indexes of a stream, which
    otherwise follow one another in a twentieth of a second.
    """

    request: Mapping[str, object]
    reply: Mapping[str, object] | None
    status: int = 200
    cancelled: bool = False
    path: str = "/v1/chat/completions"
    extra: Mapping[str, object] = field(default_factory=dict)
    raw: bytes | None = None
    pauses: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A small session. `expected`: the places where the rule must strike; empty for a clean one.

    Exchanges are numbered from 1. `also` names the other rules that rightly strike here, those
    that only take note (info) where it is worth telling.
    """

    title: str
    exchanges: Sequence[Sample]
    expected: Sequence[Place] = ()
    also: Sequence[str] = ()


class Rule(ABC):
    """One kind of defect. The manual, the README's table and the tests are made from these."""

    name: ClassVar[str]
    severity: ClassVar[Severity]
    side: ClassVar[Side]
    summary: ClassVar[str]
    """One line: what is wrong."""
    meaning: ClassVar[str]
    """What it does to the model, and when it is not a defect."""
    remedy: ClassVar[str]
    """What the user should do."""
    source: ClassVar[str]
    """Where the rule comes from: an issue, a specification, a server's message."""
    examples: ClassVar[Sequence[Example]]
    by_turn: ClassVar[bool] = False
    """Each finding depends on one turn and the link before it, and on nothing else: a live view
    then checks only the turns that are new."""
    by_choice: ClassVar[bool] = False
    """It judges a reply by itself: of a reply with n > 1, each choice (see `reply_choices`)."""
    reads_session: ClassVar[bool] = False
    """What is found in a thread may depend on the session's other threads."""

    @abstractmethod
    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        """Yield what is wrong in `thread`; `session` is for context only."""
