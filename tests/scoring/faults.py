"""The ways in which a session is broken at random: each of rules.md's defects that a wire can show.

A fault takes a clean session and a random generator; it returns the broken session, the rule that
must strike, and the exchange where it must; or None where the session has no place for it.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kimitap.rules.examples import Json, assistant, failed, system, tool, user
from kimitap.rules.rule import Sample
from tests.scoring.cache import counted, said
from tests.scoring.cutting import (
    Spot,
    calls_of,
    chosen,
    message_of,
    messages_of,
    rewritten,
    spots,
    with_messages,
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


ANYWHERE = ()
"""Any place of the exchange, the request's or the reply's."""


Fault = Callable[[Sequence[Sample], random.Random], Broken | None]
FAULTS: dict[str, Fault] = {}


def fault(made: Fault) -> Fault:
    FAULTS[made.__name__] = made
    return made


def has_call(reply: Json) -> bool:
    return len(calls_of(reply)) > 0


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


def leaked(reply: Json) -> str:
    return f"<tool_call>\n<function={name_of(reply)}>\n</function>\n</tool_call>"


def flat(block: list[Json]) -> list[Json]:
    reply = block[0]
    text = f"{reply['content']}\n[Tool Use: {name_of(reply)}]\n{arguments_of(reply)}"
    results = [user(f"[{name_of(reply)}] Result:\n{m['content']}") for m in block[1:]]
    return [assistant(text), *results]


def swapped(block: list[Json], at: int, **changes: object) -> list[Json]:
    return [*block[:at], {**block[at], **changes}, *block[at + 1 :]]


FAULTS |= {
    # what the agent gives back
    "blanked turn": replay(
        "tool-turn-lost", has_call, lambda b: [assistant(""), user("Go on with the task.")]
    ),
    "dropped turn": replay("tool-turn-lost", has_call, lambda b: [user("Go on with the task.")]),
    "call removed, result kept": replay(
        "tool-turn-lost", has_call, lambda b: [without(b[0], "tool_calls"), *b[1:]]
    ),
    "one call of many removed": replay(
        "partially-replayed-tool-calls",
        has_calls,
        lambda b: [{**b[0], "tool_calls": calls_of(b[0])[:-1]}, *b[1:-1]],
    ),
    "result removed": replay("unanswered-tool-call", has_call, lambda b: [*b[:-1], user("Go on.")]),
    "history written as text": replay("flattened-tool-history", has_call, flat),
    "reasoning removed": replay(
        "reasoning-dropped",
        lambda r: has_call(r) and "reasoning_content" in r,
        lambda b: [without(b[0], "reasoning_content"), *b[1:]],
    ),
    "text reply dropped": replay("dropped-reply", has_text_only, lambda b: []),
    "text reply blanked": replay("dropped-reply", has_text_only, lambda b: [assistant("")]),
    "result twice": replay("duplicate-tool-result", has_call, lambda b: [*b, b[-1]], last_result),
    "result under another id": replay(
        "mismatched-tool-call-id",
        has_call,
        lambda b: swapped(b, len(b) - 1, tool_call_id="call_of_nobody"),
        lambda start, stop: (start, stop - 1),
    ),
    "result after a user message": replay(
        "misplaced-tool-result",
        has_call,
        lambda b: [*b[:-1], user("Wait a moment."), b[-1]],
        last_result,
    ),
    "result of nothing": replay(
        "orphan-tool-result",
        has_call,
        lambda b: [*b, user("And?"), tool("call_of_nobody", "ok")],
        lambda start, stop: (stop + 1,),
    ),
    "result blank": replay(
        "empty-tool-result",
        has_call,
        lambda b: swapped(b, len(b) - 1, content=""),
        lambda start, stop: (stop - 1,),
    ),
    "arguments changed": replay(
        "changed-tool-call",
        has_call,
        lambda b: [changed_call(b[0], arguments='{"path": "elsewhere"}'), *b[1:]],
    ),
    "call renamed": replay(
        "changed-tool-call", has_call, lambda b: [changed_call(b[0], name="write_file2"), *b[1:]]
    ),
    "arguments as an object": replay(
        "arguments-not-string",
        has_call,
        lambda b: [changed_call(b[0], arguments=json.loads(arguments_of(b[0]))), *b[1:]],
    ),
    "reply twice": replay(
        "doubled-reply",
        has_call,
        lambda b: [{**b[0], "content": f"{str(b[0]['content'])[:20]}{b[0]['content']}"}, *b[1:]],
    ),
    "blank assistant message": replay(
        "empty-assistant-in-history",
        has_call,
        lambda b: [*b, assistant(""), user("Go on.")],
        last_result,
    ),
    "other words": replay(
        "edited-reply",
        has_text_only,
        lambda b: [assistant("Nothing of the kind; all tables are sound, as far as I know.")],
    ),
    # what the model said, and how the server parsed it
    "arguments cut": said_by_model(
        "malformed-tool-arguments",
        has_call,
        lambda r: changed_call(r, arguments=arguments_of(r)[:-3]),
    ),
    "no id": said_by_model("missing-tool-call-id", has_call, lambda r: changed_call(r, id="")),
    "unknown tool": said_by_model(
        "unknown-tool", has_call, lambda r: changed_call(r, name="fly_to_moon")
    ),
    "markup in the text": said_by_model(
        "tool-call-in-content",
        has_call,
        lambda r: without({**r, "content": leaked(r)}, "tool_calls"),
        "stop",
        answered=False,
    ),
    "markup in the reasoning": said_by_model(
        "tool-call-in-reasoning",
        has_call,
        lambda r: without({**r, "reasoning_content": f"I call it. {leaked(r)}"}, "tool_calls"),
        "stop",
        answered=False,
    ),
    "end token in the text": said_by_model(
        "special-token-in-content",
        has_text_only,
        lambda r: {**r, "content": f"{r['content']}<|im_end|>"},
    ),
    "think tag in the text": said_by_model(
        "think-tag-in-content",
        has_text_only,
        lambda r: {**r, "content": f"Let me see.\n</think>\n\n{r['content']}"},
    ),
    "text said twice": said_by_model(
        "duplicated-content",
        has_text_only,
        lambda r: {**r, "content": f"{r['content']}{r['content']} So."},
    ),
    "finish reason stop": said_by_model("finish-reason-mismatch", has_call, lambda r: r, "stop"),
    "cut by length": said_by_model(
        "truncated-by-length",
        has_text_only,
        lambda r: {**r, "content": str(r["content"])[:-5]},
        "length",
    ),
}


@fault
def cut_stream(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The stream breaks off, and the agent asks again."""
    return _tried_before(samples, rng, "stream-aborted", _cut)


def _cut(sample: Sample) -> Sample:
    return replace(sample, reply={"message": message_of(sample), "finish_reason": None})


@fault
def empty_reply(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The model says nothing, and the agent asks again."""
    return _tried_before(
        samples,
        rng,
        "empty-reply",
        lambda s: replace(s, reply={"message": assistant(""), "finish_reason": "stop"}),
    )


@fault
def refused_by_template(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The template raises, and the agent asks again."""
    text = "Value is not callable: null at row 12, column 27"
    return _tried_before(
        samples, rng, "template-rejected", lambda s: failed(messages_of(s), 500, text)
    )


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
    return _tried_before(
        samples,
        rng,
        "context-overflow",
        lambda s: replace(s, reply={"error": error}, status=400),
    )


@fault
def error_event(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server's error comes as an event of a stream, and the agent asks again."""
    raw = b'data: {"error":{"code":500,"message":"decode failed","type":"server_error"}}\n\n'
    return _tried_before(samples, rng, "stream-error-event", lambda s: replace(s, raw=raw))


def _tried_before(
    samples: Sequence[Sample],
    rng: random.Random,
    rule: str,
    attempt: Callable[[Sample], Sample],
) -> Broken | None:
    """The session with a failed attempt before one of its exchanges."""
    good = [i for i, s in enumerate(samples) if s.status == 200 and len(messages_of(s)) > 2]
    if not good:
        return None
    at = rng.choice(good)
    tried = attempt(samples[at])
    return Broken([*samples[:at], tried, *samples[at:]], rule, at + 1)


@fault
def cache_lost(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server reads a whole prompt again, though it only grew."""
    made = counted(samples)
    spot = _deep(made, rng)
    if spot is None:
        return None
    known = _prompt_tokens(made[spot.request_at])
    made[spot.request_at] = replace(made[spot.request_at], extra=said(0, known, 40))
    return Broken(made, "prompt-cache-broken", spot.request_at + 1, ANYWHERE)


@fault
def prompt_shortened(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The server leaves a part of the prompt out, and says nothing."""
    made = counted(samples)
    spot = _deep(made, rng)
    if spot is None:
        return None
    less = _prompt_tokens(made[spot.reply_at]) // 2
    made[spot.request_at] = replace(made[spot.request_at], extra=said(less // 2, less, 40))
    return Broken(made, "shortened-prompt", spot.request_at + 1, ANYWHERE)


def _deep(samples: Sequence[Sample], rng: random.Random) -> Spot | None:
    """A spot whose next request was answered and counted."""
    found = [
        spot
        for spot in spots(samples)
        if samples[spot.request_at].extra and samples[spot.reply_at].extra
    ]
    return rng.choice(found) if found else None


def _prompt_tokens(sample: Sample) -> int:
    return int(sample.extra["usage"]["prompt_tokens"])  # type: ignore[index] # a test's JSON


@fault
def limit_unreported(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The reply ends where max_tokens are used up, and its finish reason says `stop`."""
    made = counted(samples)
    texts = [
        i
        for i, s in enumerate(made)
        if s.extra and has_text_only(message_of(s)) and not s.cancelled
    ]
    if not texts:
        return None
    at = rng.choice(texts)
    sample = made[at]
    limit = sample.extra["timings"]["predicted_n"]  # type: ignore[index] # a test's JSON
    made[at] = replace(sample, request={**sample.request, "max_tokens": limit})
    return Broken(made, "unreported-truncation", at + 1)


@fault
def one_id_for_two_calls(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """Two calls of one reply have one id, and so have their results."""
    spot = chosen(samples, rng, has_calls)
    if spot is None:
        return None
    reply = message_of(samples[spot.reply_at])
    first, second = (str(made["id"]) for made in calls_of(reply)[:2])
    new = changed_call(reply, 1, id=first)
    made = rewritten(
        samples,
        spot,
        lambda b: [
            new,
            *({**m, "tool_call_id": first} if m["tool_call_id"] == second else m for m in b[1:]),
        ],
    )
    made[spot.reply_at] = with_reply(samples, spot, new)[spot.reply_at]
    return Broken(made, "reused-tool-call-id", spot.reply_at + 1)


@fault
def wrong_type(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """An argument has another type than the tool's declaration says."""
    declared = {"read_file", "write_file", "run_command"}
    return said_by_model(
        "tool-schema-violation",
        lambda r: has_call(r) and name_of(r) in declared,
        lambda r: changed_call(
            r, arguments=json.dumps(dict.fromkeys(json.loads(arguments_of(r)), 5))
        ),
    )(samples, rng)


@fault
def earlier_message_gone(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A turn is in one request and gone from the one after it."""
    spot = _with_a_later_request(samples, rng)
    if spot is None:
        return None
    old = messages_of(samples[spot.request_at])[: spot.stop]
    made = list(samples)
    first = None
    for at in range(spot.request_at + 1, len(samples)):
        messages = messages_of(samples[at])
        if messages[: spot.stop] == old:
            first = at if first is None else first
            made[at] = with_messages(samples[at], [*old[: spot.start], *messages[spot.stop :]])
    if first is None:
        return None
    return Broken(made, "dropped-from-history", first + 1, (spot.start,))


@fault
def earlier_result_edited(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A result that an earlier request carried comes back with other text."""
    spot = _with_a_later_request(samples, rng)
    if spot is None:
        return None
    old = messages_of(samples[spot.request_at])[: spot.stop]
    made = list(samples)
    first = None
    for at in range(spot.request_at + 1, len(samples)):
        messages = messages_of(samples[at])
        if messages[: spot.stop] == old:
            first = at if first is None else first
            edited = {**old[-1], "content": "There were no rows at all in any of these tables."}
            made[at] = with_messages(samples[at], [*old[:-1], edited, *messages[spot.stop :]])
    if first is None:
        return None
    return Broken(made, "edited-history", first + 1, (spot.stop - 1,))


def _with_a_later_request(samples: Sequence[Sample], rng: random.Random) -> Spot | None:
    def followed(spot: Spot) -> bool:
        sent = messages_of(samples[spot.request_at])
        later = samples[spot.request_at + 1 :]
        return any(messages_of(s)[: len(sent)] == sent for s in later)

    found = [s for s in spots(samples) if followed(s) and s.stop > s.start + 1]
    return rng.choice(found) if found else None


@fault
def call_nobody_made(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """An assistant message with a call that no reply contained."""
    spot = chosen(samples, rng, has_call)
    if spot is None:
        return None
    extra = assistant(
        "I also list them.",
        {
            "id": "call_extra",
            "type": "function",
            "function": {"name": "run_command", "arguments": '{"command": "ls extra"}'},
        },
    )
    made = rewritten(samples, spot, lambda b: [*b, extra, tool("call_extra", "a.txt")])
    return Broken(made, "unbacked-assistant-turn", spot.request_at + 1, (spot.stop,))


@fault
def system_changed(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """From one request on the system prompt is another."""
    spot = chosen(samples, rng, lambda r: True)
    if spot is None:
        return None
    first = messages_of(samples[spot.request_at])[0]
    if first["role"] != "system":
        return None
    new = system(f"{first['content']} Branch: main, 3 files changed.")

    def changed(sample: Sample) -> Sample:
        messages = messages_of(sample)
        return with_messages(sample, [new, *messages[1:]]) if messages[0] == first else sample

    at = spot.request_at
    made = [*samples[:at], *(changed(s) for s in samples[at:])]
    return Broken(made, "changed-system", at + 1, (0,))


@fault
def tools_changed(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """From one request on a tool has another description."""
    spot = chosen(samples, rng, has_call)
    if spot is None:
        return None
    declared = samples[spot.request_at].request["tools"]
    first = {"type": "function", "function": {"name": "read_file", "parameters": {}}}

    def changed(sample: Sample) -> Sample:
        tools = sample.request["tools"]
        if tools != declared:
            return sample
        return replace(sample, request={**sample.request, "tools": [first, *tools[1:]]})  # type: ignore[index] # a test's JSON

    at = spot.request_at
    made = [*samples[:at], *(changed(s) for s in samples[at:])]
    return Broken(made, "changed-tools", at + 1)


@fault
def same_call_again(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The model makes one call three times in a row."""
    spot = chosen(samples, rng, has_call)
    if spot is None or spot.reply_at + 1 != spot.request_at:
        return None
    block = messages_of(samples[spot.request_at])[spot.start : spot.stop]
    before = samples[spot.reply_at]
    first = messages_of(before)
    again = [
        with_messages(before, [*first, *block]),
        with_messages(before, [*first, *block, *block]),
    ]
    later = rewritten(samples, spot, lambda b: [*b, *b, *b])
    at = spot.request_at
    made = [*later[:at], *again, *later[at:]]
    return Broken(made, "repeated-tool-call", at + 2)


@fault
def asked_three_times(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The same request fails again and again."""
    good = [i for i, s in enumerate(samples) if s.status == 200 and len(messages_of(s)) > 2]
    if not good:
        return None
    at = rng.choice(good)
    tried = failed(messages_of(samples[at]), 500, "decode failed")
    return Broken([*samples[:at], *[tried] * 4, *samples[at:]], "retry-storm", at + 1)
