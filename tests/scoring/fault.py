"""What a fault is, and the two ways in which most are made: the agent's, and the model's.

A fault takes a clean session and a random generator; it returns the broken session, the rule that
must strike, and the exchange where it must; or None where the session has no place for it.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kimitap.rules.arguments import is_object
from kimitap.rules.examples import Json, failed, user
from kimitap.rules.rule import Sample
from tests.scoring.cutting import (
    calls_of,
    chosen,
    message_of,
    messages_of,
    rewritten,
    with_reply,
)


class Broken(NamedTuple):
    """A session with one fault. `exchange` counts from 1; no `messages`: it is a reply's.

    Where a fault lies between two messages (a call and its result), either is its place.
    """

    samples: list[Sample]
    rule: str
    exchange: int
    messages: tuple[int, ...] = ()
    also: frozenset[str] = frozenset()
    """Other rules that rightly call an error where this fault is."""


ANYWHERE = ()
"""Any place of the exchange, the request's or the reply's."""


Fault = Callable[[Sequence[Sample], random.Random], Broken | None]
FAULTS: dict[str, Fault] = {}


def fault(made: Fault) -> Fault:
    FAULTS[made.__name__] = made
    return made


def has_call(reply: Json) -> bool:
    return len(calls_of(reply)) > 0


def has_sound_call(reply: Json) -> bool:
    """True where the first call's arguments are a JSON object: no fault before broke them."""
    return has_call(reply) and is_object(arguments_of(reply))


def has_calls(reply: Json) -> bool:
    return len(calls_of(reply)) > 1


def has_text_only(reply: Json) -> bool:
    return not calls_of(reply) and bool(reply.get("content"))


def last_result(start: int, stop: int) -> tuple[int, ...]:
    """Where what was put behind the results, or the last of them, stands."""
    return (stop,)


def replay(
    rule: str,
    wanted: Callable[[Json], bool],
    new: Callable[[list[Json]], Sequence[Json]],
    at: Callable[[int, int], tuple[int, ...]] = lambda start, stop: (start,),
) -> Fault:
    """The agent gives one reply back as `new` of its message and results.

    `at(start, stop)` are the places where that shows.
    """

    def broken(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
        spot = chosen(samples, rng, wanted)
        if spot is None:
            return None
        places = at(spot.start, spot.stop)
        return Broken(rewritten(samples, spot, new), rule, spot.request_at + 1, places)

    return broken


def said_by_model(
    rule: str,
    wanted: Callable[[Json], bool],
    new: Callable[[Json], Json],
    finish: str | None = "",
    *,
    answered: bool = True,
) -> Fault:
    """The model, or the server's parser, says `new` of what it said.

    Without `answered` the agent sees no call in it, and the user goes on.
    """

    def broken(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
        spot = chosen(samples, rng, wanted)
        if spot is None:
            return None
        reply = new(message_of(samples[spot.reply_at]))
        made = with_reply(samples, spot, reply, finish)
        if not answered:
            sent = [reply, user("Go on with the task, please.")]
            replied = made[spot.reply_at]
            made = rewritten(samples, spot, lambda old: sent)
            made[spot.reply_at] = replied
        return Broken(made, rule, spot.reply_at + 1)

    return broken


def changed_call(reply: Json, at: int = 0, /, **changes: object) -> Json:
    """The reply with its call `at` changed: `id`, `name` or `arguments`."""
    calls = calls_of(reply)
    old: Mapping[str, object] = calls[at]["function"]  # type: ignore[assignment] # a test's JSON
    function = dict(old) | {k: v for k, v in changes.items() if k in ("name", "arguments")}
    own_id = {k: v for k, v in changes.items() if k == "id"}
    calls[at] = {**calls[at], "function": function, **own_id}
    return {**reply, "tool_calls": calls}


def name_of(reply: Json) -> str:
    return str(calls_of(reply)[0]["function"]["name"])  # type: ignore[index] # a test's JSON


def arguments_of(reply: Json) -> str:
    return str(calls_of(reply)[0]["function"]["arguments"])  # type: ignore[index] # a test's JSON


def without(reply: Json, *names: str) -> Json:
    return {k: v for k, v in reply.items() if k not in names}


def refused(sample: Sample, status: int, error: str) -> Sample:
    """The request, refused with an error's text."""
    return replace(failed((), status, error), request=sample.request)


def tried_before(
    samples: Sequence[Sample],
    rng: random.Random,
    rule: str,
    attempt: Callable[[Sample], Sample],
    at: Callable[[Sample], tuple[int, ...]] = lambda tried: (),
    *,
    times: int = 1,
    also: Collection[str] = (),
) -> Broken | None:
    """The session with a failed attempt, or `times` of them, before one of its exchanges.

    `at(attempt)` are the places in its request where that shows; none: it is the reply's.
    """
    good = [i for i, s in enumerate(samples) if s.status == 200 and len(messages_of(s)) > 2]
    if not good:
        return None
    before = rng.choice(good)
    tried = attempt(samples[before])
    made = [*samples[:before], *[tried] * times, *samples[before:]]
    return Broken(made, rule, before + 1, at(tried), frozenset(also))
