"""The rules: what can break in a conversation, one file a kind of defect.

They stand in groups, each with a folder: how a request gives the history back (`replay`), what it
carries (`request`), what the model said (`reply`), how the exchange went (`exchange`) and what the
server made of it (`prompt`). `RULES` is all of them, in the order in which they are documented;
`check` applies them to a session. Both are loaded when they are first asked for (see `lazily`).
"""

from typing import TYPE_CHECKING

from kimitap.lazily import lazily

if TYPE_CHECKING:
    from kimitap.rules.catalogue import RULES, check

__all__ = ["RULES", "check"]

_load = lazily(__name__, {"RULES": "catalogue", "check": "catalogue"})


def __getattr__(name: str) -> object:
    return _load(name)
