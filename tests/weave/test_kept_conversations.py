"""Requests that name a conversation which the server keeps (OpenAI's Responses API)."""

import pytest

from kimitap.lineage import EchoKind, Fate, Link, Relation, Session
from kimitap.rules.rule import Sample
from tests.support.examples import sessions_of
from tests.support.weaving import numbers, only
from tests.weave.test_stored import DONE, TASK, Json, answer, asked, called, given, said

ON = said("user", "Now ship it, please.")


def step(
    told: list[Json], reply: Json | None, kept: object = "conv_a", status: int = 200
) -> Sample:
    return asked(told, reply, status=status, conversation=kept)


BEGUN = [
    step([TASK], answer("r1", said("assistant", "I begin."), called(1))),
    step([given(1)], answer("r2", called(2))),
]


def last_link(*samples: Sample) -> Link:
    link = only(sessions_of(samples)).links[-1]
    assert link is not None
    return link


def story(sessions: tuple[Session, ...], exchange: int) -> list[str]:
    return [message.role for message in only(sessions).story_of(exchange)]


@pytest.mark.parametrize("kept", ["conv_a", {"id": "conv_a"}], ids=["an id", "an object"])
def test_a_request_that_names_a_conversation_follows_its_last_turn(kept: object) -> None:
    link = last_link(*BEGUN, step([given(2)], DONE, kept))
    assert (link.relation, link.parent.exchange) == (Relation.CONTINUES, 2)
    assert (link.echo.kind, link.judged) == (EchoKind.STORED, False)
    assert [(call.fate, call.answered) for call in link.echo.calls] == [(Fate.SAME, True)]


def test_a_call_that_the_conversation_holds_and_nobody_answers_is_told() -> None:
    link = last_link(*BEGUN, step([said("user", "Stop.")], DONE))
    assert [call.answered for call in link.echo.calls] == [False]


def test_all_that_the_model_was_told_is_read_back_through_the_conversation() -> None:
    sessions = sessions_of([*BEGUN, step([given(2)], DONE)])
    told = ["user", "assistant", "tool", "assistant", "tool"]
    assert [role for role in story(sessions, 3) if role != "system"] == told


def test_two_conversations_are_never_mixed() -> None:
    ways = [("conv_a", "a"), ("conv_b", "b")]
    samples = [
        step([given(n)] if n else [TASK], answer(f"{mark}{n}", called(n + 1)), kept)
        for n in range(4)
        for kept, mark in ways
    ]
    assert numbers(sessions_of(samples)) == [[[1, 3, 5, 7]], [[2, 4, 6, 8]]]


def test_a_request_that_failed_is_no_part_of_the_conversation_and_is_sent_again() -> None:
    failed = step([given(2)], None, status=500)
    sessions = sessions_of([*BEGUN, failed, step([given(2)], DONE), step([ON], DONE)])
    links = only(sessions).links
    assert [link.relation for link in links[3:] if link] == [Relation.RETRY, Relation.CONTINUES]
    assert links[-1] and links[-1].parent.exchange == 4
    told = ["user", "assistant", "tool", "assistant", "tool", "assistant", "user"]
    assert [role for role in story(sessions, 5) if role != "system"] == told


def test_a_request_that_sends_all_of_it_all_the_same_is_read_by_what_it_says() -> None:
    whole = [TASK, said("assistant", "I begin."), called(1), given(1), called(2), given(2)]
    link = last_link(*BEGUN, step(whole, DONE))
    assert (link.relation, link.echo.kind) == (Relation.CONTINUES, EchoKind.SAME)
    assert len(only(sessions_of([*BEGUN, step(whole, DONE)])).story_of(3)) == len(
        link.child.messages
    )


def test_a_conversation_that_nobody_saw_begin_is_a_thread_of_its_own() -> None:
    sessions = sessions_of([step([given(7)], DONE, "conv_z"), step([ON], DONE, "conv_z")])
    assert numbers(sessions) == [[[1, 2]]]
    assert only(sessions).resumed
