"""What services do that no local server does: tools of their own, sealed thoughts, paused replies.

The shapes are those of public recordings; the texts are made up.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kimitap.rules import examples as chat
from kimitap.rules.examples.anthropic import (
    ASKED,
    DONE,
    NOTES,
    READ,
    SAYING,
    TASK,
    WRITE,
    WRITTEN,
    Json,
    assistant,
    step,
    text,
    user,
)
from kimitap.rules.finding import Severity, Side
from kimitap.rules.rule import Sample
from tests.support import responses
from tests.support.examples import findings_of

SEARCHES = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "ledger"},
}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
SEARCHED = (SEARCHES, FOUND, text("It is in the ledger."))
SEALED = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzixLafPsn4aDFIT2Xlxh0" * 8}
TOLD = {"type": "thinking", "thinking": "In short: read.", "signature": "EqQBCkYIBxgCKkBn" * 40}
MORE = user(text("And who wrote it?"))


def counted(sample: Sample, read: int, cached: int = 0, written: int = 20, **fields: str) -> Sample:
    """The sample with the counts of Anthropic's service."""
    usage = {
        "input_tokens": read,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": written,
    }
    return replace(sample, reply={**(sample.reply or {}), "usage": usage, **fields})


def rules(*samples: Sample) -> set[str]:
    return {finding.rule for finding in findings_of(samples)} - {"unusual-role-order"}


def test_the_prompts_of_a_servers_own_tools_are_counted_one_by_one() -> None:
    first = counted(step(TASK, *SEARCHED), 21_000, written=90)
    after = counted(step((*TASK, assistant(*SEARCHED), MORE), DONE), 15_000)
    assert rules(first, after) == set()


def test_without_such_tools_fewer_tokens_are_a_shortened_prompt() -> None:
    long = (user(text("Read notes.txt. " * 2000)),)
    first = counted(step(long, SAYING, READ), 9_000)
    after = counted(step((*long, ASKED, user(NOTES)), DONE), 6_000)
    assert rules(first, after) == {"shortened-prompt"}


@pytest.mark.parametrize("thought", [SEALED, TOLD], ids=["redacted", "told in short"])
def test_a_sealed_thought_has_more_tokens_than_it_shows(thought: Json) -> None:
    first = counted(step(TASK, thought, DONE), 300, written=200)
    after = counted(step((*TASK, assistant(thought, DONE), MORE), DONE), 340)
    assert rules(first, after) == set()


def test_a_sealed_thought_before_a_call_goes_when_the_user_speaks() -> None:
    asked = (*TASK, assistant(SEALED, SAYING, READ), user(NOTES))
    first = counted(step(TASK, SEALED, SAYING, READ), 300, written=200)
    then = counted(step(asked, DONE), 560)
    after = counted(step((*asked, assistant(DONE), MORE), DONE), 420)
    assert rules(first, then, after) == set()


def test_nothing_is_lost_from_a_cache_that_was_never_asked_for() -> None:
    first = counted(step(TASK, SAYING, READ), 4_000)
    after = counted(step((*TASK, ASKED, user(NOTES)), DONE), 4_100)
    assert rules(first, after) == set()


def test_what_was_in_the_cache_before_is_missed() -> None:
    first = counted(step(TASK, SAYING, READ), 4_000)
    then = counted(step((*TASK, ASKED, user(NOTES)), WRITE), 80, 4_020)
    wrote = (*TASK, ASKED, user(NOTES), assistant(WRITE), user(WRITTEN))
    after = counted(step(wrote, DONE), 4_200)
    assert rules(first, then, after) == {"prompt-cache-broken"}


def test_a_server_that_ran_its_own_tools_counts_each_prompt_and_not_what_was_cached() -> None:
    first = counted(step(TASK, SAYING, READ), 100, 4_000)
    after = counted(step((*TASK, ASKED, user(NOTES)), *SEARCHED), 20_000)
    assert rules(first, after) == set()


def test_a_paused_reply_is_given_back_to_go_on() -> None:
    paused = counted(step(TASK, *SEARCHED[:2]), 900, stop_reason="pause_turn")
    goes_on = step((*TASK, assistant(*SEARCHED[:2])), DONE)
    assert rules(paused, goes_on) == set()
    ended = counted(step(TASK, *SEARCHED), 900)
    assert rules(ended, step((*TASK, assistant(*SEARCHED)), DONE)) == {"trailing-assistant"}


def asks(input: object, *output: Json, prompt: int, name: str = "resp_1", **more: object) -> Sample:
    """An exchange of the Responses API."""
    usage = {"input_tokens": prompt, "output_tokens": 60, "total_tokens": prompt + 60}
    request = {"model": "gpt", "input": input, "tools": [responses.tool("read_file")], **more}
    answer = responses.response(*map(dict, output), id=name, usage=usage)
    return Sample(request, answer, path="/v1/responses")


def test_a_server_may_compact_the_history_that_it_keeps() -> None:
    compacted = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAAABo"}
    first = asks("Count.", compacted, responses.said("One."), prompt=1_800)
    second = asks("Go on.", responses.said("Two."), prompt=600, previous_response_id="resp_1")
    assert rules(first, second) == set()


def test_what_a_server_found_among_its_tools_is_read_once() -> None:
    searched = {"type": "tool_search_call", "id": "ts_1", "execution": "server", "status": "done"}
    call = responses.call("read_file", '{"path":"a"}')
    first = asks([responses.user("Read a.")], searched, call, prompt=900)
    history = [responses.user("Read a."), searched, call, responses.result("12 rows")]
    assert rules(first, asks(history, responses.said("12."), prompt=500, name="resp_2")) == set()


def test_a_result_at_the_beginning_answers_what_the_server_keeps() -> None:
    first = asks("Read a.", responses.call("read_file", '{"path":"a"}'), prompt=90)
    results = [responses.result("12 rows")]
    kept = asks(results, responses.said("12."), prompt=120, previous_response_id="resp_1")
    talk = asks(results, responses.said("12."), prompt=120, conversation="conv_1")
    assert rules(first, kept) == rules(talk) == set()


def talk(messages: Sequence[Json], reply: str, prompt: int, written: int = 20) -> Sample:
    """A chat exchange with OpenAI's counts, and no tools."""
    usage = {"prompt_tokens": prompt, "completion_tokens": written}
    return replace(chat.step(messages, chat.assistant(reply), tools=[]), extra={"usage": usage})


def test_a_text_agent_that_cuts_what_it_obeyed_shortens_no_prompt() -> None:
    said = (
        "I look it up.\nAction: count\nInput: {}\n" + "Observation: 12\nThen I would go on. " * 12
    )
    kept = chat.assistant("I look it up.\nAction: count\nInput: {}\nObservation: 12")
    first = talk(chat.TASK, said, 320, 230)
    after = talk((*chat.TASK, kept), "Done.", 400)
    assert "shortened-prompt" not in rules(first, after)


def test_one_prompt_asked_by_run_after_run_discards_nothing() -> None:
    joke = (chat.user("Tell me a joke about opentelemetry"),)
    runs = [talk(joke, f"Joke number {n}: a span walks into a bar.", 15) for n in range(3)]
    assert rules(chat.failed(joke, 500, "decode failed"), *runs) == set()
    assert rules(*runs) == set()


def test_an_answer_that_was_given_as_a_call_may_come_back_as_text() -> None:
    answer = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {"rows": 3}}
    first = step(TASK, answer)
    after = step((*TASK, assistant(text('{"rows": 3}')), user(text("Thanks!"))), DONE)
    told = [f for f in findings_of([first, after]) if f.rule != "unknown-tool"]
    assert [(f.rule, f.severity) for f in told] == [("flattened-tool-history", Severity.INFO)]


def test_a_service_may_count_thoughts_that_it_neither_shows_nor_names() -> None:
    asked = chat.assistant(None, chat.READ)
    first = replace(chat.step(chat.TASK, asked), extra=usage(63, 81))
    after = replace(chat.step((*chat.TASK, asked, chat.NOTES), chat.DONE), extra=usage(92, 20))
    assert rules(first, after) == set()


@pytest.mark.parametrize("field", ["response_format", "text", "output_config", "grammar"])
def test_the_form_of_an_answer_is_a_part_of_the_prompt(field: str) -> None:
    form = {field: {"type": "json_schema"}}
    first = replace(chat.step(chat.TASK, chat.DONE, **form), extra=usage(361, 13))
    more = (*chat.TASK, chat.DONE, chat.user("And who wrote it?"))
    after = replace(chat.step(more, chat.DONE), extra=usage(197, 13))
    assert rules(first, after) == set()


def test_a_reply_of_one_token_more_than_was_allowed_met_that_limit() -> None:
    cut = chat.step(chat.TASK, chat.assistant("The notes say that"), "length", max_tokens=40)
    [told] = findings_of([replace(cut, extra=usage(153, 41))])
    assert (told.rule, told.side) == ("truncated-by-length", Side.MODEL)
    assert "at the 40 tokens that the request allows" in told.message


def usage(prompt: int, written: int) -> Json:
    """The counts of a chat answer."""
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": written}}
