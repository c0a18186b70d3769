"""The request of a text completion: the prompt as one message of the user.

A prompt is a text, a list of tokens, or a list that mixes both; tokens are a part of another kind,
since no text stands on the wire. A list of several prompts asks for as many completions in one
request: the first is read, the others are a fault.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from kimitap.conversation import Message, Other, Part, Text
from kimitap.dialects.fault import Faults
from kimitap.dialects.fields import Fields, read_fields
from kimitap.dialects.jsonread import canonical, kind_of
from kimitap.dialects.memo import Memo
from kimitap.dialects.turn import Request
from kimitap.exchange import Body, Headers

_OWN = frozenset({"prompt", "input_prefix", "input_suffix", "input_extra"})


def request_of(body: Body, headers: Headers, memo: Memo, faults: Faults) -> Request:
    """The request in `body`."""
    return read_fields(body, headers, memo, faults, _request) or Request()


def _request(sent: Fields, memo: Memo, faults: Faults) -> Request:
    given = {name: sent.value(name, faults) for name in _OWN if name in sent.values}
    parts: list[Part] = []
    prefix = given.get("input_prefix")
    if isinstance(prefix, str) and prefix:
        parts.append(Text(prefix))
    if "prompt" in given or not ("input_prefix" in given or "input_suffix" in given):
        parts += _prompt(given.get("prompt"), "prompt" in given, faults)
    for name in ("input_suffix", "input_extra"):
        if given.get(name):
            parts.append(Other(name, canonical(given[name])))
    message = Message("user", tuple(parts), "user")
    return Request((message,), (), sent.without(_OWN, faults, memo.known("completion.rest")))


def _prompt(value: Any, given: bool, faults: Faults) -> list[Part]:
    if isinstance(value, list):
        value = _one(value, faults)
    if isinstance(value, str):
        return [Text(value)] if value else []
    if isinstance(value, list):
        return _mixed(value)
    if isinstance(value, dict):
        return _with_media(value, faults)
    what = f"prompt is a string or a list, not {kind_of(value)}" if given else "prompt is missing"
    faults.add("request.prompt", what)
    return []


def _one(value: list[Any], faults: Faults) -> Any:
    """The first prompt of a list of prompts; the list itself where it is one prompt of tokens."""
    if not value or any(_is_token(item) for item in value):
        return value
    if len(value) > 1:
        what = f"{len(value)} prompts in one request: only the first is read"
        faults.add("request.prompt", what)
    return value[0]


def _is_token(item: Any) -> bool:
    return isinstance(item, int | float)


def _mixed(items: Sequence[Any]) -> list[Part]:
    """Texts as they are, and each run of what is no text as one part."""
    parts: list[Part] = []
    for is_text, run in groupby(items, key=lambda item: isinstance(item, str)):
        if is_text:
            parts += [Text(text) for text in run if text]
        else:
            parts.append(Other("tokens", canonical(list(run))))
    return parts


def _with_media(value: dict[str, Any], faults: Faults) -> list[Part]:
    """llama.cpp's prompt with images: its text, whose markers stand for them, and their data."""
    text = value.get("prompt_string")
    if not isinstance(text, str):
        faults.add("request.prompt.prompt_string", f"a string, not {kind_of(text)}")
        return [Other("prompt", canonical(value))]
    parts: list[Part] = [Text(text)] if text else []
    if value.get("multimodal_data"):
        parts.append(Other("multimodal_data", canonical(value["multimodal_data"])))
    return parts
