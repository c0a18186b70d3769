"""What of a request must be the same for the recorded answer to be its answer.

Another spelling of the same JSON is no difference, nor are ids that an agent makes up anew in each
run, as long as the same calls and results share one. What the user sees, the model sees: that is
compared.
"""

import json
from collections.abc import Mapping

from kimitap.conversation import dump_canonical
from kimitap.exchange import Body, digest
from kimitap.redact import mask_url

_OF_ONE_RUN = frozenset(
    {"user", "metadata", "client_metadata", "prompt_cache_key", "safety_identifier"}
)
"""Top-level fields that name a user, a run or a session, and say nothing to the model."""
_HISTORIES = ("messages", "input")
_IDS = frozenset({"id", "tool_call_id", "call_id", "tool_use_id"})
_MASKED = "[masked:"


def canonical(data: bytes) -> bytes | None:
    """A digest that equal requests share; None for what is no JSON object."""
    try:
        return _canonical(json.loads(data))
    except (ValueError, RecursionError):  # nested too deep, for the parser or for us
        return None


def _canonical(value: object) -> bytes | None:
    if not isinstance(value, dict):
        return None
    kept = {name: field for name, field in value.items() if name not in _OF_ONE_RUN}
    names: dict[str, str] = {}
    for history in _HISTORIES:
        if history in kept:
            kept[history] = _renamed(kept[history], names)
    return digest(dump_canonical(kept).encode("utf-8", "surrogatepass"))


def _renamed(value: object, names: dict[str, str]) -> object:
    """The value with its ids numbered in the order in which they come."""
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: names.setdefault(item, f"id {len(names)}")
        if name in _IDS and isinstance(item, str) and item
        else _renamed(item, names)
        for name, item in value.items()
    }


def may_equal(body: Body, value: Mapping[str, object]) -> bool:
    """False where a recorded body cannot be equal to a request: its arrays are not as long."""
    for run in body.elements:
        items = value.get(run.name)
        if not isinstance(items, list) or len(items) != run.stop - run.start:
            return False
    return True


def target(path: str) -> str:
    """A request target without the parameters that hold a key: those were masked when recorded."""
    endpoint, mark, query = mask_url(path, b"").partition("?")
    if not mark:
        return endpoint
    kept = [field for field in query.split("&") if _MASKED not in field]
    return f"{endpoint}?{'&'.join(kept)}" if kept else endpoint
