"""The command palette: every action of the screen that is shown, by its words."""

from collections.abc import Coroutine, Iterator, Sequence
from functools import partial

from textual import events
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen
from textual.widget import Widget

from kimitap.tui.keys import LIST_KEYS, Key, with_list_keys
from kimitap.tui.themes import COLOURS
from kimitap.tui.widgets.virtual_list import VirtualList

Act = partial[Coroutine[object, object, None]]


class Palette(CommandPalette):
    """Textual's, which breaks where the reader leaves before its widgets are there."""

    def on_mount(self, event: events.Mount) -> None:
        if not self.children:
            event.prevent_default()


class KeyCommands(Provider):
    """The actions that keys do, from the same tables, with their keys; and the themes."""

    def _commands(self) -> Iterator[tuple[str, str, Act]]:
        table: Sequence[Key] = getattr(self.screen, "KEYS", ())
        for key in with_list_keys(table):
            if key.action != "app.command_palette":
                yield key.words, f"key {key.shown}", partial(self._run, key)
        for name in COLOURS:
            if name != self.app.theme:
                yield f"theme {name}", "paint the screens so", partial(self._paint, name)

    async def _paint(self, name: str) -> None:
        self.app.theme = name

    async def _run(self, key: Key) -> None:
        """What the key would do: an action of the screen, or of the list or text in it."""
        await (self.screen if key not in LIST_KEYS else self._list()).run_action(key.action)

    def _list(self) -> Widget | Screen[object]:
        """The list or text that the reader is in, else the first of the screen."""
        focused = self.screen.focused
        if isinstance(focused, VirtualList):
            return focused
        return next((one for one in self.screen.query(VirtualList) if one.display), self.screen)

    async def discover(self) -> Hits:
        for words, said, act in self._commands():
            yield DiscoveryHit(words, act, help=said)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, said, act in self._commands():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), act, help=said)
