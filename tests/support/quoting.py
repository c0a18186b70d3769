"""Whether a finding's quote stands in the exchange that it names, by the exchange's bytes alone.

A quote is the words of the exchange, white space aside, in one of these forms: a text; fields
(`"finish_reason": "stop"`) that stand in one object; a call, `name(arguments)`; an id, a role or a
field's name, a colon, and what belongs to it; a text and the calls behind it; texts of several
parts, one under the other. It may be cut at either end, which `…` marks. What a message lacks is a
remark in brackets: `(blank)`.

The bytes are read here anew: no product code, so that nothing it makes up can prove itself.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from kimitap.exchange import Exchange

REMARKS = ("(blank)", "(no name)", "(no id)", "(unsigned)")
ROLES = ("system", "user", "assistant", "tool")
"""What messages are called in every API."""
_NUMBERS = ("index", "output_index", "content_index")


class Said:
    """What an exchange says: every value of its JSON; every text, streamed ones put together."""

    def __init__(self, exchange: Exchange) -> None:
        self.values = [value for body in _bodies(exchange) for value in _inside(body)]
        streamed: dict[tuple[object, ...], str] = {}
        for event in _events(exchange.response):
            for path, text in _deltas(event, (event.get("type"), event.get("item_id"))):
                streamed[path] = streamed.get(path, "") + text
        texts = [v for v in self.values if isinstance(v, str)]
        texts += [text for value in self.values for text in _joined(value)]
        texts += [*streamed.values(), f"{exchange.status} {exchange.reason}"]
        if not any(True for _ in _answers(exchange)):
            texts.append(exchange.response.decode(errors="replace"))
        self.texts = list(dict.fromkeys(_flat(text) for text in texts))
        self.calls = list(dict.fromkeys([*_calls(self.values), *_streamed_calls(streamed)]))

    def holds(self, quote: str) -> bool:
        """True where the quote is made of the exchange's words."""
        whole = quote.removeprefix("…").removesuffix("…")
        cut = quote.endswith("…")
        if self._holds(_flat(whole), cut=cut):
            return True
        label, _, rest = whole.partition(": ")
        lines = (rest if label in ROLES else whole).splitlines()
        return len(lines) > 1 and all(self._holds(_flat(line), cut=cut) for line in lines)

    def _holds(self, text: str, *, cut: bool) -> bool:
        text = text.strip()
        if not text or text in REMARKS or self._has(text) or self._has_fields(text):
            return True
        label, colon, rest = text.partition(": ")
        known = colon and (label in ROLES or self._has(label))
        if known and self._holds(rest.removeprefix("…"), cut=cut):
            return True
        seals = re.split(r" ?\[([\w+/=]+)…?\] ?", text)
        if len(seals) > 1 and all(self._holds(part, cut=cut) for part in seals):
            return True
        return self._ends_in_call(text, cut=cut)

    def _has(self, text: str) -> bool:
        return any(text in one for one in self.texts)

    def _has_fields(self, text: str) -> bool:
        """True where one object has all of these fields; a value that is JSON may be a text."""
        wanted = _parsed(f"{{{text}}}") or _parsed(text)
        if not isinstance(wanted, dict | list) or not wanted:
            return False
        if wanted in self.values:
            return True
        objects = (v for v in self.values if isinstance(v, dict))
        fields = wanted.items() if isinstance(wanted, dict) else ()
        return bool(fields) and any(all(_same(v, k, w) for k, w in fields) for v in objects)

    def _ends_in_call(self, text: str, *, cut: bool) -> bool:
        """True where the text's end is a call, and what stands before it is said too."""
        for name, arguments in self.calls:
            head = f"{name or '(no name)'}("
            at = text.rfind(head) if len(text) < 400 else -1
            while at >= 0:
                said = text[at + len(head) :]
                end = _flat(f"{arguments})")
                fits = said == end or (cut and end.startswith(said))
                fits = fits or (said.endswith(")") and _equal(said[:-1], arguments))
                fits = fits or (cut and _compact(arguments).startswith(said))
                if fits and self._holds(text[:at].removesuffix(", "), cut=False):
                    return True
                at = text.rfind(head, 0, at)
        words = text.rsplit(" ", 1)
        return len(words) == 2 and words[1] in REMARKS and self._holds(words[0], cut=False)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _equal(one: str, other: str) -> bool:
    return _parsed(one) is not None and _parsed(one) == _parsed(other)


@cache
def _compact(arguments: str) -> str:
    return json.dumps(_parsed(arguments), separators=(",", ":"), ensure_ascii=False)


def _same(value: dict[str, Any], name: str, wanted: object) -> bool:
    return name in value and type(value[name]) is type(wanted) and value[name] == wanted


def _bodies(exchange: Exchange) -> Iterator[Any]:
    yield _parsed(exchange.request.content)
    yield from _answers(exchange)


def _answers(exchange: Exchange) -> Iterator[Any]:
    whole = _parsed(exchange.response)
    yield from _events(exchange.response) if whole is None else [whole]


def _events(data: bytes) -> Iterator[Any]:
    """The JSON of a stream's events, in whichever field."""
    for line in data.decode(errors="replace").splitlines():
        _, colon, rest = line.partition(":")
        value = _parsed(rest) if colon else None
        if isinstance(value, dict):
            yield value


def _inside(value: Any) -> Iterator[Any]:
    """The value, and all that is in it; keys too, and what is JSON within a text."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and one[:1] in {"{", "["}:
            inner = _parsed(one)
            waiting += [] if inner is None else [inner]


def _deltas(value: Any, path: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], str]]:
    """The texts in a stream's event, by where they belong."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            numbered = isinstance(item, dict) and "index" in item
            yield from _deltas(item, path if numbered else (*path, at))
    elif isinstance(value, dict):
        own = (*path, *(value.get(name) for name in _NUMBERS if name in value))
        for name, item in value.items():
            yield from _deltas(item, (*own, name))


def _joined(value: Any) -> Iterator[str]:
    """The texts of a message's parts in one: some APIs have a list where others have a text."""
    for name in ("content", "input", "output", "summary"):
        parts = value.get(name) if isinstance(value, dict) else None
        if isinstance(parts, list):
            texts = [p.get("text", "") for p in parts if isinstance(p, dict)]
            yield " ".join(t for t in texts if isinstance(t, str))


def _calls(values: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """(name, arguments) of each call that stands whole somewhere."""
    for value in values:
        if not isinstance(value, dict):
            continue
        given = value.get("arguments", value.get("input"))
        if "arguments" in value or value.get("type") in ("tool_use", "custom_tool_call"):
            said = given if isinstance(given, str) else json.dumps(given, separators=(",", ":"))
            yield str(value.get("name") or ""), said if given is not None else ""


def _streamed_calls(streamed: dict[tuple[object, ...], str]) -> Iterator[tuple[str, str]]:
    """Every name with all arguments: which belong together is for the decoders' tests."""
    names = {t for p, t in streamed.items() if p[-1] == "name"}
    names |= {t for p, t in streamed.items() if p[-1] == "name"} | {""}
    last = ("arguments", "partial_json", "delta", "input")
    for path, text in streamed.items():
        if path[-1] in last:
            yield from ((name, text) for name in names)
    yield from ((name, "") for name in names)
