"""Shortens texts: equal ones to equal ones, wherever they stand, so that echoes stay echoes.

A long text becomes its head, `…` and its tail. Where the finding needs more of it, other lengths
are tried, then lines and words are taken out. Arguments of calls, which are JSON within a text,
stay JSON: the texts in them are shortened.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from kimitap.shrink.ddmin import ddmin
from kimitap.shrink.draft import Draft, Element, Part
from kimitap.shrink.fields import tree_of
from kimitap.shrink.sameness import Drafts
from kimitap.shrink.search import Search
from kimitap.shrink.spans import Node, literal, parse, spliced, strings, text_at

LENGTHS = (24, 120, 600)
"""Characters that are kept of a text, in the order in which they are tried."""
GAP = " … "
LEAST = LENGTHS[0] + len(GAP)
"""Shorter texts stay."""
MOST_PIECES = 400
"""A text that is needed is taken apart into no more pieces than this."""

_NAMES = frozenset(
    {"type", "role", "id", "name", "model", "object", "event", "status", "finish_reason"}
    | {"stop_reason", "system_fingerprint", "service_tier", "$schema", "format", "pattern"}
)
_NAME = re.compile(r"(?:^|_)(?:ids?|keys?|url)$")
_JSON_WITHIN = frozenset({"arguments", "partial_json"})
_DATA = re.compile(r"(?:data:[^,]{0,80},)?[A-Za-z0-9+/_=-]{200,}\Z")

Short = Mapping[str, str]
"""What stands for a text from now on."""


def shorten_texts(search: Search) -> None:
    """Shorten all texts as far as the finding lets them."""
    for length in LENGTHS:
        long = [text for text in texts_of(search.best) if len(text) > length + len(GAP)]
        search.narrow(long, partial(_shorten, length=length))
    for text in texts_of(search.best):
        if len(text) > LEAST and GAP not in text:
            _thin_out(search, text, _lines(text))
    for text in texts_of(search.best):
        if len(text) > LEAST and GAP not in text:
            _thin_out(search, text, _words(text))


def _shorten(drafts: Drafts, texts: Iterable[str], length: int) -> Drafts:
    return shortened(drafts, _cut(texts, length))


def _thin_out(search: Search, text: str, pieces: Sequence[str]) -> None:
    """Take out of one text the pieces that the finding does not need."""
    if not 1 < len(pieces) <= MOST_PIECES:
        return
    base, every = search.best, range(len(pieces))

    def holds(kept: Sequence[int]) -> bool:
        left = "".join(pieces[i] for i in kept)
        return bool(left.strip()) and search.offer(shortened(base, {text: left}))

    ddmin(every, holds)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _cut(texts: Iterable[str], length: int) -> dict[str, str]:
    """The texts, and what stands for each: no two get the same."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        short, count = _short(text, length, GAP), 1
        while short in taken:
            count += 1
            short = _short(text, length, f" …{count}… ")
        taken.add(short)
        made[text] = short
    return made


def _short(text: str, length: int, gap: str) -> str:
    if _DATA.match(text):  # an image, a signature: letters in fours
        head = text.find(",") + 1
        return text[: head + length // 4 * 4] + (gap.strip("… ") or "") + text[-4:]
    tail = length // 3
    return text[: length - tail] + gap + text[-tail:]


def texts_of(drafts: Drafts) -> list[str]:
    """All texts that may be shortened, the longest first."""
    found = (text for draft in drafts for data in _documents(draft) for text in _texts(data))
    return sorted(dict.fromkeys(found), key=lambda text: (-len(text), text))


def shortened(drafts: Drafts, short: Short) -> Drafts:
    """The drafts with other texts in the place of these, everywhere."""
    known: dict[bytes, bytes] = {}

    def change(data: bytes) -> bytes:
        if data not in known:
            known[data] = _changed(data, short)
        return known[data]

    return tuple(_in_draft(draft, change) for draft in drafts)


def _in_draft(draft: Draft, change: Callable[[bytes], bytes]) -> Draft:
    if not draft.dialect:
        return draft
    for name, run in draft.runs:
        draft = draft.with_run(name, [_in_element(element, change) for element in run])
    if tree_of(draft) is not None:
        draft = draft.with_skeleton(change(draft.skeleton))
    return draft.with_parts([_in_part(part, change) for part in draft.parts])


def _in_element(element: Element, change: Callable[[bytes], bytes]) -> Element:
    bare = element.bare
    made = change(bare)
    comma = element.data[: len(element.data) - len(bare)]
    return element if made == bare else replace(element, data=comma + made)


def _in_part(part: Part, change: Callable[[bytes], bytes]) -> Part:
    return replace(part, data=change(part.data)) if part.data else part


def _documents(draft: Draft) -> Iterator[bytes]:
    """All JSON of the draft."""
    if not draft.dialect:
        return
    yield from (element.bare for _, run in draft.runs for element in run)
    if tree_of(draft) is not None:
        yield draft.skeleton
    yield from (part.data for part in draft.parts if part.data)


def _changed(data: bytes, short: Short) -> bytes:
    """The JSON with other texts in it."""
    edits = []
    for node, text, within in _places(data):
        if within:
            made = _changed(text.encode("utf-8", "surrogatepass"), short)
            new = made.decode("utf-8", "surrogatepass")
        else:
            new = short.get(text, text)
        if new != text:
            like = data[node.start : node.stop]
            edits.append((node.start, node.stop, literal(new, like)))
    return spliced(data, edits) if edits else data


@lru_cache(maxsize=20_000)
def _texts(data: bytes) -> tuple[str, ...]:
    """The texts of some JSON that may be shortened, those in JSON within a text included."""
    found: list[str] = []
    for _, text, within in _places(data):
        found += _texts(text.encode("utf-8", "surrogatepass")) if within else (text,)
    return tuple(found)


@lru_cache(maxsize=20_000)
def _places(data: bytes) -> tuple[tuple[Node, str, bool], ...]:
    """Where texts of a length that matters stand, what they are, and whether JSON is in them."""
    found = []
    value = parse(data)
    error = value.get("error") if value.kind == "{" else None
    for name, node in strings(value, _is_name):
        if error is not None and error.start <= node.start < error.stop:
            continue  # the server's own words
        if node.stop - node.start <= LEAST:
            continue
        text = text_at(data, node)
        within = name in _JSON_WITHIN and _is_json(text)
        if within or len(text) > LEAST:
            found.append((node, text, within))
    return tuple(found)


def _is_name(member: str) -> bool:
    """True for members whose text is no prose: it names something."""
    return member in _NAMES or bool(_NAME.search(member))


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        parse(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return False
    return True
