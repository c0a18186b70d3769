"""A client's own history, in Roo Code's shape, beside what the wire recorded."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kimitap.belief import Fate, best_thread, compare, read_history
from kimitap.belief.checking import findings_of
from kimitap.belief.comparison import Compared
from kimitap.belief.history import history_of
from kimitap.belief.words import rules_of, verdict
from kimitap.dialects import Memo, decode
from kimitap.exchange import REPLAY, Exchange
from kimitap.lineage import Thread
from kimitap.store import Recording
from kimitap.weave import weave
from tests.support import chat
from tests.support.checks import HOSTILE
from tests.support.commands import Command, command
from tests.support.recordings import recording

ENVIRONMENT = {"type": "text", "text": "<environment_details>\nTest.md\n</environment_details>"}
TOOLS = [chat.tool("read_file", path={"type": "string"})]


def task(text: str) -> dict[str, Any]:
    """The user's first entry, as Roo keeps it."""
    words = {"type": "text", "text": f"<task>\n{text}\n</task>"}
    return {"role": "user", "content": [words, ENVIRONMENT], "ts": 1}


def use(id: str, path: str, text: str = "") -> dict[str, Any]:
    """An assistant's entry with a call."""
    called = {"type": "tool_use", "id": id, "name": "read_file", "input": {"path": path}}
    said = [{"type": "text", "text": text}] if text else []
    return {"role": "assistant", "content": [*said, called], "ts": 2}


def told(id: str, text: str) -> dict[str, Any]:
    """The user's entry with the tool's result and what Roo knows of the editor."""
    result = {"type": "tool_result", "tool_use_id": id, "content": text}
    return {"role": "user", "content": [result, ENVIRONMENT], "ts": 3}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}], "ts": 4}


OPENING = chat.user(f"<task>\nSum up.\n</task>\n{ENVIRONMENT['text']}")
AFTER = chat.user(str(ENVIRONMENT["text"]))


def wire(*replies: dict[str, Any], history: Sequence[Sequence[dict[str, Any]]]) -> list[Exchange]:
    """Turns: each of `history` is what a request adds to the opening."""
    return [
        chat.exchange(
            i, chat.request(chat.system("Be."), OPENING, *sent, tools=TOOLS), chat.choice(reply)
        )
        for i, (sent, reply) in enumerate(zip(history, replies, strict=True), 1)
    ]


CALLS = [chat.assistant(None, chat.call("read_file", {"path": p}, f"c{p}")) for p in "ab"]
DONE = chat.assistant("All is read.")


def lossy() -> list[Exchange]:
    """The first turn comes back blank, as with Roo's "R1 model parameters"."""
    blank = chat.assistant("")
    return wire(*CALLS, DONE, history=[[], [blank, AFTER], [blank, AFTER, blank, AFTER]])


def healthy() -> list[Exchange]:
    first = [CALLS[0], chat.result("text a", "ca"), AFTER]
    second = [*first, CALLS[1], chat.result("text b", "cb"), AFTER]
    return wire(*CALLS, DONE, history=[[], first, second])


BELIEF = [
    task("Sum up."),
    use("ca", "a"),
    told("ca", "text a"),
    use("cb", "b"),
    told("cb", "text b"),
    said("All is read."),
]


def thread_of(exchanges: Sequence[Exchange]) -> Thread:
    memo = Memo()
    decoded = [turn for one in exchanges if (turn := decode(one, memo))]
    ((thread,),) = [session.threads for session in weave(decoded)]
    return thread


def compared(belief: list[Any], exchanges: Sequence[Exchange]) -> Compared:
    return compare(history_of(belief), thread_of(exchanges))


def fates(found: Compared, role: str) -> list[tuple[Fate, int | None]]:
    return [(b.fate, b.exchange) for b in found.believed if b.entry.message.role == role]


def test_a_turn_that_the_client_holds_and_no_request_gave_back_was_lost_on_its_way_out() -> None:
    found = compared(BELIEF, lossy())
    assert fates(found, "assistant") == [
        (Fate.NEVER_GIVEN_BACK, 1),
        (Fate.NEVER_GIVEN_BACK, 2),
        (Fate.SENT, 3),
    ]
    assert fates(found, "tool") == [(Fate.NEVER_SENT, None)] * 2
    assert not found.agrees
    assert "lost while the client wrote the request" in verdict(found)


def test_the_rules_find_the_loss_on_the_wire_and_nothing_in_the_belief() -> None:
    assert rules_of(findings_of(history_of(BELIEF))) == "is sound"


def test_a_healthy_wire_carries_all_that_the_client_holds() -> None:
    found = compared(BELIEF, healthy())
    assert found.agrees and found.lost == () and found.forgotten == ()
    assert {b.fate for b in found.believed} <= {Fate.SENT, Fate.OTHERWISE}
    assert verdict(found) == "t1: the wire carries all that the client holds."


def test_thoughts_that_the_client_keeps_tell_no_turn_from_another() -> None:
    thought = {"type": "reasoning", "text": "Let me see.", "summary": []}
    belief = [
        {**entry, "content": [thought, *entry["content"]]}
        if entry["role"] == "assistant"
        else entry
        for entry in BELIEF
    ]
    assert compared(belief, healthy()).agrees
    assert fates(compared(belief, healthy()), "assistant") == [(Fate.SENT, 3)] * 3


def test_a_reply_that_the_client_never_took_in_is_told_as_that() -> None:
    belief = [task("Sum up."), use("cb", "b"), told("cb", "text b"), said("All is read.")]
    first = [AFTER]
    second = [AFTER, CALLS[1], chat.result("text b", "cb"), AFTER]
    found = compared(belief, wire(*CALLS, DONE, history=[[], first, second]))
    assert [one.exchange for one in found.forgotten] == [1]
    assert "does not hold a reply" in verdict(found) and not found.agrees


def test_a_call_written_as_text_is_sent_without_its_calls() -> None:
    belief = [task("Sum up."), use("ca", "a", "I read the first file now."), told("ca", "text a")]
    flat = chat.assistant("I read the first file now.\n[Tool Use: read_file]")
    spoken = chat.assistant("I read the first file now.", CALLS[0]["tool_calls"][0])
    found = compared(belief, wire(spoken, DONE, history=[[], [flat, chat.user("text a"), AFTER]]))
    assert fates(found, "assistant") == [(Fate.CALLS_LOST, 2)]


def test_what_came_after_the_last_request_is_not_sent_yet() -> None:
    found = compared(BELIEF, healthy()[:1])
    assert fates(found, "assistant")[0] == (Fate.SENT, 1)
    assert fates(found, "tool") == [(Fate.NOT_YET, None)] * 2
    assert found.agrees


def test_what_the_client_put_away_itself_is_not_lost() -> None:
    belief = [BELIEF[0], *({**e, "condenseParent": "x"} for e in BELIEF[1:3]), *BELIEF[3:]]
    found = compared(
        belief, wire(*CALLS, DONE, history=[[], [AFTER], [CALLS[1], chat.result("text b", "cb")]])
    )
    assert [b.fate for b in found.believed if b.entry.index in (1, 2)] == [Fate.PUT_AWAY] * 3


def test_a_broken_belief_is_found_by_the_same_rules() -> None:
    belief = [task("Sum up."), use("ca", "a"), said("Well."), *BELIEF[3:]]
    assert "unanswered-tool-call" in rules_of(findings_of(history_of(belief)))


def test_the_thread_that_has_most_of_it_is_chosen() -> None:
    other = chat.exchange(9, chat.request(chat.user("What is the weather?")), chat.choice(DONE))
    memo = Memo()
    turns = [turn for one in [*healthy(), other] if (turn := decode(one, memo))]
    threads = [thread for session in weave(turns) for thread in session.threads]
    assert len(threads) == 2
    chosen = best_thread(history_of(BELIEF), threads)
    assert chosen and len(chosen.turns) == 3
    assert best_thread(history_of([task("Something else.")]), threads) is None


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def kimitap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.delenv("KIMITAP_DB", raising=False)
    return command(tmp_path, capsys)


def kept(folder: Path, belief: object) -> Path:
    path = folder / "api_conversation_history.json"
    path.write_text(json.dumps(belief))
    return path


def test_the_command_tells_the_difference(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", lossy())
    done = kimitap("belief", where, "s1", kept(tmp_path, BELIEF))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("t1: the client holds 4 messages that the last request (exchange 3)")
    assert any(
        "✗ [1] the reply of exchange 1, never given back: assistant: read_file" in x for x in lines
    )
    assert any(line.startswith("  > exchange 3, message 2: assistant: (blank)") for line in lines)
    assert "the client's history is sound; the wire breaks tool-turn-lost ×2" in lines[-1]


def test_the_command_is_content_with_a_healthy_wire(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", healthy())
    done = kimitap("belief", where, kept(tmp_path, BELIEF))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_replay_is_no_request_of_the_clients(kimitap: Command, tmp_path: Path) -> None:
    repaired = replace(healthy()[-1], number=4, request_headers=((REPLAY, "3; repaired"),))
    where = recording(tmp_path / "x.db", [*lossy(), repaired])
    assert kimitap("belief", where, kept(tmp_path, BELIEF)).returncode == 1


def test_the_command_speaks_json(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", lossy())
    done = kimitap("belief", where, "t1", kept(tmp_path, BELIEF), "--json")
    value = json.loads(done.stdout)
    assert value["agrees"] is False and value["rules"]["client"] == []
    assert "tool-turn-lost" in value["rules"]["wire"]
    assert [b["fate"] for b in value["believed"]].count("never given back") == 2


def test_a_belief_changes_no_recording(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", lossy())
    kimitap("belief", where, kept(tmp_path, BELIEF))
    with Recording.open(str(where)) as opened:
        assert opened.numbers() == [1, 2, 3]


def test_hostile_words_and_secrets_of_a_belief_are_not_shown(
    kimitap: Command, tmp_path: Path
) -> None:
    where = recording(tmp_path / "x.db", lossy())
    belief = [*BELIEF, said(f"{HOSTILE} sk-Ab3dEf6hIj9kLmN0pQrStUvW")]
    done = kimitap("belief", where, kept(tmp_path, belief))
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
    assert "sk-Ab3dEf6hIj9kLmN0pQrStUvW" not in done.stdout


@pytest.mark.parametrize(
    "content", ["", "{", "{}", "[]", '["x"]', '{"role": "user"}', "[" * 5000, "null", "[[]]"]
)
def test_what_is_no_history_is_one_line(kimitap: Command, tmp_path: Path, content: str) -> None:
    where = recording(tmp_path / "x.db", lossy())
    path = tmp_path / "history.json"
    path.write_text(content)
    done = kimitap("belief", where, path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_an_entry_that_is_no_message_is_named_and_the_rest_compared(tmp_path: Path) -> None:
    path = kept(tmp_path, [*BELIEF[:2], 7, {"role": "user"}, {"type": "reasoning", "id": "r"}])
    history = read_history(path)
    assert [fault.where for fault in history.faults] == ["[2]", "[3]"]
    assert [entry.index for entry in history.entries] == [0, 1]


def test_a_history_of_another_task_is_refused(kimitap: Command, tmp_path: Path) -> None:
    where = recording(tmp_path / "x.db", lossy())
    done = kimitap("belief", where, kept(tmp_path, [task("Something else.")]))
    assert done.returncode == 2 and "is it of another task?" in done.stderr
