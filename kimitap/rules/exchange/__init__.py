"""Rules about how an exchange ended: cut, refused, in error, or slow."""

from kimitap.rules.exchange.bad_delta import BadDelta
from kimitap.rules.exchange.client_cancelled import ClientCancelled
from kimitap.rules.exchange.context_overflow import ContextOverflow
from kimitap.rules.exchange.stalled_stream import StalledStream
from kimitap.rules.exchange.stream_aborted import StreamAborted
from kimitap.rules.exchange.stream_error_event import StreamErrorEvent
from kimitap.rules.exchange.template_rejected import TemplateRejected
from kimitap.rules.exchange.unreadable_answer import UnreadableAnswer
from kimitap.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    TemplateRejected(),
    StreamAborted(),
    ClientCancelled(),
    StreamErrorEvent(),
    UnreadableAnswer(),
    ContextOverflow(),
    StalledStream(),
    BadDelta(),
)
