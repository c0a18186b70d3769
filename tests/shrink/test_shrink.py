"""What shrink promises as a whole: real recordings, patience, Ctrl-C, live answers."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from kimitap.errors import UsageError
from kimitap.exchange import Body, Exchange
from kimitap.redact import mask_text
from kimitap.rules.finding import Finding, Severity
from kimitap.shrink import Live, Shrunk, shows, shrink, with_live_answer
from kimitap.shrink.draft import Draft
from kimitap.shrink.streams import letters_of
from kimitap.store import Recording
from tests.support import chat
from tests.support.recorded import OPENING, lost, next_turn
from tests.support.shrinking import demand_minimal, demand_the_same, findings_in

SESSIONS = Path(__file__).parents[2] / "sessions"


def recorded(name: str) -> list[Exchange]:
    with Recording.open(str(SESSIONS / name)) as recording:
        return list(recording.exchanges())


def the(rule: str, exchanges: Sequence[Exchange], exchange: int | None = None) -> Finding:
    found = [f for f in findings_in(exchanges) if f.rule == rule]
    return next(f for f in found if exchange in (None, f.place.exchange))


@pytest.mark.parametrize("at", [2, 3, 4])
def test_each_lost_turn_of_the_sample_shrinks_to_two_small_exchanges(at: int) -> None:
    exchanges = recorded("lost-tool-turn.db")
    finding = the("tool-turn-lost", exchanges, at)

    shrunk = shrink(exchanges, finding)

    demand_the_same(shrunk, finding, exchanges)
    demand_minimal(shrunk)
    assert shrunk.numbers == (at - 1, at)
    assert shrunk.kept_because == ("without it the finding is gone", "the finding stands in it")
    assert shrunk.after.content < shrunk.before.content / 10


def test_nothing_but_the_finding_is_left() -> None:
    exchanges = recorded("lost-tool-turn.db")
    shrunk = shrink(exchanges, the("tool-turn-lost", exchanges))
    assert findings_in(shrunk.exchanges) == [shrunk.finding]


def test_the_outcome_is_the_same_each_time() -> None:
    exchanges = recorded("lost-tool-turn.db")
    finding = the("tool-turn-lost", exchanges)
    one, other = shrink(exchanges, finding), shrink(exchanges, finding)
    assert one == other


def test_other_agents_exchanges_and_what_is_no_talk_go() -> None:
    props = replace(
        chat.exchange(1, {}, None, path="/props"), method="GET", request=Body(), response=b"{}"
    )
    stranger = chat.exchange(
        2, chat.request(chat.user("Hello?")), chat.choice(chat.assistant("Hi."))
    )
    others = [props, replace(stranger, client="127.0.0.1:9")]
    exchanges = [*others, *(replace(one, number=one.number + 2) for one in lost())]
    shrunk = shrink(exchanges, the("tool-turn-lost", exchanges))
    assert shrunk.numbers == (4, 5)


def test_a_finding_that_is_not_there_is_refused() -> None:
    exchanges = lost()
    finding = the("tool-turn-lost", exchanges)
    healthy = recorded("healthy-tool-turn.db")
    assert shows(exchanges, finding)
    assert not shows(healthy, finding)
    with pytest.raises(UsageError, match="do not show the tool-turn-lost"):
        shrink(healthy, finding)


def test_a_grade_of_the_users_own_does_not_matter() -> None:
    exchanges = lost()
    finding = replace(the("tool-turn-lost", exchanges), severity=Severity.INFO)
    assert shrink(exchanges, finding).finding.severity is Severity.ERROR


def test_without_patience_all_is_given_back_and_it_says_so() -> None:
    exchanges = lost()
    said: list[str] = []
    shrunk = shrink(exchanges, the("tool-turn-lost", exchanges), patience_s=0, say=said.append)
    assert not shrunk.finished
    assert shrunk.exchanges == tuple(exchanges)
    assert shrunk.kept_because == ("the time was up before it could be left out",) * 3
    assert said[-1].startswith("the time is up: 3 exchanges")


def test_ctrl_c_keeps_the_best_so_far() -> None:
    exchanges = recorded("lost-tool-turn.db")
    tries = 0

    def interrupted(candidate: Sequence[Exchange]) -> bool:
        nonlocal tries
        tries += 1
        if tries > 2:
            raise KeyboardInterrupt
        return True

    finding = the("tool-turn-lost", exchanges)
    shrunk = shrink(exchanges, finding, also=interrupted)
    assert not shrunk.finished
    assert shrunk.after.exchanges < shrunk.before.exchanges
    demand_the_same(shrunk, finding, exchanges)


def test_patience_ends_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    exchanges = recorded("lost-tool-turn.db")
    began = time.monotonic()
    shrunk = shrink(
        exchanges,
        the("tool-turn-lost", exchanges),
        patience_s=0.2,
        also=lambda candidate: time.sleep(0.15) is None,
    )
    assert not shrunk.finished
    assert time.monotonic() - began < 5


def test_a_further_test_is_asked_of_every_candidate_that_shows_the_finding() -> None:
    exchanges = lost()
    asked: list[Sequence[Exchange]] = []

    def never(candidate: Sequence[Exchange]) -> bool:
        asked.append(candidate)
        return False

    finding = the("tool-turn-lost", exchanges)
    shrunk = shrink(exchanges, finding, also=never)
    assert asked and all(shows(candidate, finding) or True for candidate in asked)
    assert shrunk.exchanges == tuple(exchanges)
    assert "the server's answer does not show it" in " ".join(shrunk.kept_because)


def test_what_was_shrunk_can_be_masked_and_still_shows_it() -> None:
    key = "sk-" + "a1b2c3d4" * 6
    system = chat.system(f"The key is {key}. " * 12)
    exchanges = [
        replace(one, request=chat.body({**sent, "messages": [system, *sent["messages"][1:]]}))
        for one in lost()
        if (sent := orjson.loads(one.request.content))
    ]
    shrunk = shrink(exchanges, the("tool-turn-lost", exchanges))
    masked = [
        replace(one, request=Body.whole(mask_text(one.request.content.decode()).encode()))
        for one in shrunk.exchanges
    ]
    assert shows(masked, shrunk.finding)


def leaking(number: int, *extra: dict[str, object]) -> Exchange:
    """A call that arrives as text."""
    tools = [chat.tool("read_file", path={"type": "string"}), chat.tool("ls"), chat.tool("rm")]
    said = 'Well. <tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>'
    request = chat.request(*OPENING, *extra, tools=tools, temperature=0.3)
    return chat.exchange(number, request, chat.choice(chat.assistant(said)))


class Server:
    """Leaks a call as long as the tool is declared and the user asks for the notes."""

    def __init__(self, luck: Sequence[bool] = (True,)) -> None:
        self.asked: list[Exchange] = []
        self._luck = luck

    def send(self, exchange: Exchange) -> Exchange:
        sent = orjson.loads(exchange.request.content)
        lucky = self._luck[len(self.asked) % len(self._luck)]
        self.asked.append(exchange)
        declared = [tool["function"]["name"] for tool in sent.get("tools", ())]
        leaks = lucky and "read_file" in declared and "notes" in str(sent["messages"])
        said = '<tool_call>{"name": "read_file", "arguments": {"path": "b"}}</tool_call>'
        message = chat.assistant(said if leaks else "The notes say hello.")
        return chat.exchange(99, chat.request(*OPENING), chat.choice(message), duration_s=2.5)


def live_case(server: Server, runs: int = 1, least: int = 1) -> tuple[Shrunk, Live]:
    exchanges = [leaking(1, chat.assistant("Ok."), chat.user("Do it."))]
    live = Live(the("tool-call-in-content", exchanges), server.send, runs, least)
    assert live(exchanges)
    return with_live_answer(shrink(exchanges, live.finding, also=live), live), live


def test_a_live_answer_tells_what_the_request_needs() -> None:
    server = Server()
    shrunk, live = live_case(server)
    (left,) = shrunk.exchanges
    sent = orjson.loads(left.request.content)
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["read_file"]
    assert "notes" in str(sent["messages"])
    assert "temperature" not in sent
    assert live.asked == len(server.asked) > 3


def test_the_answer_that_is_kept_is_the_live_one() -> None:
    shrunk, _ = live_case(Server())
    (left,) = shrunk.exchanges
    assert b'\\"path\\": \\"b\\"' in left.response
    assert left.ended_at is not None
    assert (left.ended_at - left.started_at).total_seconds() == 2.5
    assert sum(segment.length for segment in left.segments) == len(left.response)
    assert shrunk.finding in findings_in(shrunk.exchanges)


def test_of_several_answers_so_many_must_show_it() -> None:
    exchanges = [leaking(1)]
    finding = the("tool-call-in-content", exchanges)
    for luck, least, shown in (
        ((True, False, False), 1, True),
        ((True, False, True), 2, True),
        ((True, False, False), 2, False),
    ):
        server = Server(luck)
        assert Live(finding, server.send, 3, least)(exchanges) is shown


def test_no_more_answers_are_asked_for_than_it_takes() -> None:
    exchanges = [leaking(1)]
    server = Server((False,))
    assert not Live(the("tool-call-in-content", exchanges), server.send, 10, 9)(exchanges)
    assert len(server.asked) == 2


def test_a_finding_in_a_request_needs_no_server() -> None:
    exchanges = lost()
    with pytest.raises(UsageError, match="no server is needed"):
        Live(the("tool-turn-lost", exchanges), Server().send)


def test_what_a_stream_said_in_pieces_is_said_at_once() -> None:
    exchanges = [*lost(), next_turn(4, "It ships on Friday. " * 20)]
    (first, *_) = shrink(exchanges, the("tool-turn-lost", exchanges)).exchanges
    deltas = [part for part in Draft(first).parts if letters_of(part)]
    assert len(deltas) == 2  # its text and its call
