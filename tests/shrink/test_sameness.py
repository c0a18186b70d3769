"""What counts as the same finding."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kimitap.exchange import Exchange
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.shrink import Shrunk, shrink
from kimitap.shrink.sameness import gives_no_other_reason
from tests.support import chat
from tests.support.shrinking import demand_the_same, findings_in

TOOLS = [chat.tool("write_file", path={"type": "string"}, content={"type": "string"})]


def said(message: str, *quotes: str) -> Finding:
    evidence = tuple(Evidence(1, quote) for quote in quotes)
    return Finding("r", Severity.ERROR, Side.MODEL, message, Place(1), evidence=evidence)


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("Request 7 lost 2 calls of exchange 6.", "Request 2 lost 1 call of exchange 1.", True),
        ("Its calls are gone, in 3 of 4.", "Its call is gone.", True),
        ("The arguments end in mid-JSON.", "The arguments are no valid JSON.", False),
        ("Its system has a time changed in it.", "Its text differs.", False),
    ],
)
def test_the_reason_is_in_the_words(was: str, now: str, same: bool) -> None:
    assert gives_no_other_reason(said(was), said(now)) is same


def test_names_and_quotes_are_no_reason() -> None:
    was, now = said("The call read(a long pa… is gone."), said("The call read(pa … th) is gone.")
    assert not gives_no_other_reason(was, now)
    assert gives_no_other_reason(was, replace(now, evidence=(Evidence(1, "read(pa … th)"),)))


def shrunk(rule: str, exchanges: Sequence[Exchange]) -> tuple[Finding, Shrunk]:
    finding = next(f for f in findings_in(exchanges) if f.rule == rule)
    made = shrink(exchanges, finding)
    demand_the_same(made, finding, exchanges)
    return finding, made


def test_arguments_that_end_too_early_still_do() -> None:
    broken = chat.call("write_file", '{"path": "a.md", "content": "' + "word " * 60)
    exchanges = [
        chat.exchange(
            1,
            chat.request(chat.user("Write it."), tools=TOOLS),
            chat.choice(chat.assistant(None, broken), "tool_calls"),
            stream=True,
        )
    ]
    finding, made = shrunk("malformed-tool-arguments", exchanges)
    assert "mid-JSON" in finding.message
    assert "mid-JSON" in made.finding.message
    assert made.after.content < made.before.content


def test_the_servers_own_words_stay() -> None:
    error = "Conversation roles must alternate user and assistant, and after the system prompt "
    error += "the first message must be the user's; see the chat template of this model."
    body = {"error": {"code": 500, "message": error, "type": "server_error"}}
    history = [chat.user("Hello? " * 40), chat.user("Are you there? " * 40)]
    exchanges = [chat.exchange(1, chat.request(*history, tools=TOOLS), body, status=500)]
    _, made = shrunk("template-rejected", exchanges)
    assert error.encode() in made.exchanges[0].response
    assert made.after.content < made.before.content / 2


def test_a_message_that_was_there_is_no_missing_one() -> None:
    """The system prompt that changed must not become one that went."""
    names = ("one", "two")
    systems = [chat.system(f"You work in branch {name}. " + "Be careful. " * 30) for name in names]
    first = chat.assistant("Here you are.")
    exchanges = [
        chat.exchange(1, chat.request(systems[0], chat.user("Go.")), chat.choice(first)),
        chat.exchange(
            2,
            chat.request(systems[1], chat.user("Go."), first, chat.user("And on.")),
            chat.choice(chat.assistant("Done.")),
        ),
    ]
    finding, made = shrunk("changed-system", exchanges)
    assert gives_no_other_reason(finding, made.finding)
    assert b"system" in made.exchanges[1].request.content
