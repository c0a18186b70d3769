"""Finds places in a session where it can be broken, and rewrites all requests that show them."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample


@dataclass(frozen=True)
class Spot:
    """A reply, and where the next request of its thread gives it back.

    `reply_at` and `request_at` count in the session's samples from 0. Messages `start` to `stop` of
    that request are the assistant's message and its results.
    """

    reply_at: int
    request_at: int
    start: int
    stop: int


def messages_of(sample: Sample) -> list[Json]:
    messages: Sequence[Json] = sample.request["messages"]  # type: ignore[assignment] # a test's JSON
    return list(messages)


def message_of(sample: Sample) -> Json:
    """The reply's message; empty where there is none."""
    found = (sample.reply or {}).get("message")
    return found if isinstance(found, dict) else {}


def calls_of(message: Json) -> list[Json]:
    calls: Sequence[Json] = message.get("tool_calls") or ()  # type: ignore[assignment] # a test's JSON
    return list(calls)


def spots(samples: Sequence[Sample]) -> Iterator[Spot]:
    """Every complete reply that the next request which knows it gives back as it was.

    A request with other tools only asks something about the history: it may leave a reply out.
    """
    for p, sample in enumerate(samples):
        reply = message_of(sample)
        if sample.status != 200 or not reply or (sample.reply or {}).get("finish_reason") is None:
            continue
        start = len(messages_of(sample))
        for q in range(p + 1, len(samples)):
            later = messages_of(samples[q])
            if len(later) > start and later[:start] == messages_of(sample):
                same_tools = samples[q].request.get("tools") == sample.request.get("tools")
                if later[start] == reply and same_tools:
                    yield Spot(p, q, start, _end_of_results(later, start))
                break


def _end_of_results(messages: Sequence[Json], start: int) -> int:
    stop = start + 1
    while stop < len(messages) and messages[stop]["role"] == "tool":
        stop += 1
    return stop


def rewritten(
    samples: Sequence[Sample], spot: Spot, new: Callable[[list[Json]], Sequence[Json]]
) -> list[Sample]:
    """The session with what stands at the spot replaced by `new(of it)`, in all later requests.

    An agent that writes a turn wrongly does so in each request from then on, also where it has
    left out older messages meanwhile, or emptied results to save tokens.
    """
    old = messages_of(samples[spot.request_at])
    block = old[spot.start : spot.stop]
    changed = list(new(list(block)))

    def once_more(sample: Sample) -> Sample:
        messages = messages_of(sample)
        at = _standing(messages, old, spot)
        if at is None:
            return sample
        now = messages[at : at + len(block)]
        kept = [now[block.index(m)] if m in block else m for m in changed]
        return with_messages(sample, [*messages[:at], *kept, *messages[at + len(block) :]])

    at = spot.request_at
    return [*samples[:at], *(once_more(sample) for sample in samples[at:])]


def _standing(messages: Sequence[Json], old: Sequence[Json], spot: Spot) -> int | None:
    """Where a request has the spot's block; None where it has it not, or another run's."""
    if messages[:2] != old[:2] or old[spot.start] not in messages:
        return None
    at = messages.index(old[spot.start])
    now, block = messages[at : at + spot.stop - spot.start], old[spot.start : spot.stop]
    same = [m.get("tool_call_id") for m in now] == [m.get("tool_call_id") for m in block]
    return at if same else None


def with_messages(sample: Sample, messages: Sequence[Json]) -> Sample:
    return replace(sample, request={**sample.request, "messages": list(messages)})


def with_reply(
    samples: Sequence[Sample], spot: Spot, new: Json, finish: str | None = ""
) -> list[Sample]:
    """The session in which the model says `new` at the spot, and the agent gives that back."""
    later = rewritten(samples, spot, lambda old: [new, *old[1:]])
    sample = samples[spot.reply_at]
    reason = (sample.reply or {}).get("finish_reason") if finish == "" else finish
    later[spot.reply_at] = replace(sample, reply={"message": new, "finish_reason": reason})
    return later


def chosen(
    samples: Sequence[Sample], rng: random.Random, wanted: Callable[[Json], bool]
) -> Spot | None:
    """A spot at random whose reply is as wanted."""
    found = [s for s in spots(samples) if wanted(message_of(samples[s.reply_at]))]
    return rng.choice(found) if found else None
