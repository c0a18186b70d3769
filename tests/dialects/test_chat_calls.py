"""Tool calls put together from deltas: what servers do with index, id and name."""

from typing import Any

import pytest

from kimitap.conversation import ToolCall
from kimitap.dialects.chat_calls import Calls
from kimitap.dialects.fault import Faults


def piece(
    index: int | None = 0, arguments: Any = None, id: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """One entry of a delta's `tool_calls`; what is None is absent."""
    function = {"name": name, "arguments": arguments}
    said = {"index": index, "id": id}
    return {
        **{k: v for k, v in said.items() if v is not None},
        "function": {k: v for k, v in function.items() if v is not None},
    }


def calls_of(*deltas: Any) -> list[ToolCall]:
    calls, _ = with_faults(*deltas)
    return calls


def with_faults(*deltas: Any) -> tuple[list[ToolCall], list[str]]:
    """The calls after these deltas, each a list of entries or one entry."""
    calls, faults = Calls(), Faults()
    for delta in deltas:
        calls.add([delta] if isinstance(delta, dict) else delta, "choice", faults)
    return calls.values(), [fault.where for fault in faults.told()]


def test_arguments_are_joined_by_index() -> None:
    calls = calls_of(
        piece(0, "{", "a", "f"), piece(1, "{", "b", "g"), piece(0, '"x":1}'), piece(1, "}")
    )
    assert calls == [ToolCall("f", '{"x":1}', "a"), ToolCall("g", "{}", "b")]


def test_calls_stand_in_the_order_of_their_indexes() -> None:
    assert [c.name for c in calls_of(piece(1, "{}", "b", "g"), piece(0, "{}", "a", "f"))] == [
        "f",
        "g",
    ]


def test_one_delta_may_hold_several_calls() -> None:
    calls = calls_of([piece(0, "{}", "a", "f"), piece(1, "{}", "b", "g")])
    assert [c.id for c in calls] == ["a", "b"]


def test_empty_ids_and_names_in_later_deltas_change_nothing() -> None:
    calls = calls_of(piece(0, "{", "a", "f"), piece(0, "}", "", ""))
    assert calls == [ToolCall("f", "{}", "a")]


def test_the_first_id_and_name_that_are_not_empty_count() -> None:
    assert calls_of(piece(0, "", "", ""), piece(0, "{}", "a", "f")) == [ToolCall("f", "{}", "a")]


def test_a_call_whose_ids_are_all_empty_has_an_empty_one() -> None:
    assert calls_of(piece(0, "{}", "", "f")) == [ToolCall("f", "{}", "")]
    assert calls_of(piece(0, "{}", None, "f")) == [ToolCall("f", "{}", None)]


def test_the_same_id_and_name_in_every_delta_are_one_call() -> None:
    deltas = [piece(0, part, "a", "f") for part in ("{", '"x"', ":1", "}", "")]
    assert calls_of(*deltas) == [ToolCall("f", '{"x":1}', "a")]


def test_an_id_invented_for_every_delta_is_one_call() -> None:
    deltas = [piece(0, "", "a", "f"), piece(0, "{", "b"), piece(0, "}", "c"), piece(0, "", "d")]
    assert calls_of(*deltas) == [ToolCall("f", "{}", "a")]


def test_null_arguments_say_nothing() -> None:
    first = {"index": 0, "id": "a", "function": {"name": "f", "arguments": None}}
    assert calls_of(first, piece(0, "{}")) == [ToolCall("f", "{}", "a")]
    assert calls_of({"index": 0, "id": "a", "function": None}, piece(0, "{}", name="f")) == [
        ToolCall("f", "{}", "a")
    ]


def test_kimi_ids_that_repeat_within_a_reply_are_different_calls() -> None:
    calls = calls_of(piece(0, "{}", "functions.f:0", "f"), piece(1, "{}", "functions.f:0", "f"))
    assert calls == [ToolCall("f", "{}", "functions.f:0")] * 2


def test_another_id_after_a_whole_call_at_the_same_index_is_another_call() -> None:
    calls, faults = with_faults(
        piece(0, '{"x":1}', "a", "f"), piece(0, '{"x"', "b", "f"), piece(0, ":2}")
    )
    assert calls == [ToolCall("f", '{"x":1}', "a"), ToolCall("f", '{"x":2}', "b")]
    assert faults == ["choice.delta.tool_calls[0].index"]


def test_another_tool_at_the_same_index_is_another_call() -> None:
    calls = calls_of(piece(0, "", "a", "f"), piece(0, "{}", "b", "g"))
    assert [(c.name, c.arguments) for c in calls] == [("f", ""), ("g", "{}")]


def test_another_tool_after_a_whole_call_needs_no_id_to_be_another_call() -> None:
    calls = calls_of(piece(0, "{}", None, "f"), piece(0, "{", None, "g"), piece(0, "}"))
    assert calls == [ToolCall("f", "{}", None), ToolCall("g", "{}", None)]


def test_without_index_the_same_id_and_name_in_every_delta_are_one_call() -> None:
    deltas = [piece(None, part, "a", "f") for part in ("{", '"x"', ":1", "}")]
    assert calls_of(*deltas) == [ToolCall("f", '{"x":1}', "a")]


def test_without_index_calls_side_by_side_in_one_delta_are_one_each() -> None:
    calls = calls_of([piece(None, "", None, "f"), piece(None, "", None, "g")])
    assert [c.name for c in calls] == ["f", "g"]


def test_without_index_what_follows_belongs_to_the_last_call() -> None:
    calls = calls_of(
        piece(None, "{", "a", "f"),
        piece(None, "}"),
        piece(None, "{", "b", "f"),
        piece(None, "}", "b"),
    )
    assert calls == [ToolCall("f", "{}", "a"), ToolCall("f", "{}", "b")]


def test_without_index_whole_calls_are_one_each() -> None:
    named = [piece(None, '{"x":1}', None, "f"), piece(None, '{"x":2}', None, "f")]
    assert [c.arguments for c in calls_of(*named)] == ['{"x":1}', '{"x":2}']
    assert [c.arguments for c in calls_of(named)] == ['{"x":1}', '{"x":2}']


def test_without_index_the_same_id_again_with_whole_arguments_is_another_call() -> None:
    same = [piece(None, "{}", "functions.f:0", "f"), piece(None, "{}", "functions.f:0", "f")]
    assert calls_of(*same) == calls_of(same) == [ToolCall("f", "{}", "functions.f:0")] * 2


def test_arguments_that_are_an_object_are_known_as_such() -> None:
    assert calls_of(piece(0, {"x": 1}, "a", "f")) == [ToolCall("f", '{"x":1}', "a", typed=False)]


def test_arguments_cut_in_the_middle_stay_as_they_are() -> None:
    assert calls_of(piece(0, '{"x": "', "a", "f")) == [ToolCall("f", '{"x": "', "a")]


def test_the_older_function_call_is_streamed_too() -> None:
    calls, faults = Calls(), Faults()
    for said in ({"name": "f", "arguments": ""}, {"arguments": "{"}, {"arguments": "}"}):
        calls.add_function(said, "choice", faults)
    assert calls.values() == [ToolCall("f", "{}", None)]


def test_an_older_function_call_with_nothing_in_it_begins_no_call() -> None:
    calls, faults = Calls(), Faults()
    calls.add_function({"name": "", "arguments": ""}, "choice", faults)
    assert calls.values() == [] and faults.told() == ()


@pytest.mark.parametrize(
    "delta, where",
    [
        ([3], "choice.delta.tool_calls[0]"),
        ([{"index": 0, "function": 3}], "choice.delta.tool_calls[0].function"),
        ([{"index": "0", "function": {"name": "f"}}], "choice.delta.tool_calls[0].index"),
        ([{"index": True, "function": {"name": "f"}}], "choice.delta.tool_calls[0].index"),
        ([{"index": 0, "id": 3, "function": {"name": "f"}}], "choice.delta.tool_calls[0].id"),
    ],
)
def test_what_a_delta_should_not_hold_is_a_fault_there(delta: Any, where: str) -> None:
    assert with_faults(delta)[1] == [where]


def test_tool_calls_that_are_no_list_are_a_fault() -> None:
    calls, faults = Calls(), Faults()
    calls.add({"x": 1}, "choice", faults)
    assert calls.values() == []
    assert [fault.where for fault in faults.told()] == ["choice.delta.tool_calls"]
