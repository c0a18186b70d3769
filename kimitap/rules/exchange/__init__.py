"""Rules about how an exchange ended: cut, refused, in error, or slow."""

from kimitap.rules.exchange.stream_aborted import StreamAborted
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (StreamAborted(),)
