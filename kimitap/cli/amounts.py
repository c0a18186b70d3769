"""A time or a size as the type of an option."""

from datetime import timedelta

import click

from kimitap import amounts
from kimitap.errors import UsageError


class Age(click.ParamType[timedelta]):
    """`30d`, `12h`, `2w`."""

    name = "AGE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return amounts.age(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


class Size(click.ParamType[int]):
    """`500MB`, `2GB`: bytes."""

    name = "SIZE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        try:
            return amounts.size(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)
