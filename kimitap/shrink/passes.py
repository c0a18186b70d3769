"""What is taken away, in this order, again and again until nothing more can go."""

from collections.abc import Callable

from kimitap.shrink.search import Search
from kimitap.shrink.whole import drop_exchanges

PASSES: tuple[tuple[str, Callable[[Search], None]], ...] = (("exchanges", drop_exchanges),)
