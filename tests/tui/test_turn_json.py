"""JSON as a tree: whatever was sent can be read, however big, broken or hostile it is."""

import json
import time
from itertools import islice
from random import Random

import orjson
import pytest
from rich.cells import cell_len

from kimitap.tui.app import Kimitap
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.bodies import reply_made, request_made
from kimitap.tui.turn.json_entries import JsonEntry, json_entries
from kimitap.tui.turn.json_values import Members, Number, parse, parse_text, pretty, preview
from kimitap.tui.widgets.entry import find, walk
from kimitap.tui.widgets.outline import Outline
from kimitap.visible import visible
from tests.support.pages import here, lines, outline, press, text, title
from tests.support.still import Still, exchange
from tests.support.threads import lost_turn


def sent(body: bytes, response: bytes = b"{}") -> Kimitap:
    source = Still(*lost_turn())
    source.exchanges[5] = exchange(5, body, response)
    return Kimitap(source)


def test_a_key_that_stands_twice_is_there_twice_and_numbers_are_as_written() -> None:
    parsed = parse(b'{"a": 1.50, "a": 1e999, "b": 123456789012345678901234567890}')
    assert parsed.value == Members((("a", "1.50"), ("a", "1e999"), ("b", "1234567890" * 3)))
    assert isinstance(parsed.value, Members)
    assert all(isinstance(value, Number) for _, value in parsed.value)
    assert pretty(parsed.value).count('"a"') == 2


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"a": 1', "the text ends too early"),
        (b"<html>", "line 1, column 1"),
        (b'{"a": 1} x', "extra data at line 1, column 10, behind '{\"a\": 1} '"),
        (b"[" * 200_000, "nested too deep"),
        (b"", "empty"),
    ],
)
def test_what_is_no_json_says_why(body: bytes, fault: str) -> None:
    assert fault in parse(body).fault


def test_bytes_that_are_no_utf8_and_a_mark_at_the_beginning_are_told() -> None:
    assert parse(b'{"a": "\xff"}').unusual == "not UTF-8 at byte 7"
    assert parse(b"\xef\xbb\xbf[1]") == parse_text("[1]")._replace(
        unusual="a byte order mark at the beginning"
    )


def test_what_is_written_again_is_the_same_value() -> None:
    value = {"a": [1, 2.5, None, True, {}, []], 'b"\n': {"c": "ü\u2028", "d": [[[]]]}}
    assert orjson.loads(pretty(parse(orjson.dumps(value)).value)) == value


def test_a_value_of_any_depth_is_written() -> None:
    deep = parse_text("[" * 900 + "]" * 900)
    assert not deep.fault
    assert pretty(deep.value).count("[") == 900


def test_a_preview_is_one_line_of_about_the_length_asked_for() -> None:
    value = parse_text(
        '{"role": "user", "content": "%s", "n": [1, {"x": {"y": 1}}]}' % ("a\\n" * 999)
    )
    shown = preview(value.value, 80)
    assert shown.startswith('{role: "user", content: "a\\na')
    assert "\n" not in shown
    assert len(shown) < 160
    deep = parse_text('[1, {"x": {"y": {"z": [[1]]}}}]').value
    assert preview(deep, 80) == "[1, {x: {y: {z: […]}}}]"


def test_a_short_string_is_found_at_its_line_and_a_long_one_in_its_text() -> None:
    import re

    roots = json_entries(parse_text('{"a": "needle", "b": "%s needle"}' % ("x" * 100)).value)
    assert [tuple(hit) for hit in find(roots, re.compile("needle"))] == [((0,), -1), ((1,), 101)]


@pytest.mark.parametrize("width", [1, 10, 40])
def test_a_line_of_wide_characters_is_no_wider_than_asked(width: int) -> None:
    entry = JsonEntry("schlüssel", "漢字" * 2000)
    shown = "".join(segment.text for segment in entry.head(opened=False, width=width))
    assert cell_len(shown) < width + 90


def test_an_empty_container_holds_nothing() -> None:
    """Else a walk over all that is folded would never end."""
    for body in ('{"a": {}, "b": [], "c": "[]"}', "{}", "[]", '[[[]], {"x": {"y": {}}}]'):
        walked = list(islice(walk(json_entries(parse_text(body).value)), 100))
        assert len(walked) < 100


async def test_the_request_is_a_tree_with_each_message_on_its_line() -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 1, "x": null}'
    app = sent(body)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2")
        assert lines(app) == [
            '  model: "m"',
            "▾ messages: 1 element",
            '  ▸ 0  {role: "user", content: "hi"}',
            "  n: 1",
            "  x: null",
        ]
        await press(app, pilot, "right_curly_bracket", "right_curly_bracket", "enter")
        assert lines(app)[2:5] == ["  ▾ 0  2 members", '      role: "user"', '      content: "hi"']
        await press(app, pilot, "l", "h", "h")
        assert here(app) == '▸ 0  {role: "user", content: "hi"}'


async def test_plus_and_minus_fold_by_levels() -> None:
    app = sent(b'{"a": {"b": {"c": [1]}}, "d": {"e": [2]}}')
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2")
        counts = [outline(app).count]
        for key in ("plus", "plus", "minus", "minus", "minus", "minus"):
            await press(app, pilot, key)
            counts.append(outline(app).count)
        assert counts == [4, 6, 7, 6, 4, 2, 2]
        assert [n.message for n in app._notifications] == ["There is nothing more to fold."]


async def test_a_string_that_is_json_unfolds_to_what_it_holds() -> None:
    app = sent(orjson.dumps({"arguments": '{"path": "a.txt", "lines": [1, 2]}'}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2", "enter")
        assert lines(app)[1:] == ['    path: "a.txt"', "  ▸ lines: [2] [1, 2]"]


async def test_a_long_string_unfolds_in_place_with_its_lines() -> None:
    app = sent(orjson.dumps({"content": "first line\n\tsecond " + "word " * 40, "z": 1}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2")
        assert lines(app)[0].startswith('▸ content: "first line\\n\\tsecond word')
        assert lines(app)[0].endswith("219 chars")
        await press(app, pilot, "enter")
        shown = lines(app)
        assert shown[1] == "  │ first line"
        assert shown[2].startswith("  │     second word")
        assert len(shown) == 6
        await press(app, pilot, "j", "j", "enter")
        assert here(app).startswith("▸ content")


async def test_what_is_no_json_is_shown_as_it_is_below_the_fault() -> None:
    app = sent(b'{"a": \xff}')
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2")
        assert lines(app)[0].startswith("! no JSON: expecting value at line 1, column 7")
        assert lines(app)[1].strip() == '{"a": \\xff}'


async def test_t_shows_the_exact_text_and_the_tree_again() -> None:
    app = sent(b'{"a":   [1,\n2.50]}')
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2", "u")
        assert [line.strip() for line in lines(app)] == ['{"a":   [1,', "2.50]}"]
        assert text(app).id == "request-text"
        assert "18 bytes" in title(app)
        await press(app, pilot, "u")
        assert outline(app).id == "request"


STREAM = b"".join(
    b"data: %s\n\n" % data
    for data in (
        b'{"choices":[{"delta":{"role":"assistant","content":"Hel"}}]}',
        b'{"choices":[{"delta":{"content":"lo"}}]}',
        b'{"choices":[{"delta":{},"finish_reason":"stop"}]}',
        b"[DONE]",
    )
)


async def test_of_a_stream_the_reply_is_put_together_above_its_events() -> None:
    app = sent(b"{}", STREAM)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "3")
        shown = lines(app)
        assert shown[0] == "▾ ── the reply, put together ──"
        at = shown.index("▾ ── 4 events ──")
        assert '    role: "assistant"' in shown[:at]
        assert shown[at + 1].split()[:2] == ["▸", "+0.100s"]
        assert shown[at + 4].endswith("[DONE]")
        await press(app, pilot, *["right_curly_bracket"] * 4)
        while "── 4 events" not in here(app):
            await press(app, pilot, "right_curly_bracket")
        await press(app, pilot, "j", "enter", "j", "enter", "j")
        assert here(app).startswith('▸ 0  {delta: {role: "assistant", content: "Hel"}}')


async def test_a_silence_between_events_is_marked() -> None:
    source = Still(*lost_turn())
    made = exchange(5, b"{}", STREAM, (100, len(STREAM) - 100))
    late = tuple(s._replace(at_s=s.at_s + 6.2 * i) for i, s in enumerate(made.segments))
    source.exchanges[5] = made.__class__(**{**made.__dict__, "segments": late, "ended_at": None})
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "3")
        assert any("! 6.3 s silent" in line for line in lines(app))
        await press(app, pilot, "4")
        assert any("! 6.3 s silent" in line for line in lines(app))
        await press(app, pilot, "7")
        assert any("! 6.3 s silent, from +0.100 s" in line for line in lines(app))


def big() -> bytes:
    """A body of 2 MB with 800 messages, and a string of a megabyte."""
    messages = [
        {
            "role": "assistant",
            "content": "words and more words " * 60,
            "tool_calls": [
                {
                    "id": f"c{i}",
                    "function": {"name": "f", "arguments": '{"path": "a", "n": [1, 2]}'},
                }
            ],
        }
        for i in range(800)
    ]
    return orjson.dumps({"messages": messages, "data": "x" * 1_000_000})


def unfold_level(pane: Outline) -> None:
    turned = pane.level(1)
    assert pane.prepare(turned)
    pane.turn_level(turned)


async def test_a_big_body_costs_the_screen_little() -> None:
    app = sent(big())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2")
        pane = outline(app)
        assert pane.count == 802
        entries, costs = pane.roots, []
        for act in (
            lambda: pane.show_entries(entries),
            lambda: unfold_level(pane),
            lambda: unfold_level(pane),
            lambda: pane.action_end(1),
            pane.toggle,
            pane.toggle,
        ):
            began = time.process_time()
            act()
            costs.append(time.process_time() - began)
        assert pane.count > 4000
        assert max(costs) < 0.5, costs


async def test_unfolding_one_entry_lays_out_what_laying_out_all_would() -> None:
    rng = Random(1)
    app = sent(orjson.dumps(_nested(rng, 4)))
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2")
        pane = outline(app)
        for _ in range(200):
            pane.cursor = rng.randrange(pane.count)
            pane.toggle()
            cursor, shown = pane.cursor, lines(app)
            pane._lay_out()
            assert lines(app) == shown
            assert pane.cursor == cursor


def _nested(rng: Random, depth: int) -> object:
    if not depth:
        return rng.choice([1, None, "x", "long " * 30, "a\nb\nc", '{"in": [1, "y"]}'])
    items = [_nested(rng, depth - 1) for _ in range(rng.randrange(1, 5))]
    return items if rng.random() < 0.5 else {f"k{i}": item for i, item in enumerate(items)}


async def test_very_many_events_are_shown_by_the_thousand() -> None:
    app = sent(b"{}", b'data: {"n":1}\n\n' * 20_500)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "3")
        heads = [line.strip() for line in lines(app) if " to " in line]
        assert heads[0] == "▾ 1 to 1,000"
        assert heads[-1] == "▸ 20,001 to 20,500"
        assert any("── 20,500 events ──" in line for line in lines(app))


def _hostile(rng: Random) -> str:
    return "".join(rng.choice('{}[]":,\\ \n\tab1\x1b\x07\u202e\x9b漢') for _ in range(60))


@pytest.mark.parametrize("seed", range(100))
def test_any_body_makes_entries_and_nothing_in_them_acts(seed: int) -> None:
    text = _hostile(Random(seed))
    value = {text: [text, 1.5, None, {"a": text}], "b": json.dumps({text: text})}
    for body in (text.encode(), json.dumps(value).encode()):
        made = [request_made(exchange(1, body, body)), reply_made(exchange(1, body, body), None)]
        for _, entry in walk([*made[0].entries, *made[1].entries]):
            shown = [*entry.head(opened=True, width=30), *entry.head(opened=False, width=30)]
            texts = [entry.body(), entry.copied().text, entry.sought()[0]]
            texts += [segment.text for segment in shown]
            assert all(visible(text) == text for text in texts)
            assert not any("\n" in segment.text for segment in shown)
        assert all(visible(one.text()) == one.text() for one in made)
