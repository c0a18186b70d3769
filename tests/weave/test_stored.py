"""Requests that name the reply they follow (Responses), and prompts that are one text."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kimitap.lineage import EchoKind, Fate, Link, Relation, Session, Thread
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of, sessions_of
from tests.support.weaving import numbers, only, rows

Json = Mapping[str, Any]


def said(role: str, text: str) -> Json:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def called(n: int) -> Json:
    arguments = f'{{"command":"make step-{n}"}}'
    return {"type": "function_call", "call_id": f"call_{n}", "name": "run", "arguments": arguments}


def given(n: int) -> Json:
    return {"type": "function_call_output", "call_id": f"call_{n}", "output": f"step {n} is done"}


def answer(name: str, *output: Json) -> Json:
    body = {"id": name, "object": "response", "status": "completed", "output": list(output)}
    return {**body, "model": "kimi-k2"}


def asked(
    given_input: Sequence[Json],
    reply: Json | None,
    after: str = "",
    *,
    status: int = 200,
    told: str = "Be careful with the repository.",
    **more: object,
) -> Sample:
    """A request that names the reply `after`, and its answer; a failed one's is an error."""
    body = {"model": "kimi-k2", "instructions": told, "input": list(given_input), **more}
    if after:
        body["previous_response_id"] = after
    reply = reply or {"error": {"message": "decode failed", "code": status}}
    return Sample(body, reply, status, path="/v1/responses")


TASK = said("user", "Please build the project step by step, and tell me how it went.")
BEGUN = [
    asked([TASK], answer("r1", said("assistant", "I begin."), called(1))),
    asked([given(1)], answer("r2", called(2)), "r1"),
]
DONE = answer("r9", said("assistant", "All of it is built."))


def links(sessions: Sequence[Session]) -> list[Link | None]:
    return list(only(sessions).links)


def test_a_request_that_names_a_reply_follows_it_whatever_it_says() -> None:
    thread = only(sessions_of([*BEGUN, asked([given(2)], DONE, "r2")]))
    assert [turn.exchange for turn in thread.turns] == [1, 2, 3]
    link = thread.links[2]
    assert link is not None
    assert (link.relation, link.echo.kind, link.judged) == (
        Relation.CONTINUES,
        EchoKind.STORED,
        False,
    )
    assert (link.prefix, rows(link)) == (1, [">/1"])
    assert [(c.fate, c.answered) for c in link.echo.calls] == [(Fate.SAME, True)]
    assert thread.resumed is False


def test_a_stored_call_that_the_request_does_not_answer_is_told() -> None:
    [_, link] = links(sessions_of([BEGUN[0], asked([said("user", "Stop.")], DONE, "r1")]))
    assert link and [(c.fate, c.answered) for c in link.echo.calls] == [(Fate.SAME, False)]


def test_nothing_is_owed_where_the_server_keeps_the_history() -> None:
    text = answer("r1", said("assistant", "I begin. Which of the two projects do you mean?"))
    for samples in (
        [*BEGUN, asked([given(2)], DONE, "r2")],
        [asked([TASK], text), asked([said("user", "The first.")], DONE, "r1")],
        [*BEGUN, asked([given(2)], None, "r2", status=500), asked([given(2)], DONE, "r2")],
        [asked([given(7)], DONE, "r_unknown")],
    ):
        assert findings_of(samples) == []


def test_the_story_of_a_stored_turn_is_all_that_was_said_before_it() -> None:
    thread = only(sessions_of([*BEGUN, asked([given(2)], DONE, "r2")]))
    story = thread.story_of(3)
    assert [m.role for m in story] == ["user", "assistant", "tool", "assistant", "system", "tool"]
    assert story[3].tool_calls[0].id == "call_2"
    assert thread.story_of(1) == thread.turns[0].messages


def test_a_reply_that_nobody_recorded_is_followed_from_nowhere() -> None:
    thread = only(sessions_of([asked([given(7)], DONE, "r_unknown")]))
    assert (thread.links, thread.resumed) == ((None,), True)


def test_a_failed_request_that_names_a_reply_is_retried_in_its_thread() -> None:
    sessions = sessions_of(
        [
            *BEGUN,
            asked([given(2)], None, "r2", status=500),
            asked([given(2)], answer("r3", called(3)), "r2"),
            asked([given(3)], DONE, "r3"),
        ]
    )
    found = links(sessions)
    assert [link.relation for link in found if link] == [
        Relation.CONTINUES,
        Relation.CONTINUES,
        Relation.RETRY,
        Relation.CONTINUES,
    ]
    assert [link.parent.exchange for link in found if link] == [1, 2, 3, 4]
    assert len(only(sessions).story_of(5)) == 8


def test_other_words_after_a_failure_stay_in_the_thread_too() -> None:
    failed = asked([given(2)], None, "r2", status=500)
    other = asked([given(2), said("user", "Please go on.")], DONE, "r2")
    link = links(sessions_of([*BEGUN, failed, other]))[-1]
    assert link and (link.relation, link.echo.kind) == (Relation.RETRY, EchoKind.SUPERSEDED)


def test_two_requests_that_name_one_reply_are_a_thread_and_its_fork() -> None:
    sessions = sessions_of(
        [
            *BEGUN,
            asked([given(2)], answer("r3", said("assistant", "Built.")), "r2"),
            asked([given(2), said("user", "No, stop.")], answer("r4"), "r2"),
            asked([said("user", "Thanks.")], DONE, "r3"),
        ]
    )
    assert numbers(sessions) == [[[1, 2, 3, 5], [4]]]
    fork = sessions[0].threads[1]
    assert (fork.kind, fork.links[0] and fork.links[0].relation) == ("fork", Relation.FORK)
    assert fork.links[0] and not fork.links[0].judged


def test_a_request_that_is_asked_in_another_form_stands_beside_the_thread() -> None:
    form: Any = {"text": {"format": {"type": "json_object"}}}
    sessions = sessions_of(
        [
            *BEGUN,
            asked([given(2), said("user", "Rate it.")], answer("r3"), "r2", **form),
            asked([given(2)], DONE, "r2"),
        ]
    )
    assert numbers(sessions) == [[[1, 2, 4], [3]]]
    assert [t.kind for t in sessions[0].threads] == ["main", "side"]


def test_an_agent_that_sends_the_whole_history_after_all_goes_on_with_its_thread() -> None:
    whole = [TASK, said("assistant", "I begin."), called(1), given(1), called(2), given(2)]
    sessions = sessions_of([*BEGUN, asked(whole, DONE)])
    link = links(sessions)[-1]
    assert link and (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.SAME)
    assert [c.answered for c in link.echo.calls] == [True]
    assert rows(link) == [">/1", ">/2", "=1/3", "=2/4", ">/5"]


def test_instructions_that_are_not_repeated_are_gone() -> None:
    [_, link] = links(sessions_of([BEGUN[0], asked([given(1)], DONE, "r1", told="")]))
    assert link and rows(link) == ["<0/", ">/0"]


def test_two_agents_that_name_their_replies_are_never_mixed() -> None:
    def step(agent: str, n: int) -> Sample:
        reply = answer(f"{agent}{n}", called(n))
        return asked([given(n - 1)] if n else [TASK], reply, f"{agent}{n - 1}" if n else "")

    sessions = sessions_of([step(agent, n) for n in range(6) for agent in "ab"])
    assert numbers(sessions) == [[[1, 3, 5, 7, 9, 11]], [[2, 4, 6, 8, 10, 12]]]


def test_a_history_that_gave_way_to_an_item_of_compaction_is_compacted() -> None:
    packed = {"type": "compaction", "id": "cmp_3", "encrypted_content": "c2VhbGVk"}
    whole = [TASK, said("assistant", "I begin."), called(1), given(1)]
    sessions = sessions_of(
        [
            asked([TASK], answer("r1", said("assistant", "I begin."), called(1))),
            asked(whole, answer("r2", called(2))),
            asked([TASK, packed, said("user", "Go on.")], DONE),
        ]
    )
    link = links(sessions)[-1]
    assert link and (link.relation, link.judged) == (Relation.COMPACTION, False)
    assert "compaction" in link.why


# -- text completions


PROMPT = "<|im_start|>user\nPlease build the project.<|im_end|>\n<|im_start|>assistant\n"
NEXT = "<|im_end|>\n<|im_start|>user\nAnd test it.<|im_end|>\n<|im_start|>assistant\n"


def completed(prompt: str, content: str, status: int = 200) -> Sample:
    """One text completion of llama.cpp's."""
    body = {"content": content, "stop": True, "stop_type": "eos", "tokens_predicted": 9}
    failed = {"error": {"message": "decode failed", "code": status}}
    answered = body if status == 200 else failed
    return Sample({"prompt": prompt}, answered, status, path="/completion")


def test_a_prompt_that_begins_with_an_earlier_one_and_its_completion_goes_on() -> None:
    one = PROMPT + "It is built." + NEXT
    thread = only(
        sessions_of(
            [
                completed(PROMPT, "It is built."),
                completed(one, " It is tested. "),
                completed(one + "It is tested." + NEXT, "Twice."),
            ]
        )
    )
    assert [link.relation for link in thread.links if link] == [Relation.CONTINUES] * 2
    assert {link.echo.kind for link in thread.links if link} == {EchoKind.SAME}
    assert all(rows(link) == ["!0/0"] for link in thread.links if link)


@pytest.mark.parametrize(
    "prompt",
    [PROMPT + "Something else was put here." + NEXT, PROMPT + "It", "It is built. And then?"],
)
def test_a_prompt_without_the_completion_continues_nothing(prompt: str) -> None:
    sessions = sessions_of([completed(PROMPT, "It is built."), completed(prompt, "Yes.")])
    assert [link for s in sessions for t in s.threads for link in t.links] == [None, None]


def test_a_failed_completion_is_retried_and_a_good_one_asked_again_is_another() -> None:
    again = completed(PROMPT, "It is built.")
    link = links(sessions_of([completed(PROMPT, "", 500), again]))[-1]
    assert link and link.relation is Relation.RETRY
    assert threads(sessions_of([again, again])) == 2


def test_of_two_prompts_the_longer_one_is_the_parent_and_a_second_way_on_is_a_fork() -> None:
    one = PROMPT + "It is built." + NEXT
    sessions = sessions_of(
        [
            completed(PROMPT, "It is built."),
            completed(one, "It is tested."),
            completed(one + "It is tested." + NEXT, "Twice."),
            completed(PROMPT + "It is built." + NEXT.replace("test", "ship"), "Shipped."),
        ]
    )
    assert numbers(sessions) == [[[1, 2, 3], [4]]]
    assert [t.kind for t in sessions[0].threads] == ["main", "fork"]


def threads(sessions: Sequence[Session]) -> int:
    found: list[Thread] = [thread for session in sessions for thread in session.threads]
    return len(found)
