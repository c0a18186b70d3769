"""Names of a room that are loaded when somebody first asks for them.

SQLAlchemy, the rules and DeepDiff take longer to load than the screens take to paint. So the rooms
that need them (`store`, `rules`) name what they offer and where it is defined, and nothing is
loaded by a glance at the room.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazily(room: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """What a room's `__getattr__` calls (PEP 562); `homes` gives each name's module in the room.

    Raises `AttributeError` for a name that has none.
    """

    def found(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{room}.{home}"), name)
        setattr(sys.modules[room], name, value)  # from now on it is found at once
        return value

    return found
