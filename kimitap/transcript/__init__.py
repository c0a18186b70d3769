"""Rows of a conversation, turn by turn: what the screens and `kimitap show` both print.

A request repeats the whole conversation, so a turn shows what is new in it. What a request should
repeat and does not gets a row of its own, a ghost, at the very place where it should stand.
"""

from kimitap.transcript.build import Memo, rows
from kimitap.transcript.echoes import EchoMark, echo_mark, echo_words
from kimitap.transcript.partners import partner
from kimitap.transcript.plain import SYMBOLS, label, lead, plain
from kimitap.transcript.row import Key, Kind, Row

__all__ = [
    "SYMBOLS",
    "EchoMark",
    "Key",
    "Kind",
    "Memo",
    "Row",
    "echo_mark",
    "echo_words",
    "label",
    "lead",
    "partner",
    "plain",
    "rows",
]
