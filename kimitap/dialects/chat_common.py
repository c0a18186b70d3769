"""The chunks of which nearly all of a stream consists: one choice, one delta, nothing else.

A reply of 300 events has perhaps three that say more than "the next letters of the text". Reading
these into fixed shapes costs a fraction of reading them as any JSON; whatever does not fit exactly
is left to `chat_stream`, which reads everything.
"""

from typing import Annotated

import msgspec

_Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""A number that every reader of JSON takes for the same."""


class CommonFunction(msgspec.Struct, forbid_unknown_fields=True):
    """The next letters of a call's arguments."""

    arguments: str


class CommonCall(msgspec.Struct, forbid_unknown_fields=True):
    """A delta of a call that was begun before: it has neither id nor name."""

    index: int
    function: CommonFunction


class CommonDelta(msgspec.Struct, forbid_unknown_fields=True):
    """The next letters of the text, of the reasoning or of a call."""

    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: Annotated[list[CommonCall], msgspec.Meta(min_length=1, max_length=1)] | None = None


class CommonChoice(msgspec.Struct, forbid_unknown_fields=True):
    """One choice, that goes on."""

    delta: CommonDelta
    index: int = 0
    finish_reason: None = None
    logprobs: None = None


class CommonUsage(msgspec.Struct, forbid_unknown_fields=True):
    """ik_llama.cpp counts in every chunk; the last word counts."""

    completion_tokens: _Whole
    prompt_tokens: _Whole
    total_tokens: _Whole


class CommonChunk(msgspec.Struct, forbid_unknown_fields=True):
    """A chunk that says nothing but its delta."""

    choices: Annotated[list[CommonChoice], msgspec.Meta(min_length=1, max_length=1)]
    model: str = ""
    id: str = ""
    object: str = ""
    created: _Whole = 0
    system_fingerprint: str | None = None
    usage: CommonUsage | None = None


read_common = msgspec.json.Decoder(CommonChunk).decode
"""Raises `msgspec.MsgspecError` where a chunk says more, or something else."""
