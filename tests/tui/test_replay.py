"""Sending a turn again from the screens: shown, asked, sent, recorded, compared."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from kimitap.exchange import Outcome
from kimitap.store import Recording
from kimitap.tui.app import Kimitap
from kimitap.tui.diff.screen import DiffScreen
from kimitap.tui.recording import RecordingSource
from kimitap.tui.replay.screen import ReplayScreen
from kimitap.tui.screenshot import settle
from kimitap.tui.wishes import Visit
from tests.support import chat
from tests.support.proxy import Peer, free_port, upstream, wait_for
from tests.support.reader import Reader, reading
from tests.support.recorded import lost, record
from tests.support.still import Still, exchange
from tests.support.threads import lost_turn
from tests.tui.test_hostile import acting, hostile, written_by

PATH = "/v1/chat/completions"


def still(host: str = "127.0.0.1") -> Still:
    source = Still(*lost_turn())
    for n in range(1, 7):
        body = orjson.dumps({"model": "k2", "stream": True, "messages": []})
        source.exchanges[n] = replace(exchange(n, body, b"{}"), host=host)
    return source


async def asked(reader: Reader) -> None:
    await reader.press("R")
    assert isinstance(reader.app.screen, ReplayScreen)


async def test_what_goes_where_is_shown_before_it_is_asked() -> None:
    async with reading(still(), place="3") as reader:
        await asked(reader)
        said = reader.words("question")
    assert "Send request #3 again?" in said
    assert "POST http://127.0.0.1:8080/v1/chat/completions" in said
    assert "as it was recorded" in said
    assert "asks for a stream" in said
    assert "in the clear" not in said


async def test_what_leaves_this_machine_is_said_so() -> None:
    async with reading(still("model.example"), (80, 24), place="3") as reader:
        await asked(reader)
        assert "! Send this conversation to http://model.example:8080, in the clear?" in (
            reader.words("question")
        )


@pytest.mark.parametrize("key", ["n", "escape", "q"])
async def test_no_sends_nothing(key: str) -> None:
    source = still()
    async with reading(source, place="3") as reader:
        await asked(reader)
        await reader.press("enter", key)
        assert reader.app.screen is reader.app.main
    assert source.sent == []


async def test_y_sends_and_opens_both_replies_side_by_side() -> None:
    source = still()
    async with reading(source, place="3") as reader:
        await asked(reader)
        await reader.press("y")
        assert isinstance(reader.app.screen, DiffScreen)
        assert "request #3" in reader.words("sides")
        assert "request #6" in reader.words("sides")
    assert [request.body for request in source.sent] == [source.exchanges[3].request.content]


async def test_s_asks_for_no_stream_and_then_for_one_again() -> None:
    source = still()
    async with reading(source, place="3") as reader:
        await asked(reader)
        await reader.press("s")
        assert "asks for no stream" in reader.words("question")
        await reader.press("y")
    assert orjson.loads(source.sent[0].body)["stream"] is False


async def test_where_nothing_is_lost_p_says_so_and_changes_nothing() -> None:
    async with reading(still(), place="2") as reader:
        await asked(reader)
        await reader.press("p")
        told = [n.message for n in reader.app._notifications]
        assert "lacks nothing that this recording has" in told[0]
        assert "as it was recorded" in reader.words("question")


async def test_what_is_no_model_call_is_not_sent() -> None:
    source = still()
    props = replace(exchange(9, b"", b"{}"), method="GET", path="/props")
    source.exchanges[9] = props
    source.now(replace(source.view, others=(props,)))
    async with reading(source) as reader:
        from kimitap.tui.wishes import ShowTurn, Tab

        reader.app.main.post_message(ShowTurn(9, Tab.WIRE))
        await reader.press("R")
        assert not isinstance(reader.app.screen, ReplayScreen)
        assert [n.message for n in reader.app._notifications] == [
            "#9 is no model call: it is not sent again."
        ]


async def test_the_editors_text_is_sent_and_what_is_no_json_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kimitap.tui.replay import screen

    monkeypatch.chdir(tmp_path)
    texts = iter(['{"model": ', '{"model": "k3"}'])
    monkeypatch.setattr(screen, "edited", lambda text: next(texts))
    source = still()
    app = Kimitap(source)
    app.suspend = lambda: _Suspended()  # type: ignore[method-assign,assignment,return-value]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press("R")
        await settle(app, pilot)
        await pilot.press("e")
        await settle(app, pilot)
        told = [n.message for n in app._notifications]
        assert "your text is in kimitap-edited-" in told[0]
        await pilot.press("e")
        await settle(app, pilot)
        await pilot.press("y")
        await settle(app, pilot)
    assert source.sent[0].body == b'{"model": "k3"}'
    assert told[0].endswith("your text is in kimitap-edited-5.json")
    assert kept(tmp_path) == ['{"model": ']


def kept(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.iterdir()]


class _Suspended:
    """No terminal is there to be given away."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def at(where: Path, url: str) -> str:
    """The recording of `lost`, as if its server had been at `url`."""
    port = int(url.rpartition(":")[2])
    return record(where, [replace(one, port=port) for one in lost()])


async def test_a_lost_turn_is_put_back_sent_recorded_and_compared(tmp_path: Path) -> None:
    def answers(peer: Peer) -> None:
        said = chat.assistant("Ada owns it, as I read.")
        peer.stream_head()
        peer.chunk(chat.stream_of({"message": said, "finish_reason": "stop"}))
        peer.chunk(b"")

    with upstream() as server:
        server.on(PATH, answers)
        where = at(tmp_path / "a.db", server.url)
        source = RecordingSource(where)
        app = Kimitap(source)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await settle(app, pilot)
            reader = Reader(app, pilot)
            app.main.visit(Visit(3))
            await asked(reader)
            await reader.press("p")
            assert "put back: the reply of #2 (read_file)" in reader.words("question")
            await reader.press("y")
            assert isinstance(app.screen, DiffScreen)
            assert "request #4" in reader.words("sides")
        source.close()
    roles = [m["role"] for m in orjson.loads(server.seen[0].body)["messages"]]
    assert roles[-3:] == ["assistant", "tool", "user"]
    with Recording.open(where) as recording:
        answer = recording.exchange(4)
    assert answer.outcome is Outcome.COMPLETE
    assert ("X-Kimitap-Replay", "3; repaired") in answer.request_headers


async def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    source = RecordingSource(at(tmp_path / "a.db", f"http://127.0.0.1:{free_port()}"))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        reader = Reader(app, pilot)
        await asked(reader)
        await reader.press("y")
        assert "cannot be reached: Connection refused" in reader.words("question")
        await reader.press("escape")
        assert app.screen is app.main
    source.close()


async def test_esc_hangs_up_on_an_answer_that_never_ends(tmp_path: Path) -> None:
    def never(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(chat.stream_of({"message": chat.assistant("Once upon")}, cut=True))
        peer.gone_within(30)

    with upstream() as server:
        server.on(PATH, never)
        where = at(tmp_path / "a.db", server.url)
        source = RecordingSource(where)
        app = Kimitap(source)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(app, pilot)
            reader = Reader(app, pilot)
            await asked(reader)
            await pilot.press("y")
            for _ in range(200):
                if server.seen:
                    break
                await pilot.pause(0.05)
            await pilot.pause(0.3)
            assert "waiting for the answer" in reader.words("question")
            await reader.press("escape")
            assert isinstance(app.screen, DiffScreen)
        source.close()
    with Recording.open(where) as recording:
        assert recording.exchange(4).outcome is Outcome.CLIENT_HUNG_UP


async def test_leaving_the_screens_hangs_up(tmp_path: Path) -> None:
    left: list[bool] = []

    def never(peer: Peer) -> None:
        left.append(peer.gone_within(30))

    with upstream() as server:
        server.on(PATH, never)
        source = RecordingSource(at(tmp_path / "a.db", server.url))
        app = Kimitap(source)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(app, pilot)
            await pilot.press("R")
            await settle(app, pilot)
            await pilot.press("y")
            for _ in range(200):
                if server.seen:
                    break
                await pilot.pause(0.05)
        source.close()
        wait_for(lambda: left, "the client's leaving")
    assert left == [True]


async def test_nothing_that_acts_gets_to_the_terminal() -> None:
    source = hostile()
    written = await written_by(source, "R", "p", "s")
    assert "Send request" in written
    assert acting(written) == set()


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 40)])
async def test_it_fits_small_terminals(size: tuple[int, int]) -> None:
    async with reading(still(), size, place="3") as reader:
        await asked(reader)
        assert "Send request #3 again?" in reader.words("question")
