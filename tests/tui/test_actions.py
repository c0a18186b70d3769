"""What leaves the screens, and what helps to find the way: copies, editor, palette, themes."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from textual.command import CommandList, CommandPalette

from kimitap.tui import handing_out
from kimitap.tui.app import Kimitap
from kimitap.tui.commands import KeyCommands
from kimitap.tui.conversation.session_screen import SessionScreen
from kimitap.tui.keys import LIST_KEYS, MAIN_KEYS, with_list_keys
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from kimitap.tui.themes import COLOURS, Repainted, themes
from kimitap.tui.widgets.view_screen import ViewScreen
from tests.support.reader import Reader, reading, two_sessions
from tests.support.still import Still, exchange
from tests.support.threads import chain, lost_turn


def told(reader: Reader) -> list[str]:
    return [n.message for n in reader.app._notifications]


async def test_y_copies_the_whole_message() -> None:
    async with reading() as reader:
        await reader.press("g", "j", "j", "y")
        assert reader.app.clipboard.startswith("You are Roo, a highly skilled")
        assert reader.app.clipboard.count("Tool use guidelines") == 40
        assert told(reader)[-1].startswith("Copied SYS of #1:")


async def test_Y_copies_the_place_in_the_words_of_check() -> None:
    async with reading() as reader:
        await reader.press("Y")
        assert reader.app.clipboard == "exchange 5, message 8; s1 t1"


async def test_c_copies_the_request_as_a_curl_command() -> None:
    source = Still(*lost_turn())
    source.exchanges[5] = exchange(5, b'{"model":"kimi"}', b"{}")
    async with reading(source) as reader:
        await reader.press("c")
        await settle(reader.app, reader.pilot)
        assert reader.app.clipboard.startswith("curl ")
        assert '{"model":"kimi"}' in reader.app.clipboard


async def test_c_says_why_an_exchange_cannot_be_read() -> None:
    async with reading() as reader:
        await reader.press("c")
        await settle(reader.app, reader.pilot)
        assert told(reader) == ["no exchange 5"]


async def test_what_is_too_long_for_a_clipboard_is_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kimitap.tui.granting.LONGEST_COPY", 100)
    async with reading() as reader:
        await reader.press("g", "j", "j", "y")
        path = tmp_path / "kimitap-copy.txt"
        assert path.read_text().startswith("You are Roo")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert told(reader)[-1].startswith("Too long for a clipboard: ")
        assert reader.app.clipboard == ""


async def test_o_says_so_where_no_editor_can_be_opened() -> None:
    async with reading() as reader:
        await reader.press("o")
        assert told(reader) == ["No editor can be opened from here: y copies the text."]


def test_the_editor_gets_a_copy_that_only_its_owner_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "editor.sh"
    script.write_text(
        f'#!/bin/sh\nstat -c %a "$2" > {seen}\ncat "$2" >> {seen}\necho "$1" >> {seen}\n'
    )
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", f"{script} --wait")
    assert handing_out.read_outside("text of the message\n", ".md") == ""
    assert seen.read_text() == "600\ntext of the message\n--wait\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [("no-such-editor-here", "cannot be started"), ("false", "ended with status 1")],
)
def test_an_editor_that_fails_is_said(
    command: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", command)
    assert said in handing_out.read_outside("text", ".md")


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    first = handing_out.write_new(tmp_path, "report", "a")
    second = handing_out.write_new(tmp_path, "report", "b")
    assert (first.read_text(), second.read_text()) == ("a", "b")
    assert first != second


async def test_the_palette_has_every_action_and_does_it() -> None:
    async with reading() as reader:
        await reader.press("ctrl+p")
        assert isinstance(reader.app.screen, CommandPalette)
        options = reader.app.screen.query_one(CommandList)
        keys = len(MAIN_KEYS) + len(LIST_KEYS)
        wanted = keys - 1 + len(COLOURS) - 1  # but not the palette, and not this theme
        for _ in range(100):
            if options.option_count >= wanted:
                break
            await reader.pilot.pause(0.05)
        assert options.option_count == wanted
        await reader.pilot.press(*"previous finding")
        await reader.pilot.pause(0.5)
        await reader.pilot.press("enter")
        await reader.pilot.pause(0.2)
        await settle(reader.app, reader.pilot)
        assert (reader.row.exchange, reader.row.title) == (6, "LOST TURN")


async def test_the_palette_sets_a_theme() -> None:
    async with reading() as reader:
        await reader.press("ctrl+p")
        await reader.pilot.press(*"kimitap-contrast")
        await reader.pilot.pause(0.5)
        await reader.pilot.press("enter")
        await reader.pilot.pause(0.2)
        assert reader.app.theme == "kimitap-contrast"


def test_every_action_has_words_of_its_own_and_every_key_one_action() -> None:
    words = [key.words for key in MAIN_KEYS]
    keys = [k for key in MAIN_KEYS for k in key.keys.split(",")]
    assert len(set(words)) == len(words)
    assert len(set(keys)) == len(keys)


async def test_a_theme_repaints_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", "kimitap-light")
    async with reading() as reader:
        assert set(reader.app.available_themes) == set(COLOURS)
        svg = reader.app.export_screenshot()
        light, dark = COLOURS["kimitap-light"], COLOURS["kimitap"]
        for old in dark:
            if light[old] != old:
                assert old not in svg.lower()
        reader.app.theme = "kimitap"
        await settle(reader.app, reader.pilot)
        assert light["#12161c"] not in reader.app.export_screenshot().lower()


async def test_a_theme_that_is_not_ours_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    async with reading() as reader:
        assert reader.app.theme == "kimitap"


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", list(COLOURS))
def test_findings_can_be_read_in_every_theme(name: str) -> None:
    """WCAG asks for 4.5:1; on the ground, the cursor's row and a ghost's."""
    (theme,) = (t for t in themes() if t.name == name)
    colours = COLOURS[name]
    for ground in ("#12161c", "#1f3a52", "#3a1c10", "#1a212a", "#143428"):
        for ink in (theme.error, theme.warning, theme.secondary, theme.foreground):
            assert ink is not None
            assert _contrast(ink, colours.get(ground, ground)) >= 4.5, (ink, ground)


def test_repainting_leaves_what_no_theme_names() -> None:
    from rich.segment import Segment
    from rich.style import Style
    from textual.color import Color

    painted = Repainted({"#12161c": "#ffffff"}).apply(
        [Segment("a", Style(color="#12161c", bold=True)), Segment("b", Style(color="#123456"))],
        Color(0, 0, 0),
    )
    assert [str(s.style) for s in painted] == ["bold #ffffff", "#123456"]


async def test_a_new_error_rings_and_is_said_and_old_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(Kimitap, "bell", lambda self: rung.append(1))
    source = two_sessions()
    findings = source.view.findings
    source.now(replace(source.view, findings=findings[:1]))
    async with reading(source) as reader:
        assert not rung and told(reader) == []
        source.now(replace(source.view, findings=findings))
        for _ in range(100):
            if rung:
                break
            await reader.pilot.pause(0.05)
        await settle(reader.app, reader.pilot)
        assert rung == [1]
        assert told(reader) == ["✗ tool-turn-lost in #6"]


async def test_what_is_recorded_while_something_is_learnt_of_old_turns_rings_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(Kimitap, "bell", lambda self: rung.append(1))
    (session,), findings = lost_turn()
    five = chain(*session.threads[0].turns[:5])
    source = Still((replace(session, threads=(five,)),))
    async with reading(source) as reader:
        source.now(View((session,), findings))  # an error in the known #5, and one in the new #6
        reader.app.load_again()
        await settle(reader.app, reader.pilot)
        while reader.app.view.findings != findings:
            await reader.pilot.pause(0.02)
        assert rung == [1]
        assert told(reader) == ["✗ tool-turn-lost in #6"]


@pytest.mark.parametrize("at", [(), ("s",), ("F",), ("v",), ("d",), ("T",), ("S", *"migrate")])
async def test_the_palette_has_the_keys_of_the_screens_list_too(at: tuple[str, ...]) -> None:
    """On every screen it offers what the help of that screen names, and does it."""
    async with reading(place="3") as reader:
        await reader.press(*at)
        screen = reader.app.screen
        assert isinstance(screen, SessionScreen | ViewScreen)
        wanted = {(k.words, f"key {k.shown}") for k in with_list_keys(screen.KEYS)}
        commands = KeyCommands(screen)
        offered = {(hit.text, hit.help): hit.command async for hit in commands.discover()}
        assert wanted - {("every action, by its words", "key ^p")} <= set(offered)


async def test_the_palette_moves_the_list_where_the_reader_is() -> None:
    async with reading() as reader:
        main = reader.app.main
        offered = {hit.text: hit.command async for hit in KeyCommands(main).discover()}
        for words, at in (("first line", 0), ("line down", 1), ("last line", -1)):
            await offered[words]()
            await settle(reader.app, reader.pilot)
            assert main.conversation.cursor == at % main.conversation.count


async def test_the_pager_is_used_where_no_editor_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VISUAL", "EDITOR", "PAGER"):
        monkeypatch.delenv(name, raising=False)
    assert handing_out.editor() == ["less"]
    monkeypatch.setenv("PAGER", "more -d")
    assert handing_out.editor() == ["more", "-d"]
    assert os.environ["PAGER"] == "more -d"
