"""Recorded text is hostile: nothing that acts gets to the terminal, whatever screen shows it."""

import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from rich.segment import Segment
from textual.color import Color
from textual.drivers.headless_driver import HeadlessDriver

from kimitap.conversation import Fault, Scope, Tool
from kimitap.exchange import Body
from kimitap.lineage import Session
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.tui.app import Kimitap
from kimitap.tui.filters import NoControls
from kimitap.tui.screenshot import settle
from tests.support.still import Still, exchange
from tests.support.threads import assistant, call, chain, result, system, turn, user

HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07\x1b[2J\x9b31m\x90q\x9c\u202egnp.exe\u2066\u200f"
    "[/nope][bold][@click=app.quit]x[/]\x00\x08\r\ud800\U000e0041\t end"
)
_SOUND = HOSTILE.replace("\ud800", "")
JSON = {
    _SOUND: [_SOUND * 40, {"role": _SOUND, _SOUND * 9: orjson.dumps({_SOUND: _SOUND}).decode()}]
}
OURS = re.compile(r"\x1b\[[0-9;?$]*[A-Za-z]|\x1b\]22;[a-z]*\x07")
"""What Textual writes itself: colours, cursor moves, modes, and the pointer's shape."""


class Taps(HeadlessDriver):
    """A driver that renders as for a terminal and keeps what would have been written."""

    written = ""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        Taps.written += data


def hostile() -> Still:
    """A thread with hostile text in every field that a screen shows."""
    asks = assistant(HOSTILE, call(HOSTILE, HOSTILE, HOSTILE), thinks=HOSTILE)
    first = turn(1, [system(HOSTILE), user(HOSTILE)], asks)
    second = turn(2, [*first.messages, assistant(), user(HOSTILE), result(HOSTILE, "?")], asks)
    dressed = [
        replace(
            made,
            agent=HOSTILE,
            server=HOSTILE,
            model=HOSTILE,
            path=HOSTILE,
            detail=HOSTILE,
            tools=(Tool(HOSTILE, HOSTILE),),
            parameters={HOSTILE: HOSTILE},
            scope=Scope(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
            faults=(Fault(HOSTILE, HOSTILE),),
            reply=replace(
                made.reply,
                model=HOSTILE,
                finish_reason=HOSTILE,
                fingerprint=HOSTILE,
                prompt=f"{HOSTILE}<|im_end|>" * made.exchange,
            ),
        )
        for made in (first, second)
    ]
    finding = Finding(
        "tool-turn-lost",
        Severity.ERROR,
        Side.AGENT,
        HOSTILE,
        Place(2, 2),
        "s1",
        "t1",
        evidence=(Evidence(1, HOSTILE), Evidence(2, HOSTILE)),
    )
    thread = replace(chain(*dressed), kind=HOSTILE)
    source = Still((Session(1, (thread,), HOSTILE, HOSTILE),), (finding,))
    raw = HOSTILE.encode("utf-8", "surrogatepass")
    fields = ((HOSTILE, HOSTILE),)
    for n in (1, 2, 7):
        source.exchanges[n] = replace(
            exchange(n, raw, raw, (5, len(raw) - 5)),
            path=HOSTILE,
            method=HOSTILE,
            reason=HOSTILE,
            detail=HOSTILE,
            client=HOSTILE,
            request_headers=fields,
            response_headers=fields,
        )
    source.exchanges[1] = replace(
        source.exchanges[1],
        request=Body.whole(orjson.dumps(JSON)),
        response=b"data: %s\n\nevent: \x9b31m\ndata: \x1b[2J\n\n" % orjson.dumps(JSON),
    )
    source.now(replace(source.view, others=(source.exchanges[7],)))
    source.remedies = {"tool-turn-lost": HOSTILE}
    return source


async def written_by(source: Still, *keys: str) -> str:
    Taps.written = ""
    app = Kimitap(source)
    app.driver_class = Taps
    async with app.run_test(size=(120, 40), headless=False, notifications=True) as pilot:
        await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)
        assert app.return_code in {None, 0}
    return Taps.written


def acting(written: str) -> set[str]:
    """What in the output is neither text nor one of Textual's own sequences."""
    return {c for c in OURS.sub("", written) if not c.isprintable() and c not in "\r\n"}


JOURNEYS = {
    "conversation": ("g", "enter", *"jjjj", "enter", *"jjj", "enter", "G", "n", "enter"),
    "sessions": ("h", "G", "enter", "j", "g", "j", "enter"),
    "diff": ("n", "d", "n", "n", "G"),
    "messages": (
        "v",
        "plus",
        "plus",
        "plus",
        "right_curly_bracket",
        "right_curly_bracket",
        "G",
        "left_square_bracket",
        "plus",
        "G",
    ),
    "request": ("v", "2", "plus", "plus", "G", "u", "G", "w", "w"),
    "request as json": ("v", "left_square_bracket", "2", "plus", "plus", "G", "enter", "u"),
    "reply": ("v", "3", "plus", "G", "u", "left_square_bracket", "u", "plus", "plus", "G"),
    "wire": (
        "r",
        "right_curly_bracket",
        "right_curly_bracket",
        "right_curly_bracket",
        "G",
        "left_square_bracket",
    ),
    "headers": (
        "v",
        "5",
        "j",
        "j",
        "right_curly_bracket",
        "right_curly_bracket",
        "j",
        "enter",
        "G",
    ),
    "prompt": (
        "p",
        "right_curly_bracket",
        "right_curly_bracket",
        "right_curly_bracket",
        "right_curly_bracket",
        "G",
        "right_square_bracket",
        "G",
    ),
    "timings": ("v", "7", "right_curly_bracket", "right_curly_bracket", "left_square_bracket"),
    "search in a turn": ("r", "slash", *"gnp.exe", "enter", "n", "2", "n", "escape"),
    "other exchange": ("h", "G", "enter", "G", "enter"),
    "filter": ("slash", *"nope", "enter", "f", "f"),
    "help": ("question_mark", "G"),
}


@pytest.mark.parametrize("journey", JOURNEYS)
async def test_no_byte_that_acts_is_written(journey: str) -> None:
    written = await written_by(hostile(), *JOURNEYS[journey])
    assert len(written) > 2000
    assert "gnp.exe" in written or journey == "help"
    assert not acting(written)
    assert "\x1b[31m" not in written and "\x1b[2J" not in written.removeprefix("\x1b[2J")


async def test_a_copy_goes_to_the_clipboard_and_holds_nothing_that_acts() -> None:
    written = await written_by(
        hostile(),
        "v",
        "right_curly_bracket",
        "y",
        "2",
        "y",
        "5",
        "j",
        "y",
        "4",
        "right_curly_bracket",
        "right_curly_bracket",
        "y",
    )
    copies = re.findall("\x1b]52;c;([A-Za-z0-9+/=]+)\x07", written)
    texts = [b64decode(copy).decode() for copy in copies]
    assert len(texts) == 4
    assert any("gnp.exe" in text for text in texts)
    assert not any(acting(text) for text in texts)
    for copy in copies:
        written = written.replace(f"\x1b]52;c;{copy}\x07", "")
    assert not acting(written)


async def test_markup_is_shown_as_it_is_written() -> None:
    written = await written_by(hostile(), "g", "j", "j")
    assert "[/nope][bold]" in OURS.sub("", written)


async def test_a_hostile_complaint_is_no_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "[@click=app.quit]\x1b]52;c;eA==\x07[x]"
    folder.mkdir()
    monkeypatch.chdir(folder)
    written = await written_by(hostile(), "e")
    assert "Report written" in written
    assert not acting(written)


def test_the_filter_is_a_net_of_its_own() -> None:
    """Text that no screen cleaned is caught where the line leaves for the terminal."""
    segments = [Segment("a\x1b[2Jb\u202ec\x9b"), Segment("clean")]
    passed = NoControls().apply(segments, Color(0, 0, 0))
    assert [segment.text for segment in passed] == ["a?[2Jb?c?", "clean"]


async def test_the_test_sees_what_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cleaning, the same journey does write what acts."""
    monkeypatch.setattr("kimitap.tui.conversation.detail.visible", lambda text: text)
    monkeypatch.setattr(NoControls, "apply", lambda self, segments, background: segments)
    written = await written_by(hostile(), "n")
    assert "\x1b]52" in written
