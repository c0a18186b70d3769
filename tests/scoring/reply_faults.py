"""What the model says wrong, or the server's parser makes of it."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample
from tests.scoring.cache import counted
from tests.scoring.cutting import (
    calls_of,
    chosen,
    message_of,
    messages_of,
    rewritten,
    with_messages,
    with_reply,
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
    name_of,
    said_by_model,
    without,
)
from tests.support import chat


def leaked(reply: Json) -> str:
    return f"<tool_call>\n<function={name_of(reply)}>\n</function>\n</tool_call>"


FAULTS |= {
    "arguments cut": said_by_model(
        "malformed-tool-arguments",
        has_call,
        lambda r: changed_call(r, arguments=arguments_of(r)[:-3]),
        "tool_calls",
    ),
    "call cut by length": said_by_model(
        "truncated-by-length",
        has_call,
        lambda r: changed_call(r, len(calls_of(r)) - 1, arguments=arguments_of(r)[:-3]),
        "length",
    ),
    "arguments glued": said_by_model(
        "colliding-tool-call-index",
        has_sound_call,
        lambda r: changed_call(r, arguments=f'{arguments_of(r)}{{"path": "too.txt"}}'),
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
    "cut by length": said_by_model(
        "truncated-by-length",
        has_text_only,
        lambda r: {**r, "content": str(r["content"])[:-5]},
        "length",
    ),
}


@fault
def finish_reason_stop(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The finish reason of a reply with calls is `stop`; where one tool was named it may be."""
    broken = said_by_model("finish-reason-mismatch", has_call, lambda r: r, "stop")(samples, rng)
    if broken is None or broken.samples[broken.exchange - 1].request.get("tool_choice"):
        return None
    return broken


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
        lambda r: has_sound_call(r) and name_of(r) in declared,
        lambda r: changed_call(
            r, arguments=json.dumps(dict.fromkeys(json.loads(arguments_of(r)), 5))
        ),
    )(samples, rng)


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
def one_index_for_two_calls(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """Two calls of a stream have one index."""
    spot = chosen(samples, rng, has_calls)
    if spot is None:
        return None
    sample = counted(samples)[spot.reply_at]
    whole = chat.stream_of(sample.reply, spot.reply_at + 1, sample.extra)
    made = list(samples)
    made[spot.reply_at] = replace(sample, raw=whole.replace(b'"index":1', b'"index":0'))
    return Broken(made, "colliding-tool-call-index", spot.reply_at + 1)


SECOND: dict[str, Callable[[Json], Json]] = {
    "malformed-tool-arguments": lambda r: changed_call(r, arguments="[1]"),
    "missing-tool-call-id": lambda r: changed_call(r, id=""),
    "unknown-tool": lambda r: changed_call(r, name="fly_to_moon"),
    "tool-call-in-content": lambda r: without({**r, "content": leaked(r)}, "tool_calls"),
    "special-token-in-content": lambda r: without(
        {**r, "content": "Done.<|im_end|>"}, "tool_calls"
    ),
}
"""Rule → what the second choice says of the first one's message."""


@fault
def flaw_in_the_second_choice(samples: Sequence[Sample], rng: random.Random) -> Broken | None:
    """The request asks for two choices; the agent takes the first, which is sound."""
    spot = chosen(samples, rng, has_sound_call)
    if spot is None:
        return None
    rule = rng.choice(sorted(SECOND))
    made, asked = list(samples), samples[spot.reply_at]
    first = dict(asked.reply or {})
    second = SECOND[rule](message_of(asked))
    reason = "tool_calls" if calls_of(second) else "stop"
    choices = [
        {"index": 0, **first},
        {"index": 1, "message": dict(second), "finish_reason": reason},
    ]
    raw = orjson.dumps({"choices": choices})
    made[spot.reply_at] = replace(asked, request={**asked.request, "n": 2}, raw=raw)
    return Broken(made, rule, spot.reply_at + 1)
