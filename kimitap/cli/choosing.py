"""Which findings a command tells: the options, and the settings file that they change."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kimitap.errors import UsageError
from kimitap.settings import DEFAULTS, Settings, chosen, settings_here, settings_in

_OPTIONS = (
    click.option(
        "--select",
        multiple=True,
        metavar="RULES",
        help="Only these rules: names, by comma or repeated. Beats the settings file.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="RULES",
        help="Not these rules, beside those that the settings file ignores.",
    ),
    click.option(
        "--grade",
        multiple=True,
        metavar="RULE=SEVERITY",
        help="Count a rule's findings as error, warning, info, or off.",
    ),
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The settings; else the nearest kimitap.toml, or pyproject.toml with [tool.kimitap].",
    ),
    click.option("--no-config", is_flag=True, help="Read no settings file."),
)


def with_choice[F: Callable[..., Any]](command: F) -> F:
    """Give a command the options that choose findings; it gets `settings: Settings` for them."""

    @functools.wraps(command)
    def settled(
        *args: object,
        select: Sequence[str],
        ignore: Sequence[str],
        grade: Sequence[str],
        config: Path | None,
        no_config: bool,
        **others: object,
    ) -> object:
        settings = _read(config, no_config)
        choice = chosen(settings.choice, select, ignore, grade)
        return command(*args, settings=replace(settings, choice=choice), **others)

    made: Any = settled
    for option in reversed(_OPTIONS):
        made = option(made)
    return made  # type: ignore[no-any-return]  # click's options are typed by what they wrap


def _read(config: Path | None, no_config: bool) -> Settings:
    if config is None:
        return DEFAULTS if no_config else settings_here()
    if no_config:
        raise UsageError("say --config or --no-config, not both")
    return settings_in(config)
