"""What a server's counts tell of a prompt that it cut, and what they do not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kimitap.rules.examples import TASK, assistant, call, step, tool, user
from kimitap.rules.rule import Sample
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
    assert shortened(counted(4100, 2000, context_management=edits, truncation="disabled")) == [2]
