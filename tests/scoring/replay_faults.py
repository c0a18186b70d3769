"""What the agent does wrong: how it gives the history back."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace

from kimitap.rules.examples import Json, assistant, system, tool, user
from kimitap.rules.rule import Sample
from tests.scoring.cutting import (
    Spot,
    calls_of,
    chosen,
    messages_of,
    rewritten,
    spots,
    with_messages,
)
from tests.scoring.fault import (
    FAULTS,
    Broken,
    arguments_of,
    changed_call,
    fault,
    has_call,
    has_calls,
    has_sound_call,
    has_text_only,
    last_result,
    name_of,
    replay,
    without,
)
from tests.scoring.in_messages import sign


def flat(block: list[Json]) -> list[Json]:
    reply = block[0]
    text = f"{reply['content']}\n[Tool Use: {name_of(reply)}]\n{arguments_of(reply)}"
    results = [user(f"[{name_of(reply)}] Result:\n{m['content']}") for m in block[1:]]
    return [assistant(text), *results]


def swapped(block: list[Json], at: int, **changes: object) -> list[Json]:
    return [*block[:at], {**block[at], **changes}, *block[at + 1 :]]


FAULTS |= {
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
        has_sound_call,
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
}


@fault
def earlier_message_gone(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A turn is in one request and gone from the one after it, which keeps what followed.

    Not the oldest one where the agent leaves out the oldest turns anyway.
    """
    spot = _with_a_later_request(samples, rng)
    if spot is None or (spot.start <= _KEPT and _slides(samples)):
        return None
    old = messages_of(samples[spot.request_at])[: spot.stop]
    made = list(samples)
    first = None
    for at in range(spot.request_at + 1, len(samples)):
        messages = messages_of(samples[at])
        if messages[: spot.stop] == old:
            first = at if first is None else first
            made[at] = with_messages(samples[at], [*old[: spot.start], *messages[spot.stop :]])
    if first is None or not any(
        m["role"] == "assistant" for m in messages_of(made[first])[spot.start :]
    ):
        return None
    return Broken(made, "dropped-from-history", first + 1, (spot.start,))


_KEPT = 2
"""Messages that a sliding window keeps at the head."""


def _slides(samples: Sequence[Sample]) -> bool:
    """True where a request has a later turn right after the head: the oldest are left out."""
    first, *rest = (messages_of(s) for s in samples)
    heads = [m for m in rest if m[:_KEPT] == first[:_KEPT] and len(m) > _KEPT]
    return any(m[_KEPT] != heads[0][_KEPT] and m[_KEPT] in heads[-1] for m in heads)


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
        if not (samples[spot.request_at].reply or {}).get("finish_reason"):
            return False
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
def other_words(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A reply comes back in other words; to a lone first prompt it would be another run's."""
    made = replay("edited-reply", has_text_only, lambda b: [OTHER_WORDS])(samples, rng)
    return made if made and made.messages[0] > 2 else None


OTHER_WORDS = assistant("Nothing of the kind; all tables are sound, as far as I know.")


@fault
def asked_again(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """A sound reply is thrown away, and the model asked once more."""
    good = [s.request_at for s in spots(samples)]
    ended = [i for i in good if (samples[i].reply or {}).get("finish_reason")]
    if not ended:
        return None
    at = rng.choice(ended)
    thrown = replace(samples[at], reply={"message": THROWN, "finish_reason": "stop"})
    places = (len(messages_of(samples[at])),)
    return Broken([*samples[:at], thrown, *samples[at:]], "discarded-reply", at + 2, places)


THROWN = assistant("It may be the harbour table, or any of the others; I cannot tell yet.")


@fault
def empty_block(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The reply's text comes back with an empty block of text behind it."""
    empty = {"type": "text", "text": ""}

    def with_empty(block: list[Json]) -> list[Json]:
        said = {"type": "text", "text": block[0]["content"]}
        return [{**block[0], "content": [said, empty]}, *block[1:]]

    return replay("empty-text-block", has_call, with_empty)(samples, rng)


@fault
def thinking_rewritten(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The thinking comes back in other words, under the signature that it had."""

    def altered(block: list[Json]) -> list[Json]:
        thought = str(block[0]["reasoning_content"])
        other = {"reasoning_content": f"In short: {thought[:20]}", "signature": sign(thought)}
        return [{**block[0], **other}, *block[1:]]

    return replay("altered-thinking", lambda r: has_call(r) and "reasoning_content" in r, altered)(
        samples, rng
    )
