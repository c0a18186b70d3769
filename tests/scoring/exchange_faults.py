"""How an exchange goes wrong: cut, refused, slow, or answered from half a prompt."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import orjson

from kimitap.rules.examples import Json, assistant, user
from kimitap.rules.rule import Sample
from tests.scoring.cache import counted, said
from tests.scoring.cutting import (
    Spot,
    calls_of,
    message_of,
    messages_of,
    spots,
    with_messages,
)
from tests.scoring.events import NO_JSON, spliced
from tests.scoring.fault import Broken, fault, refused, tried_before
from tests.support import chat


@fault
def cut_stream(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The stream breaks off, and the agent asks again."""
    return tried_before(samples, rng, "stream-aborted", _cut)


def _cut(sample: Sample) -> Sample:
    ended = {"message": message_of(sample), "finish_reason": None}
    return replace(sample, reply=ended, cancelled=False)


@fault
def empty_reply(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The model says nothing, and the agent asks again."""
    return tried_before(
        samples,
        rng,
        "empty-reply",
        lambda s: replace(s, reply={"message": assistant(""), "finish_reason": "stop"}),
    )


@fault
def refused_by_template(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The template raises, and the agent asks again."""
    text = "Value is not callable: null at row 12, column 27"
    return tried_before(samples, rng, "template-rejected", lambda s: refused(s, 500, text))


@fault
def context_full(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The prompt is too long, and the agent asks again."""
    error = {
        "code": 400,
        "message": "request (9000 tokens) exceeds the available context size (8192 tokens)",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 9000,
        "n_ctx": 8192,
    }
    return tried_before(
        samples,
        rng,
        "context-overflow",
        lambda s: replace(s, reply={"error": error}, status=400),
    )


@fault
def error_event(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server's error comes as an event of a stream, and the agent asks again."""
    raw = b'data: {"error":{"code":500,"message":"decode failed","type":"server_error"}}\n\n'
    return tried_before(
        samples, rng, "stream-error-event", lambda s: replace(s, raw=raw, cancelled=False)
    )


@fault
def answered_by_another(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """What answers, and well by its status, is no model's server; the agent asks again."""
    raw = rng.choice((PAGE, b"no healthy upstream", b"", b'{"status":"starting"}', b"[]"))
    return tried_before(
        samples, rng, "unreadable-answer", lambda s: replace(s, raw=raw, cancelled=False)
    )


PAGE = b"<!DOCTYPE html>\n<html lang='en'><head><title>Sign in</title></head><body></body></html>"


@fault
def asked_three_times(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The same request fails again and again; the first time of all, after one that did not."""
    good = [i for i, s in enumerate(samples) if i and samples[i - 1].status == s.status == 200]
    good = [i for i in good if len(messages_of(samples[i])) > 2]
    if not good:
        return None
    at = rng.choice(good)
    tried = refused(samples[at], 500, "decode failed")
    return Broken([*samples[:at], *[tried] * 4, *samples[at:]], "retry-storm", at + 1)


@fault
def cache_lost(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server reads a whole prompt again, though it only grew."""
    made = counted(samples)
    spot = _deep(made, rng)
    if spot is None:
        return None
    known = _prompt_tokens(made[spot.request_at])
    made[spot.request_at] = replace(made[spot.request_at], extra=said(0, known, 40))
    return Broken(made, "prompt-cache-broken", spot.request_at + 1)


@fault
def prompt_shortened(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server cuts out the middle of a prompt that its context has no room for, and says
    nothing: more than half of the context is filled, and of that the beginning was cached."""
    made = counted(samples)
    spot = _deep(made, rng)
    if spot is None:
        return None
    left = _prompt_tokens(made[spot.reply_at]) * 5 // 8
    made[spot.request_at] = replace(
        made[spot.request_at], extra=said(left // 4, left - left // 4, 40)
    )
    return Broken(made, "shortened-prompt", spot.request_at + 1)


def _deep(samples: Sequence[Sample], rng: random.Random) -> Spot | None:
    """A spot whose next request was asked in the same way, answered and counted."""
    found = [
        spot
        for spot in spots(samples)
        if _counts(samples[spot.reply_at])
        and _counts(samples[spot.request_at])
        and _choice(samples[spot.reply_at]) == _choice(samples[spot.request_at])
    ]
    return rng.choice(found) if found else None


def _choice(sample: Sample) -> object:
    return sample.request.get("tool_choice")


def _counts(sample: Sample) -> bool:
    return "usage" in sample.extra and not _unended(sample)


def _unended(sample: Sample) -> bool:
    return not (sample.reply or {}).get("finish_reason")


def _prompt_tokens(sample: Sample) -> int:
    return int(sample.extra["usage"]["prompt_tokens"])  # type: ignore[index] # a test's JSON


@fault
def user_hung_up(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The client hangs up in mid-sentence, and asks again."""
    return tried_before(
        samples, rng, "client-cancelled", lambda s: replace(_cut(s), cancelled=True)
    )


@fault
def stream_stalled(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A stream falls silent in mid-sentence; so long a one that it is out of its rhythm."""
    made = counted(samples)
    at = _answered([s if _written(s) >= LONG else replace(s, extra={}) for s in made], rng)
    if at is None:
        return None
    made[at] = replace(made[at], pauses={6: SILENCE_S})
    return Broken(made, "stalled-stream", at + 1)


SILENCE_S = 14.0
LONG = 40
"""Tokens of a reply in which a silence is noticed."""


def _written(sample: Sample) -> int:
    usage: Json = sample.extra.get("usage") or {}  # type: ignore[assignment] # a test's JSON
    return int(str(usage.get("completion_tokens", 0)))


@fault
def no_json_in_stream(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """An event of a stream is no JSON."""
    made = counted(samples)
    at = _answered(made, rng)
    if at is None:
        return None
    whole = chat.stream_of(made[at].reply, at + 1, made[at].extra)
    made[at] = replace(made[at], raw=spliced(whole, NO_JSON))
    return Broken(made, "bad-delta", at + 1)


def _answered(samples: Sequence[Sample], rng: random.Random) -> int | None:
    """An exchange at random whose reply came to its end."""
    found = [i for i, s in enumerate(samples) if s.extra and not _unended(s)]
    return rng.choice(found) if found else None


@fault
def refused_for_good(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server refuses the request in the same words, whatever the user adds."""
    text = "Jinja Exception: Cannot subscript null at row 40, column 3"
    made = tried_before(samples, rng, "poisoned-history", lambda s: refused(s, 500, text), times=3)
    if made is None:
        return None
    at = made.exchange
    for more, word in enumerate(("Go on.", "Please go on."), 1):
        tried = made.samples[at - 2 + more]
        made.samples[at - 1 + more] = with_messages(tried, [*messages_of(tried), user(word)])
    return made


@fault
def refused_for_its_roles(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A user's message after a result is refused, and left out when the agent asks again."""
    text = (
        "Jinja Exception: After the optional system message, conversation roles must alternate "
        "user and assistant roles except for tool calls and results."
    )
    after = [s for s in samples if s.status == 200 and messages_of(s)[-1]["role"] == "tool"]
    if not after:
        return None
    at = samples.index(rng.choice(after))
    messages = [*messages_of(samples[at]), user("Hurry, please.")]
    made = [*samples[:at], refused(with_messages(samples[at], messages), 500, text), *samples[at:]]
    also = frozenset({"template-rejected"})
    odd = [
        i
        for i, (one, other) in enumerate(pairwise(messages), 1)
        if (one["role"], other["role"]) in (("tool", "user"), ("user", "user"))
    ]
    return Broken(made, "unusual-role-order", at + 1, tuple(odd), also)


@fault
def prefill_refused(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The agent begins the reply itself; the server refuses that while the model thinks."""
    text = "Assistant response prefill is incompatible with enable_thinking."
    return tried_before(
        samples,
        rng,
        "trailing-assistant",
        lambda s: refused(with_messages(s, [*messages_of(s), assistant("It was the")]), 400, text),
        lambda tried: (len(messages_of(tried)) - 1,),
    )


@fault
def ids_refused(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The session goes on at a server that does not take the ids of the one before it."""
    text = "messages.1.content.1.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    colons = [_with_colons(sample) for sample in samples]

    def first_call(tried: Sample) -> tuple[int, ...]:
        ids = ([str(c["id"]) for c in calls_of(m)] for m in messages_of(tried))
        return tuple(i for i, own in enumerate(ids) if ":" in "".join(own))[:1]

    made = tried_before(
        colons,
        rng,
        "invalid-tool-call-id",
        lambda s: refused(s, 400, text),
        first_call,
    )
    return made if made and made.messages else None


def _with_colons(sample: Sample) -> Sample:
    """The exchange with ids of Kimi K2's form."""
    both = orjson.dumps([sample.request, sample.reply]).replace(b'"call_', b'"functions.call:')
    request, reply = orjson.loads(both)
    return replace(sample, request=request, reply=reply)


@fault
def results_not_rendered(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The prompt that the server renders has all of the request but the results of its tools."""
    found = [i for i, s in enumerate(samples) if not _unended(s) and _first_result(s) is not None]
    if not found:
        return None
    at = rng.choice(found)
    made = list(samples)
    prompt = "\n".join(_rendered(samples[at]))
    made[at] = replace(samples[at], extra={"__verbose": {"prompt": prompt}})
    first = _first_result(samples[at])
    return Broken(made, "hidden-from-model", at + 1, () if first is None else (first,))


def _first_result(sample: Sample) -> int | None:
    roles = [m["role"] for m in messages_of(sample)]
    return roles.index("tool") if "tool" in roles else None


def _rendered(sample: Sample) -> Iterator[str]:
    yield orjson.dumps(sample.request.get("tools")).decode()
    for message in messages_of(sample):
        if message["role"] != "tool":
            yield f"{message.get('reasoning_content', '')}\n{message['content']}"
            yield from (_called(call) for call in calls_of(message))


def _called(call: Json) -> str:
    function: Json = call["function"]  # type: ignore[assignment] # a test's JSON
    return f"{function['name']} {function['arguments']}"
