"""The server read a long prompt again that it had in its cache."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kimitap.conversation import Other, Turn
from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.difference import ON_PURPOSE, Difference, Kind, difference
from kimitap.rules.each import each
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    TASK,
    WRITTEN,
    WROTE,
    Json,
    assistant,
    step,
    system,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.price import Price, price, total
from kimitap.rules.prompt.counts import moved
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut, fact, times
from kimitap.visible import one_line

LEAST = 32
"""Tokens: of a shorter prompt nobody notices that it was read again."""
SHORTEST_UNMEASURED = 1024 + 128
"""Tokens: OpenAI's service caches prompts from 1024 tokens on, in steps of 128. Only a server that
sends llama.cpp's `timings` is known to cache shorter ones."""
_ROUNDING = 2


def is_broken(link: Link) -> bool:
    """True where the server reused less than half of what it could have reused."""
    both = link.parent, link.child
    known, after = link.parent.reply.usage.prompt_tokens, link.child.reply.usage
    if link.relation is not Relation.CONTINUES or not link.judged or not link.child.succeeded:
        return False
    if known is None or after.prompt_tokens is None or after.cached_tokens is None:
        return False
    reusable = min(known, after.prompt_tokens)
    if reusable < (LEAST if is_measured(link.child) else SHORTEST_UNMEASURED):
        return False
    if any(isinstance(p, Other) for t in both for p in t.reply.message.parts):
        return False  # the counts are those of all steps of a tool that the server ran itself
    return 2 * after.cached_tokens + _ROUNDING < reusable


def _is_broken_at(thread: Thread, at: int) -> bool:
    link = thread.links[at]
    return link is not None and is_broken(link)


def is_measured(turn: Turn) -> bool:
    """True where the server tells llama.cpp's timings: it caches every prompt by itself."""
    return turn.reply.timings.prompt_n is not None


def caches(thread: Thread) -> bool:
    """True where anything of the thread was ever found in a cache.

    Anthropic's service caches what it is asked to, OpenAI's what it thinks fit.
    """
    return any(is_measured(turn) or turn.reply.usage.cached_tokens for turn in thread.turns)


def _counted(sample: Sample, cached: int, read: int, written: int = 20) -> Sample:
    """The sample with a llama-server's counts; it reads 50 tokens a second."""
    return replace(
        sample,
        extra={
            "usage": {"prompt_tokens": cached + read, "completion_tokens": written},
            "timings": {
                "cache_n": cached,
                "prompt_n": read,
                "prompt_ms": read * 20.0,
                "predicted_n": written,
                "predicted_ms": written * 50.0,
            },
        },
    )


def _told(time: str) -> tuple[Json, Json]:
    return system(f"You are a coding agent. It is 2026-03-01 {time}."), TASK[1]


THOUGHT = assistant("I read the notes.", READ, reasoning="The task asks for the notes first.")
UNTHOUGHT = assistant("I read the notes.", READ)


@dataclass(frozen=True)
class _Cause:
    """What broke the cache: the side, its words, and what findings of one kind share."""

    side: Side
    segment: Difference
    words: str
    severity: Severity = Severity.WARNING

    @property
    def key(self) -> tuple[object, ...]:
        """The same setting breaks it again and again; messages are edited one by one."""
        single = self.segment.kind is Kind.MESSAGE and self.segment.what.endswith("text changed")
        return self.segment.kind, self.words, self.segment.index if single else None


class PromptCacheBroken(Rule):
    """One finding a thread and cause, with what it cost in all."""

    name = "prompt-cache-broken"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "the server read again what it had in its cache; with the price and the cause"
    meaning = (
        "The request continues the one before it, yet the server found less than half of that "
        "prompt in its cache: it had to read thousands of tokens again, which on a machine at "
        "home takes longer than the reply. The finding names the first thing that differs (the "
        "tools, the system prompt, a message: often a clock in it, or reasoning that was taken "
        "away), or that nothing differs on the wire; then the server lost it (another request took "
        "the slot) or its template renders the history anew. It is no defect where the history was "
        "compacted, shortened or forked, where the server ran tools of its own, nor where nothing "
        "of the session was ever in a cache; nothing is known where the server does not count. It "
        "is a note where the agent took something out on purpose, to make room or for a summary."
    )
    remedy = (
        "Mend what is named: keep the clock out of the system prompt, the tools in one order, the "
        "reasoning in the history. Where nothing differs: more slots (-np), or side requests to "
        "another server; mind --cache-reuse, and that models with sliding-window attention need "
        "--swa-full."
    )
    source = (
        "llama-server's `timings.cache_n`; `usage.prompt_tokens_details.cached_tokens`: healthy is "
        "about the previous prompt and reply, less one token"
    )
    examples: ClassVar = (
        Example(
            "what was read is not read again",
            (
                _counted(step(TASK, ASKED), 0, 4000),
                _counted(step((*TASK, ASKED, NOTES), DONE), 4019, 60),
            ),
        ),
        Example(
            "the history was compacted",
            (
                _counted(step((*TASK, ASKED, NOTES, DONE, TASK[1]), WROTE), 0, 9000),
                _counted(
                    step((TASK[0], user("## Conversation Summary\nNotes read.")), DONE), 50, 700
                ),
            ),
        ),
        Example(
            "the server counts nothing",
            (step(_told("10:00"), ASKED), step((*_told("10:07"), ASKED, NOTES), DONE)),
        ),
        Example(
            "the clock in the system prompt, twice: one finding",
            (
                _counted(step(_told("10:00"), ASKED), 0, 4000),
                _counted(step((*_told("10:07"), ASKED, NOTES), WROTE), 12, 4068),
                _counted(step((*_told("10:08"), ASKED, NOTES, WROTE, WRITTEN), DONE), 12, 4140),
            ),
            (Place(2, 0),),
        ),
        Example(
            "nothing differs on the wire",
            (
                _counted(step(TASK, ASKED), 0, 4000),
                _counted(step((*TASK, ASKED, NOTES), DONE), 0, 4080),
            ),
            (Place(2),),
        ),
        Example(
            "the reasoning was taken away, and the server cannot go back",
            (
                _counted(step(TASK, THOUGHT), 0, 4000, 300),
                _counted(step((*TASK, UNTHOUGHT, NOTES), DONE), 0, 4080),
            ),
            also=("reasoning-dropped",),
        ),
    )
    reads_session = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found: dict[tuple[object, ...], list[tuple[Link, _Cause]]] = {}
        for link, broken in zip(thread.links, each(thread, _is_broken_at), strict=True):
            if link is not None and broken and caches(thread):
                cause = _cause(link, session, thread)
                found.setdefault(cause.key, []).append((link, cause))
        for links in found.values():
            yield self._finding(links)

    def _finding(self, broken: Sequence[tuple[Link, _Cause]]) -> Finding:
        (first, cause), links = broken[0], [link for link, _ in broken]
        spent = total(links)
        often = "" if len(links) == 1 else f" (in {times(len(links), 'request')})"
        cached, known = (
            first.child.reply.usage.cached_tokens,
            first.parent.reply.usage.prompt_tokens,
        )
        return Finding(
            self.name,
            cause.severity,
            cause.side,
            f"The server read {spent or Price(0)} again that it had in its cache{often}: request "
            f"{first.child.exchange} found {cached:,} of {known:,} there. {cause.words}",
            _place(first, cause.segment),
            related=(
                Place(first.parent.exchange),
                *(_place(link, c.segment) for link, c in broken[1:]),
            ),
            evidence=tuple(_evidence(first, cause.segment)),
        )


def _place(link: Link, differs: Difference) -> Place:
    return Place(link.child.exchange, differs.index)


def _evidence(link: Link, differs: Difference) -> Iterator[Evidence]:
    """The counts, and both sides of the difference where it is one of text."""
    usage, cost = link.child.reply.usage, price(link)
    yield fact(
        link.child,
        f"prompt {usage.prompt_tokens} tokens, from the cache {usage.cached_tokens}; "
        f"read again {cost}",
    )
    if differs.old:
        yield Evidence(link.parent.exchange, cut(differs.old))
    if differs.new:
        yield Evidence(link.child.exchange, cut(differs.new))


def _cause(link: Link, session: Session, thread: Thread) -> _Cause:
    """Who broke it: what differs on the wire, or else what ran in between, or the template."""
    differs = difference(link)
    if differs.kind is not Kind.NOTHING:
        words = f"The first difference: {one_line(str(differs), 160)}."
        on_purpose = differs.what in ON_PURPOSE
        grade = Severity.INFO if on_purpose else Severity.WARNING
        return _Cause(Side.AGENT, differs, words, grade)
    if _drops_reasoning(link):
        words = (
            "Nothing differs on the wire, but a user's message follows: the template leaves out "
            "the reasoning of what came before it."
        )
        return _Cause(Side.TEMPLATE, differs, words)
    if _between(link, session, thread):
        words = "Nothing differs on the wire; other requests ran in between and took its slot."
        return _Cause(Side.SERVER, differs, words)
    other = moved(link)
    if other:
        words = f"Nothing differs on the wire, but another answered ({one_line(other, 100)})."
        return _Cause(Side.SERVER, differs, words)
    return _Cause(Side.SERVER, differs, "Nothing differs on the wire: server or template.")


def _drops_reasoning(link: Link) -> bool:
    """True where the history gives reasoning back and a user has spoken since."""
    new = link.child.messages[len(link.parent.messages) :]
    old = (*link.parent.messages, *new[:1])
    spoke = any(message.role == "user" for message in new)
    return spoke and any(message.reasoning for message in old)


def _between(link: Link, session: Session, thread: Thread) -> bool:
    """True where another thread of the session was served while the agent ran its tools."""
    since, until = link.parent.started_at, link.child.started_at
    return any(
        since < turn.started_at < until and _answered(turn)
        for other in session.threads
        if other is not thread
        for turn in other.turns
    )


def _answered(turn: Turn) -> bool:
    return turn.status == 200
