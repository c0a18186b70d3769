"""A request that may be sent again: what was changed about it so far, and what there is to say."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kimitap.conversation import Turn
from kimitap.exchange import Exchange
from kimitap.lineage import Session
from kimitap.replay.editing import asks_for_stream, written
from kimitap.replay.editing import pretty as laid_out
from kimitap.replay.experiment import Variant, Wish, body_of, variants
from kimitap.replay.outgoing import Outgoing
from kimitap.replay.repair import Gap, gaps, repaired
from kimitap.replay.telling import off_machine, plan_lines, question
from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.tui.palette import ALARM, NORMAL, STRONG
from kimitap.tui.widgets.text_pane import Block
from kimitap.visible import visible

MOST_NAMED = 2
"""Replies that are put back and named one by one: the question stays in sight."""


@dataclass(frozen=True)
class Draft:
    """The request of `exchange`, to go to the host that had it. All of it may raise `UsageError`.

    `edited` is the body that the reader wrote; `stream` what he wants asked for, None as it is.
    """

    exchange: Exchange
    session: Session
    lacking: tuple[Gap, ...] = ()
    edited: bytes | None = None
    stream: bool | None = None

    @cached_property
    def body(self) -> bytes:
        """The body before a stream is asked for or not."""
        if self.edited is not None:
            return self.edited
        recorded = body_of(self.exchange)
        return repaired(self._turn, recorded, self.lacking) if self.lacking else recorded

    @cached_property
    def variant(self) -> Variant:
        """What would be sent."""
        done = [word for word, so in (("repaired", self.lacking), ("edited", self.edited)) if so]
        bodies = {" and ".join(done): self.body} if done else {}
        streams = () if self.stream is None else (self.stream,)
        wish = Wish(bodies=bodies, streams=streams, environment=os.environ)
        return variants(self.exchange, wish)[0]

    @property
    def request(self) -> Outgoing:
        return self.variant.request

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return asks_for_stream(self.body) if self.stream is None else self.stream

    @property
    def _turn(self) -> Turn:
        turns = (turn for thread in self.session.threads for turn in thread.turns)
        return next(turn for turn in turns if turn.exchange == self.exchange.number)

    def put_back(self) -> "Draft":
        """The same with what the request lost; without it, where it is there already."""
        if self.lacking:
            return replace(self, lacking=())
        return replace(self, lacking=gaps(self.session, self.exchange.number), edited=None)

    def other_stream(self) -> "Draft":
        """The same, asking for a stream where it asked for none, and the other way round."""
        return replace(self, stream=not self.streams)

    def text(self) -> str:
        """The body for an editor."""
        return laid_out(self.body)

    def after(self, text: str) -> "Draft":
        """The same with what an editor made of `text()`."""
        made = written(text, self.body)
        return self if made is None else replace(self, edited=made, stream=None)


def blocks(draft: Draft) -> Sequence[Block]:
    """What would be sent and where, for the reader who decides."""
    asks = "asks for a stream" if draft.streams else "asks for no stream"
    made = [Block(f"Send request #{draft.exchange.number} again?", STRONG, indent=1)]
    if away := off_machine([draft.variant]):
        alarm = f"{SYMBOLS[Severity.WARNING]} {question(away)}"
        made.append(Block(visible(alarm), ALARM[Severity.WARNING], indent=1))
    lines = [*plan_lines([draft.variant], 1, draft.lacking[:MOST_NAMED])]
    if more := len(draft.lacking[MOST_NAMED:]):
        lines.append(f"  put back: {more} more")
    return [*made, Block(""), *map(_line, (*lines, f"  {asks}"))]


def _line(line: str) -> Block:
    text = line.lstrip(" ")
    return Block(visible(text), NORMAL, indent=1 + len(line) - len(text))
