"""What is taken away, in this order, again and again until nothing more can go."""

from collections.abc import Callable

from kimitap.shrink.fields import drop_fields
from kimitap.shrink.messages import drop_messages
from kimitap.shrink.parts import drop_parts
from kimitap.shrink.search import Search
from kimitap.shrink.streams import merge_streams
from kimitap.shrink.texts import shorten_texts
from kimitap.shrink.whole import drop_exchanges

PASSES: tuple[tuple[str, Callable[[Search], None]], ...] = (
    ("exchanges", drop_exchanges),
    ("messages", drop_messages),
    ("tools and parameters", drop_fields),
    ("streams", merge_streams),
    ("parts", drop_parts),
    ("texts", shorten_texts),
)
