"""Defects in the further choices of a reply (n > 1), and what is none there."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from kimitap.conversation import Message, Reply, Text
from kimitap.dialects import decode
from kimitap.exchange import Outcome
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    TOOLS,
    Json,
    assistant,
    call,
    step,
    tool,
)
from kimitap.rules.finding import Place, Severity
from kimitap.rules.reply.tool_call_in_content import CODER, KIMI, QWEN
from kimitap.rules.reply_choices import beginnings, choice_of, further
from kimitap.rules.rule import Sample
from tests.support import chat
from tests.support.examples import (
    defects_of,
    exchange_of,
    findings_of,
    sessions_of,
    turn_of,
)

HALF = '{"path": "summary.md", "content": "# Summ'
SECOND = assistant("I look at the data.", READ_TWO)


def _ending(message: Json, finish: str | None) -> str:
    return finish or ("tool_calls" if message.get("tool_calls") else "stop")


def several(*messages: Json, finish: Sequence[str | None] = (), stream: bool = False) -> Sample:
    """A reply with a choice for each message, whole or as a stream whose choices interleave."""
    reasons = [*finish, *[None] * (len(messages) - len(finish))]
    choices = [
        {"index": i, "message": message, "finish_reason": _ending(message, reason)}
        for i, (message, reason) in enumerate(zip(messages, reasons, strict=True))
    ]
    request = {"model": "kimi-k2", "messages": list(TASK), "tools": TOOLS, "n": len(messages)}
    raw = _interleaved(choices) if stream else orjson.dumps({"choices": choices})
    return Sample(request, None, raw=raw)


def _interleaved(choices: Sequence[Json]) -> bytes:
    streams = [_events(choice) for choice in choices]
    longest = max(map(len, streams))
    events = [s[i] for i in range(longest) for s in streams if i < len(s)]
    return b"".join(event + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _events(choice: Json) -> list[bytes]:
    """The events of one choice, under its index."""
    events = chat.stream_of(choice).removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    chunks = [orjson.loads(event.removeprefix(b"data: ")) for event in events]
    return [
        b"data: "
        + orjson.dumps({**chunk, "choices": [{**chunk["choices"][0], "index": choice["index"]}]})
        for chunk in chunks
    ]


def found(*samples: Sample) -> list[tuple[str, Place]]:
    return [(finding.rule, finding.place) for finding in defects_of(samples)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("flawed", "rule", "part"),
    [
        (assistant(None, READ, call("c2", "write_file", "[1]")), "malformed-tool-arguments", 3),
        (assistant(None, call("", "read_file", path="a")), "missing-tool-call-id", 2),
        (assistant(None, READ, READ), "reused-tool-call-id", 3),
        (assistant("I go.", call("c2", "fly_to_moon", "{}")), "unknown-tool", 3),
        (assistant(KIMI), "tool-call-in-content", 2),
        (assistant("", reasoning=f"Notes.\n{CODER}"), "tool-call-in-reasoning", 2),
        (assistant("All is written.<|im_end|>"), "special-token-in-content", 2),
        (assistant("The notes name Ada and rows. " * 2), "duplicated-content", 2),
    ],
)
def test_a_defect_of_the_second_choice_is_found_at_its_part(
    flawed: Json, rule: str, part: int, stream: bool
) -> None:
    assert found(several(ASKED, flawed, stream=stream)) == [(rule, Place(1, None, part))]


def test_a_finding_says_which_choice_it_is_about() -> None:
    (finding,) = defects_of([several(ASKED, SECOND, assistant(QWEN))])
    assert finding.message.endswith("It is choice 3 of 3.")
    assert finding.place == Place(1, None, 4)


@pytest.mark.parametrize("stream", [False, True])
def test_sound_choices_are_no_defect_though_all_use_the_same_ids(stream: bool) -> None:
    kimi = [assistant(None, call("functions.read_file:0", "read_file", path=p)) for p in "abc"]
    assert found(several(*kimi, stream=stream)) == []
    assert found(several(ASKED, DONE, stream=stream)) == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_choice_is_judged_by_its_own_finish_reason(stream: bool) -> None:
    cut = assistant(None, call("c2", "write_file", HALF))
    assert found(several(ASKED, cut, finish=("tool_calls", "length"), stream=stream)) == [
        ("truncated-by-length", Place(1, None, 2))
    ]
    assert found(several(ASKED, SECOND, finish=("tool_calls", "stop"), stream=stream)) == [
        ("finish-reason-mismatch", Place(1, None, 2))
    ]
    leak = several(ASKED, assistant(KIMI[:90]), finish=("tool_calls", "length"), stream=stream)
    assert found(leak) == [("truncated-by-length", Place(1, None, 2))]


def test_choices_that_one_limit_cut_are_one_finding() -> None:
    cut = [assistant("The owner of the"), assistant("The notes say that"), assistant("I read")]
    (finding,) = defects_of([several(*cut, finish=("length",) * 3)])
    assert finding.place == Place(1)
    assert finding.related == (Place(1, None, 1), Place(1, None, 2))


def test_a_graver_defect_of_another_choice_makes_the_finding_graver() -> None:
    cut = [assistant("The owner of the"), assistant(KIMI[:90])]
    (finding,) = defects_of([several(*cut, finish=("length",) * 2)])
    assert finding.severity is Severity.ERROR


def test_a_leak_takes_the_mismatch_of_its_own_choice_and_of_no_other() -> None:
    own = several(ASKED, assistant(KIMI), finish=("tool_calls", "tool_calls"))
    assert found(own) == [("tool-call-in-content", Place(1, None, 2))]
    other = several(ASKED, assistant(KIMI), finish=("stop", "stop"))
    assert found(other) == [
        ("tool-call-in-content", Place(1, None, 2)),
        ("finish-reason-mismatch", Place(1)),
    ]


def test_an_agent_that_goes_on_with_the_second_choice_lost_nothing() -> None:
    after = step((*TASK, SECOND, tool("c2", "id,amount")), DONE)
    assert found(several(ASKED, SECOND), after) == []


def test_a_stream_that_was_cut_in_its_second_choice_is_cut() -> None:
    whole = exchange_of(1, several(ASKED, SECOND, stream=True))
    at = whole.response.rindex(b'"finish_reason":"tool_calls"')
    body = whole.response[: whole.response.rindex(b"data: ", 0, at)]
    turn = decode(replace(whole, response=body, outcome=Outcome.SERVER_CUT))
    assert turn is not None
    assert (turn.reply.finish_reason, turn.reply.complete) == ("tool_calls", False)


def test_a_live_view_finds_the_same_and_finds_it_once() -> None:
    samples = [
        several(ASKED, assistant(None, call("", "read_file", path="a")), assistant(KIMI)),
        step((*TASK, ASKED, NOTES), DONE),
    ]
    checker = Checker(RULES)
    for end in (1, 2):
        checker.update(sessions_of(samples[:end]))
    live = [f for f in checker.findings if f.severity is not Severity.INFO]
    assert live == [f for f in defects_of(samples) if f.severity is not Severity.INFO]
    assert len(live) == 2


def test_parts_are_counted_through_the_choices() -> None:
    turn = turn_of(1, several(ASKED, SECOND, DONE))
    assert beginnings(turn.reply) == [0, 2, 4]
    assert [choice_of(turn.reply, part) for part in (None, 0, 1, 2, 3, 4, 9)] == [
        1, 1, 1, 2, 2, 3, 3,
    ]  # fmt: skip
    assert choice_of(Reply(Message("assistant", (Text("x"),))), 5) == 1


def test_nobody_tells_how_many_tokens_a_further_choice_took() -> None:
    counted = {"usage": {"prompt_tokens": 9, "completion_tokens": 16}}
    body = {**orjson.loads(several(DONE, DONE).raw or b""), **counted}
    turn = turn_of(1, replace(several(DONE, DONE), raw=orjson.dumps(body)))
    ((number, view),) = further(turn)
    assert (number, view.reply.usage.completion_tokens) == (2, None)
    assert view.reply.usage.prompt_tokens == 9


def test_what_several_choices_took_together_is_no_limit_of_one() -> None:
    sample = several(DONE, DONE)
    usage = {"prompt_tokens": 900, "completion_tokens": 20}
    raw = orjson.dumps({**orjson.loads(sample.raw or b""), "usage": usage})
    full = replace(sample, request={**sample.request, "max_tokens": 20}, raw=raw)
    assert [f.rule for f in findings_of([full])] == []
