"""Text that an answer gives once more as numbers: token ids, and tokens' bytes.

Whoever has the model's vocabulary reads them like text. Where text is taken out they are all 0.
"""

import re
from collections.abc import Iterator

from kimitap.redact.scan import Leaf
from kimitap.redacting.splices import Splice

_ARRAYS = re.compile(
    r'"(?:bytes|tokens|prompt|input|token_ids|input_ids|prompt_token_ids|output_ids)"'
    r"\s{0,8}:\s{0,8}\[([0-9][0-9,\s]*+)\]"
)
_IDS = re.compile(r'"id"\s{0,8}:\s{0,8}([0-9]++)(?=\s{0,8},)')
_FIGURES = re.compile(r"[0-9]+")
_OTHERS = ("top_logprobs", "top_probs")
"""The tokens that the model might have said instead: among them is the one that it said."""
_HINTS = ('"logprob"', '"piece"', '"bytes"', '"tokens"', '_ids"', '"prompt"', '"input"')


def may_hold_tokens(body: str) -> bool:
    """False for a body in which `zeroed` would find nothing."""
    return any(hint in body for hint in _HINTS)


def numbers_ids(body: str) -> bool:
    """Whether the numbers that a body calls `id` may be tokens."""
    return '"logprob"' in body or '"piece"' in body


def zeroed(body: str, ids: bool) -> Iterator[Splice]:
    """The splices that take text out of a body's numbers; with `ids` also out of what is `id`."""
    for pattern in (_ARRAYS, _IDS) if ids else (_ARRAYS,):
        for found in pattern.finditer(body):
            new = _FIGURES.sub("0", found[1])
            if new != found[1]:
                yield Splice(*found.span(1), new)


def is_other(leaf: Leaf | None) -> bool:
    """True for a token that stands beside the one that was said."""
    node = leaf.parent if leaf else None
    while node is not None:
        if node.name in _OTHERS:
            return True
        node = node.parent
    return False
