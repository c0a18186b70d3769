"""The times, tokens and speeds of one exchange on a page, with who told each."""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.segment import Segment
from rich.style import Style

from kimitap.conversation import Turn
from kimitap.exchange import Exchange
from kimitap.lineage import Link
from kimitap.rules.finding import Severity
from kimitap.transcript.numbers import turn_numbers_of
from kimitap.transcript.wire_times import WireTimes, stream_speed, wire_times
from kimitap.transcript.wording import plural
from kimitap.tui.palette import ALARM, FAINT, JSON_KEY, NAME, NORMAL, RULE, STRONG
from kimitap.tui.widgets.entry import Entry, Item, note, outline_text
from kimitap.tui.widgets.made import Made
from kimitap.wire import events, is_stream, response_body, speaking

_UNTOLD = "not told by the server"
_NAME = 26
_VALUE = 12
_BAR_LEAST = 10
_BAR_MOST = 60

Told = tuple[str, str, str]
"""A name, a value (empty where nobody told it), and who told it."""


def timings_made(exchange: Exchange, turn: Turn | None, link: Link | None) -> Made:
    """The page. `link` is how the turn follows the one before it."""
    times = wire_times(exchange, speaking(exchange))
    began = exchange.started_at.astimezone().isoformat(sep=" ", timespec="milliseconds")
    entries = [*_headed(f"time, from {began}"), *_phases(times), *_moments(exchange, times)]
    if turn is not None:
        entries += [note(""), *_headed("tokens"), *_lines(_tokens(turn, link))]
        entries += [note(""), *_headed("speed"), *_lines(_speeds(turn, times))]
    entries += [note(""), *_headed("bytes"), *_lines(_bytes(exchange, times))]
    return Made(entries, text=partial(outline_text, entries))


def _headed(words: str) -> Iterator[Entry]:
    yield note(f"── {words} ──", NAME, stop=True)


def _phases(times: WireTimes) -> Iterator[Entry]:
    """What the time went by with, each phase with its bar."""
    spoke = times.first_s if times.spoke_s is None else times.spoke_s
    word = times.spoke_s is not None and times.pieces > 1
    moments = (
        ("waiting for the head", times.headers_s),
        (f"waiting for the {'first word' if word else 'body'}", spoke),
        ("the reply arrives", times.last_s if times.pieces > 1 else None),
        ("until the end", times.ended_s),
    )
    before = 0.0
    for name, at in moments:
        if at is None:
            continue
        start, before = before, max(before, at)
        label = (
            Segment(f"{name:<{_NAME}}", JSON_KEY),
            Segment(f"{_s(before - start):>{_VALUE}}  ", STRONG),
        )
        stretch = (start / (times.length_s or 1.0), before / (times.length_s or 1.0))
        yield Item(label, rest=partial(_bar, stretch), marked=False)
    if times.pieces == 1:
        yield note("the body came in one piece: when its words were said is not known", FAINT)
    if before == 0.0:
        yield note("nothing has come yet", FAINT)


def _bar(stretch: tuple[float, float], width: int) -> Sequence[Segment]:
    """A bar from one share of the whole time to another."""
    width = min(width, _BAR_MOST)
    if width < _BAR_LEAST:
        return ()
    first = min(width - 1, int(stretch[0] * width))
    cells = max(1, round(stretch[1] * width) - first)
    cells = min(cells, width - first)
    return (
        Segment("─" * first, RULE + Style(dim=True)),
        Segment("█" * cells, NORMAL),
        Segment("─" * (width - first - cells), RULE + Style(dim=True)),
    )


def _moments(exchange: Exchange, times: WireTimes) -> Iterator[Entry]:
    told = [("head of the response", _at(times.headers_s), "")]
    told.append(("first piece of the body", _at(times.first_s), ""))
    if times.pieces > 1:
        told.append(("first word of the reply", _at(times.spoke_s), ""))
        told.append(("last piece of the body", _at(times.last_s), ""))
    told.append(("end", _at(times.ended_s), str(exchange.outcome)))
    yield from _lines(told, untold="never" if exchange.ended_at else "not yet")
    for stall in times.stalls:
        said = f"! {stall.length_s:.1f} s silent, from {_at(stall.at_s)}"
        yield note(said, ALARM[Severity.WARNING], stop=True)


def _tokens(turn: Turn, link: Link | None) -> Iterator[Told]:
    """The tokens that the server counted."""
    numbers, told = turn_numbers_of(turn, link), turn.reply.timings
    share = "" if numbers.cached_share is None else f"{numbers.cached_share}% of the prompt"
    yield "prompt", _n(numbers.prompt), ""
    yield "  cached", _n(numbers.cached), share
    yield "  read", _n(numbers.read), "not in the cache" if numbers.read else ""
    if numbers.again:
        before = f"#{link.parent.exchange}" if link else "the turn before"
        yield "  of these, read again", _n(numbers.again), f"the server had read them for {before}"
    yield "reply", _n(numbers.reply), ""
    reasoning = turn.reply.usage.reasoning_tokens
    if reasoning is not None:
        yield "  reasoning", _n(reasoning), ""
    if told.n_ctx:
        held = (numbers.prompt or 0) + (numbers.reply or 0)
        yield "context", _n(told.n_ctx), f"{100 * held // told.n_ctx}% full after this turn"


def _speeds(turn: Turn, times: WireTimes) -> Iterator[Told]:
    """How fast the prompt was read and the reply made, as measured, and as it came."""
    told = turn.reply.timings
    yield "reading the prompt", *_rate(told.prompt_n, told.prompt_ms)
    if told.predicted_n != 1:  # the first token comes with the prompt: there is nothing to measure
        yield "making the reply", *_rate(told.predicted_n, told.predicted_ms)
    speed = stream_speed(turn, times)
    if speed is not None:
        yield "over the wire", f"{speed:,.1f} /s", "from the times of the pieces"


def _bytes(exchange: Exchange, times: WireTimes) -> Iterator[Told]:
    yield "request body", f"{exchange.request.size:,}", ""
    yield "response body", f"{len(exchange.response):,}", f"in {plural(times.pieces, 'piece')}"
    if exchange.lost_bytes:
        yield "not recorded", f"{exchange.lost_bytes:,}", "passed, but could not be kept"
    body = response_body(exchange)
    if is_stream(body.data, exchange):
        yield "events", f"{sum(1 for _ in events(exchange)):,}", ""
    longest = max((stall.length_s for stall in times.stalls), default=None)
    yield "stalls", str(len(times.stalls)), "" if longest is None else f"longest {longest:.1f} s"


def _lines(told: Sequence[Told] | Iterator[Told], untold: str = _UNTOLD) -> Iterator[Entry]:
    """A line each: the name, the value at the right of its column, the remark."""
    for name, value, remark in told:
        label = (
            Segment(f"{name:<{_NAME}}", JSON_KEY),
            Segment(f"{value:>{_VALUE}}" if value else untold, STRONG if value else FAINT),
            Segment(f"  {remark}" if value and remark else "", FAINT),
        )
        yield Item(label, marked=False)


def _s(seconds: float) -> str:
    return f"{seconds:.3f} s"


def _at(seconds: float | None) -> str:
    return "" if seconds is None else f"+{seconds:.3f} s"


def _n(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _rate(tokens: int | None, taken_ms: float | None) -> tuple[str, str]:
    """Tokens a second, and what they are told from."""
    if tokens is None or not taken_ms:
        return "", ""
    told = f"the server: {plural(tokens, 'token')} in {taken_ms:,.0f} ms"
    return f"{tokens / taken_ms * 1000:,.1f} /s", told
