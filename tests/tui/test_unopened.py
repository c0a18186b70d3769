"""The screens are painted before what reads the recording is loaded."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

from kimitap.errors import RecordingUnavailable
from kimitap.store import Glimpse
from kimitap.tui.app import Kimitap
from kimitap.tui.screenshot import settle
from kimitap.tui.source import Source, Unopened
from tests.support.still import Still
from tests.support.threads import lost_turn

_US = int(datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC).timestamp() * 1e6)


class Late:
    """A recording that is opened when the test lets it."""

    def __init__(self, error: RecordingUnavailable | None = None) -> None:
        self.let = Event()
        self.error = error
        self.closed = False

    def unopened(self, exchanges: int = 300) -> Unopened:
        path = "/v1/chat/completions"
        rows = [
            Glimpse(n + 1, _US, _US, "POST", "h", path, "c", "complete", 200, 9)
            for n in range(exchanges)
        ]
        return Unopened("a.db", None, lambda: rows, self.open)

    def open(self) -> Source:
        self.let.wait(30)
        if self.error is not None:
            raise self.error
        source = Still(*lost_turn())
        source.close = self.close  # type: ignore[method-assign]
        return source

    def close(self) -> None:
        self.closed = True


def told(app: Kimitap) -> Sequence[str]:
    return [notice.message for notice in app._notifications]


async def test_the_rows_are_listed_before_the_recording_is_open_and_read_afterwards() -> None:
    late = Late()
    app = Kimitap(late.unopened())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        while not app.main.contents.count:
            await pilot.pause(0.02)
        assert app.main.contents.count == 300
        await pilot.press("k", "r", "c")
        assert told(app) == ["The recording is still being opened: in a moment."] * 2
        for key in ("s", "q", "F", "q", "question_mark", "q", "e", "d", "X"):
            await pilot.press(key)
        late.let.set()
        await settle(app, pilot)
        assert app.view.findings
        assert app.main.thread is not None
    app.close()
    assert late.closed


async def test_a_recording_that_cannot_be_opened_ends_the_app_with_the_reason() -> None:
    late = Late(RecordingUnavailable("a.db is locked"))
    late.let.set()
    app = Kimitap(late.unopened())
    async with app.run_test() as pilot:
        for _ in range(100):
            if app.failure is not None:
                break
            await pilot.pause(0.02)
    assert str(app.failure) == "a.db is locked"
    assert app.return_code == 1
    app.close()


def test_the_first_screen_loads_no_database_no_rules_and_no_diff() -> None:
    code = "import kimitap.tui.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "sqlmodel", "deepdiff", "kimitap.rules.catalogue", "kimitap.dialects"}
    assert not heavy & set(done.stdout.split())
    assert "textual.app" in done.stdout.split()
