"""What a server's counts tell of a prompt that it cut, and what they do not."""

import re
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from kimitap.rules.examples import DONE, TASK, Json, assistant, call, step, tool, user
from kimitap.rules.rule import Sample
from tests.scoring.dialects import Dialect
from tests.scoring.translate import translated
from tests.support.examples import findings_of

LONG = (TASK[0], user("Sum up what the ledger says of each month, please. " * 400))
CALLS = [call(f"c{n}", "read_file", path=f"{n}.csv") for n in range(4)]
PAGE = " ".join(f"row {n} of the ledger" for n in range(500))
"""A result of some 2,500 tokens."""


def counted(*prompts: int, page: str = PAGE, **asked: object) -> list[Sample]:
    """A task of some 4,000 tokens; each turn reads another page, and counts as given."""
    messages = list(LONG)
    made = []
    for asks, prompt in zip(CALLS, prompts, strict=False):
        usage = {"prompt_tokens": prompt, "completion_tokens": 20}
        reply = assistant(None, asks)
        made.append(replace(step(messages, reply, **asked), extra={"usage": usage}))
        messages += [reply, tool(asks["id"], page)]
    return made


def shortened(samples: Sequence[Sample]) -> list[int]:
    found = findings_of(samples)
    return [f.place.exchange for f in found if f.rule == "shortened-prompt"]


def test_a_count_that_grows_with_the_request_tells_of_no_cut() -> None:
    assert shortened(counted(4100, 6700, 9300)) == []


@pytest.mark.parametrize("then", [4100, 4110, 4121])
def test_a_count_that_stands_still_though_a_page_was_added_is_a_cut_prompt(then: int) -> None:
    assert shortened(counted(4100, then)) == [2]


def test_a_count_that_grows_up_to_a_contexts_size_only_is_a_cut_prompt() -> None:
    assert shortened(counted(6000, 8192, page=PAGE * 3)) == [2]


def test_each_turn_that_is_counted_as_the_context_is_a_cut_prompt() -> None:
    assert shortened(counted(4096, 4096, 4096)) == [2, 3]


def test_a_count_that_leaves_the_cache_out_tells_of_no_cut() -> None:
    assert shortened(counted(4100, 2600, 2600, page=PAGE)[1:]) == []


def test_a_count_that_is_made_up_tells_of_no_cut() -> None:
    assert shortened(counted(100, 121, 142)) == []


def test_a_page_as_long_as_the_prompt_before_it_may_be_counted_alone() -> None:
    assert shortened(counted(4100, 4110, page=PAGE * 2)) == []


def test_a_short_result_may_leave_the_count_nearly_where_it_was() -> None:
    assert shortened(counted(4100, 4121, page="12 rows")) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"truncation": "auto"},
        {"transforms": ["middle-out"]},
        {"context_management": [{"type": "compaction", "compact_threshold": 4000}]},
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
    ],
)
def test_a_server_that_shortens_as_it_was_asked_is_not_at_fault(asked: dict[str, object]) -> None:
    assert shortened(counted(4100, 2000, **asked)) == []
    assert shortened(counted(4100, 4110, **asked)) == []


def test_a_request_that_asks_for_thoughts_to_be_cleared_asks_for_no_more() -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    assert shortened(counted(4100, 2100, context_management=edits, truncation="disabled")) == [2]


SHORT = "12 rows, all of them paid"


@pytest.mark.parametrize("then", [0, 1, 45, 70])
def test_a_count_of_what_was_added_only_tells_of_a_cache_and_no_cut(then: int) -> None:
    assert shortened(counted(4200, then, page=SHORT)) == []
    assert shortened(counted(4200, then, then, then, page=SHORT)) == []


@pytest.mark.parametrize("then", [2500, 2600, 3400])
def test_a_count_of_an_added_page_only_tells_of_a_cache_and_no_cut(then: int) -> None:
    assert shortened(counted(4100, then, then)) == []


def test_of_a_page_that_an_attempt_left_in_the_cache_little_is_counted() -> None:
    assert shortened(counted(4100, 30)) == []


def test_a_server_that_lost_its_cache_in_between_counts_all_once_more() -> None:
    assert shortened(counted(4200, 45, 4320, 45, page=SHORT)) == []


@pytest.mark.parametrize("then", [2200, 3000, 4160])
def test_a_count_far_beyond_what_was_added_tells_of_a_cut(then: int) -> None:
    assert shortened(counted(4200, then, page=SHORT)) == [2]


def test_a_count_that_even_the_added_page_has_not_tells_of_a_cut() -> None:
    assert shortened(counted(4100, 2200)) == [2]


def with_counts(samples: Sequence[Sample], at: int, **extra: object) -> list[Sample]:
    made = list(samples)
    made[at] = replace(made[at], extra={**made[at].extra, **extra})
    return made


def test_a_server_that_tells_its_cache_counts_whole_prompts() -> None:
    read = {"cache_n": 12, "prompt_n": 58, "predicted_n": 20}
    assert shortened(with_counts(counted(4200, 70, page=SHORT), 1, timings=read)) == [2]
    usage = {"prompt_tokens": 70, "completion_tokens": 20}
    told = {"usage": {**usage, "prompt_tokens_details": {"cached_tokens": 12}}}
    assert shortened(with_counts(counted(4200, 70, page=SHORT), 1, **told)) == [2]


def test_a_count_beside_the_cache_is_whole_with_it() -> None:
    usage = {"prompt_tokens": 70, "completion_tokens": 20, "cached_tokens": 4196}
    assert shortened(with_counts(counted(4200, 70, page=SHORT), 1, usage=usage)) == []


def test_where_old_thoughts_are_left_out_all_behind_them_is_read_anew() -> None:
    messages: list[Json] = list(LONG)
    made = []
    for asks in CALLS:
        reply = assistant(None, asks, reasoning="One page after the other. " * 4)
        made.append(step(messages, reply))
        messages += [reply, tool(asks["id"], PAGE[:800])]
    made += [step(messages, DONE), step([*messages, DONE, user("And the sum?")], DONE)]
    counts = (4200, 260, 260, 260, 5240, 1500)  # all of it once, when the cache was lost
    usages = ({"prompt_tokens": n, "completion_tokens": 20} for n in counts)
    assert (
        shortened([replace(s, extra={"usage": u}) for s, u in zip(made, usages, strict=True)]) == []
    )
    whole = (4200, 4460, 4720, 4980, 5240, 5080)
    usages = ({"prompt_tokens": n, "completion_tokens": 20} for n in whole)
    assert (
        shortened([replace(s, extra={"usage": u}) for s, u in zip(made, usages, strict=True)]) == []
    )


def messages_api(samples: Sequence[Sample]) -> list[Sample]:
    """The same in Anthropic's Messages API, as of a server that says nothing of its cache."""
    cold = {"prompt_tokens_details": {"cached_tokens": 0}}
    told = [{**s.extra["usage"], **cold} for s in samples]  # type: ignore[dict-item]
    spoken = [replace(s, extra={"usage": u}) for s, u in zip(samples, told, strict=True)]
    made = translated(spoken, Dialect.MESSAGES)
    bare = [CACHED.sub(b"", sample.raw or b"") for sample in made]
    return [
        replace(sample, raw=READ.sub(b'"input_tokens":%d' % told["prompt_tokens"], raw))
        for sample, raw, told in zip(made, bare, told, strict=True)
    ]


READ = re.compile(rb'"input_tokens":\d+')
CACHED = re.compile(rb'"cache_(?:read|creation)_input_tokens":0,?')


def test_input_tokens_without_the_cached_ones_tell_of_no_cut() -> None:
    assert shortened(messages_api(counted(6200, 45, 45, page=SHORT))) == []
    assert shortened(messages_api(counted(6200, 4000, page=SHORT))) == [2]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"provider": "Chutes"}, {"provider": "Novita"}),
        ({"system_fingerprint": "b6881-8b11deea4"}, {"system_fingerprint": "b7002-9515c6130"}),
        ({"model": "kimi-k2"}, {"model": "kimi-k2:free"}),
    ],
    ids=["provider", "build", "model"],
)
def test_another_server_counts_in_its_own_way(first: Json, then: Json) -> None:
    one, other = counted(4200, 3900, page=SHORT)
    assert shortened([whole(one, first), whole(other, then)]) == []
    assert shortened([whole(one, first), whole(other, first)]) == [2]
    assert shortened([whole(one, first), whole(other, {})]) == [2]


def whole(sample: Sample, fields: Json) -> Sample:
    """The sample, not streamed, with these fields in its answer."""
    answer = {"choices": [{"index": 0, **(sample.reply or {})}], **sample.extra, **fields}
    return replace(sample, raw=orjson.dumps(answer))
