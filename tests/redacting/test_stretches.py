"""A cut request is redacted as the same bytes uncut are, and what was sent before is read once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.dialects import Memo, decode
from kimitap.exchange import Body, Elements, Exchange, Headers, Piece, digest
from kimitap.redact.scan import Leaf, scan
from kimitap.redacting import Level, redacted, requests, stretches
from kimitap.redacting.stretches import Stretches
from kimitap.store import Recording
from kimitap.store.cut import Familiar, cut
from tests.support import chat, corpus, wire

BASE = wire.load("chat_stream")
KEY = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"
SESSIONS = sorted((Path(__file__).parents[2] / "sessions").glob("*.db"))
LEVELS = [Level.SECRETS, Level.TEXT]
CAPTURES = [("claude", "subagent"), ("openai-agents-resp", "clean"), ("qwen", "kimi")]
JSON: Headers = (("Content-Type", "application/json"),)


def cut_again(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges with bodies as a recording has them."""
    familiar = Familiar()
    return [replace(one, request=cut(one.request.content, familiar)) for one in exchanges]


def uncut(exchanges: Sequence[Exchange]) -> list[Exchange]:
    return [replace(one, request=Body.whole(one.request.content)) for one in exchanges]


def assert_as_uncut(
    exchanges: Sequence[Exchange], level: Level, also: Sequence[str] = ()
) -> list[Exchange]:
    """The redacted exchanges: the same bytes, headers and `Masked` as where nothing is cut."""
    outs = list(redacted(exchanges, level, also=also))
    expected = list(redacted(uncut(exchanges), level, also=also))
    assert [masked for _, masked in outs] == [masked for _, masked in expected]
    for (out, _), (whole, _) in zip(outs, expected, strict=True):
        assert out.request.content == whole.request.content
        assert replace(out, request=Body()) == replace(whole, request=Body())
    return [out for out, _ in outs]


def asking(*bodies: Body) -> list[Exchange]:
    return [replace(BASE, number=i, request=body) for i, body in enumerate(bodies, 1)]


def by_hand(*parts: bytes | Sequence[bytes]) -> Body:
    """A body of glue and, in lists, elements of arrays called `messages`, right or wrong."""
    pieces: list[Piece] = []
    runs: list[Elements] = []
    for part in parts:
        some = [part] if isinstance(part, bytes) else part
        if not isinstance(part, bytes):
            runs.append(Elements("messages", len(pieces), len(pieces) + len(some)))
        pieces += [Piece(digest(data), data) for data in some]
    return Body(tuple(pieces), tuple(runs))


@pytest.mark.parametrize("also", [(), ("the", "content")], ids=["", "also"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("folder", [wire.MAINLINE, wire.IK], ids=lambda folder: folder.name)
def test_recorded_requests_are_redacted_as_uncut_ones(
    folder: Path, level: Level, also: Sequence[str]
) -> None:
    loaded = [wire.load(name, folder, i) for i, name in enumerate(wire.names(folder), 1)]
    exchanges = cut_again(loaded)
    assert sum(bool(one.request.elements) for one in exchanges) > 50
    assert_as_uncut(exchanges, level, also)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name)
def test_recorded_sessions_are_redacted_as_uncut_ones(path: Path, level: Level) -> None:
    with Recording.open(str(path)) as recording:
        exchanges = list(recording.exchanges())
    assert all(one.request.elements for one in exchanges)
    assert_as_uncut(exchanges, level, ("the",))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_agents_sessions_are_redacted_as_uncut_ones(agent: str, case: str, level: Level) -> None:
    if not corpus.present():
        pytest.skip(corpus.MISSING)
    assert_as_uncut(cut_again(corpus.exchanges(agent, case)), level, ("file",))


# fmt: off
WORDS = st.sampled_from([
    "kim@example.org", KEY, "/home/kim/x", "password='hunter2x'", "hello", "wörld", "\\", '"',
    "\n", " ", "%41", "[e-mail 1]", "7", "{", "hunter2x", "\U0001f600", "[API key 2]",
])
NAMES = st.sampled_from([
    "role", "content", "password", "name", "id", "token", "tokens", "piece", "logprob", "input",
    "kim@example.org", "arguments", "type", "parameters", "error", "index", "bytes",
])
# fmt: on
TEXTS = st.lists(WORDS, max_size=5).map("".join)
VALUES = st.recursive(
    st.none() | st.integers(0, 9999) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=6)
REST = st.dictionaries(NAMES, VALUES, max_size=3)
CHATS = st.tuples(REST, st.sampled_from(["messages", "input", "prompt"]), ELEMENTS, REST, VALUES)
MANY = settings(max_examples=60, deadline=None)


def growing(spelled: tuple[Any, ...]) -> list[Mapping[str, Any]]:
    """Requests of a history that grows by an element; in one its beginning is another one."""
    before, name, elements, behind, other = spelled
    sizes = range(1, len(elements) + 1)
    bodies = [{**before, name: elements[:size], **behind, "model": "m"} for size in sizes]
    return [*bodies, {**behind, name: [{"content": other}, *elements[1:]], "tools": elements}]


@MANY
@given(CHATS, st.sampled_from(LEVELS), st.sampled_from([(), ("hello",)]))
def test_growing_chats_are_redacted_as_uncut_ones(
    spelled: tuple[Any, ...], level: Level, also: Sequence[str]
) -> None:
    bodies = growing(spelled)
    assert_as_uncut(asking(*(cut(orjson.dumps(body)) for body in bodies)), level, also)
    assert_as_uncut(asking(*(chat.body(body) for body in bodies)), level, also)


@settings(max_examples=25, deadline=None)
@given(CHATS, st.sampled_from(LEVELS))
def test_chats_written_over_several_lines_are_redacted_as_uncut_ones(
    spelled: tuple[Any, ...], level: Level
) -> None:
    lines = [orjson.dumps(body, option=orjson.OPT_INDENT_2) for body in growing(spelled)]
    assert_as_uncut(asking(*map(cut, lines)), level)


@settings(max_examples=25, deadline=None)
@given(CHATS, st.sampled_from(LEVELS))
def test_what_was_forgotten_is_redacted_as_before(spelled: tuple[Any, ...], level: Level) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "_REMEMBERED", 1)
        patch.setattr(stretches, "_NOTED", 1)
        patch.setattr(requests, "_REMEMBERED", 1)
        assert_as_uncut(asking(*map(chat.body, growing(spelled))), level)


SAID = f'{{"content":"use {KEY} kim@example.org"}}'.encode()
NUMBERS = [b"%d" % (10**70 + i) for i in range(3)]
HOSTILE = {
    "an error by its type": by_hand(b'{"type":"error","messages":[', [SAID], b"]}"),
    "a type behind": by_hand(b'{"messages":[', [SAID], b'],"type":"error"}'),
    "a token in two parts": by_hand(
        b'{"messages":[', [b'{"token":"kim@exa"}', b',{"token":"mple.org"}'], b"]}"
    ),
    "tokens as numbers": by_hand(
        b'{"a":"kim@example.org","prompt":[', [NUMBERS[0], b"," + NUMBERS[1]], b"]}"
    ),
    "ids beside probabilities": by_hand(
        b'{"messages":[', [SAID, b',{"id":7,"a":1}', b',{"logprob":1}'], b"]}"
    ),
    "two documents": by_hand(b'{"a":1}\n{"messages":[', [SAID], b"]}"),
    "a line for each element": by_hand(b' {"messages":[\n', [SAID, b"\n,\n" + SAID], b"\n]}"),
    "half an element": by_hand(b'{"messages":[', [b'{"content":"kim@exa', b'mple.org"}'], b"]}"),
    "two elements in one": by_hand(b'{"messages":[', [SAID + b"," + SAID, b"," + SAID], b"]}"),
    "a comma too many": by_hand(b'{"messages":[', [b"," + SAID, b"," + SAID], b"]}"),
    "no comma": by_hand(b'{"messages":[', [SAID, SAID], b"]}"),
    "an array that ends and begins": by_hand(
        b'{"messages":[', [SAID, b'],"input":[' + SAID], b"]}"
    ),
    "an array within": by_hand(b'{"a":{"messages":[', [SAID], b"]}}"),
    "an array in an array": by_hand(b'{"messages":[[', [SAID, b"," + SAID], b"]]}"),
    "no array": by_hand(b'{"messages":"', [b"kim@example.org"], b'"}'),
    "no JSON": by_hand(b"{messages:[", [SAID], b"]}"),
    "bytes that are no text": by_hand(
        b'{"messages":[', [SAID, b',{"content":"\xff kim@example.org"}'], b"]}"
    ),
    "mostly NUL": by_hand(b'{"messages":[', [b'{"content":"%b"}' % bytes(99)], b"]}"),
    "another name": by_hand(b'{"m\\u0065ssages":[', [SAID, b"," + SAID], b"]}"),
    "a name that is masked": by_hand(b'{"kim@example.org":[', [SAID, b"," + SAID], b"]}"),
    "runs out of order": Body(chat.body({"a": [{}, {}]}).pieces, (Elements("a", 3, 1),)),
    "runs beyond the end": Body(chat.body({"a": [{}, {}]}).pieces, (Elements("a", 1, 9),)),
    "words as elements": by_hand(
        b'{"input":[', [b'"kim@example.org"', b',"%b"' % SAID[12:20]], b"]}"
    ),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_body_whatever_its_pieces_is_redacted_as_an_uncut_one(body: Body, level: Level) -> None:
    assert_as_uncut(asking(body, chat.body({"messages": [{"content": KEY}]}), body), level)


@pytest.mark.parametrize(
    "headers",
    [
        (("Content-Type", "multipart/form-data; boundary=content"),),
        (("Content-Type", "text/event-stream"),),
        (("Content-Encoding", "gzip"),),
    ],
    ids=["form", "stream", "encoded"],
)
def test_a_body_of_another_kind_is_redacted_as_an_uncut_one(headers: Headers) -> None:
    body = chat.body({"messages": [orjson.loads(SAID)] * 2})
    assert_as_uncut([replace(one, request_headers=headers) for one in asking(body)], Level.TEXT)


def history(turns: int) -> list[Exchange]:
    """As many requests of one chat; every message but the first says something of its own."""
    said = [{"role": "user", "content": f"note {i} of u{i}@example.org"} for i in range(turns)]
    tools = [chat.tool(f"tool_{i}", path={"type": "string"}) for i in range(9)]
    return asking(*(chat.body({"messages": said[: i + 1], "tools": tools}) for i in range(turns)))


def scanned(turns: int, level: Level, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many characters of such requests are read."""
    count = 0

    def counting(text: str) -> list[Leaf] | None:
        nonlocal count
        count += len(text)
        return scan(text)

    monkeypatch.setattr(stretches, "scan", counting)
    for _ in redacted(history(turns), level):
        pass
    return count


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_sent_before_is_read_once(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = scanned(20, level, monkeypatch), scanned(80, level, monkeypatch)
    content = history(80)[-1].request.size
    assert few < many < 2 * content


@pytest.mark.parametrize("level", LEVELS)
def test_a_redacted_history_shares_its_pieces(level: Level) -> None:
    outs = [out.request for out, _ in redacted(history(12), level)]
    assert all(b"example.org" not in body.content for body in outs)
    for before, after in pairwise(outs):
        run = before.elements[0]
        old, new = before.pieces[run.start : run.stop], after.pieces[run.start : run.stop]
        assert all(one is other for one, other in zip(old, new, strict=True))
    for body in outs:
        assert body == chat.body(orjson.loads(body.content))


def test_a_redacted_history_decodes_as_its_bytes_do() -> None:
    for out, _ in redacted(history(5), Level.TEXT):
        whole = replace(out, request=Body.whole(out.request.content))
        assert decode(out, Memo()) == decode(whole, Memo())


def test_what_is_masked_behind_the_last_array_keeps_the_pieces() -> None:
    body = chat.body({"messages": [{"content": "hi"}], "user": "kim@example.org"})
    ((out, _),) = redacted(asking(body))
    assert out.request.elements == body.elements
    assert re.search(rb'"user":"\[e-mail 1\]"', out.request.content)


def test_requests_of_agents_are_read_in_stretches() -> None:
    for body in (chat.body({"model": "m", "messages": [orjson.loads(SAID)]}), cut(SAID)):
        assert bool(Stretches().of(body, JSON)) == bool(body.elements)
