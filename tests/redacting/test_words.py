"""At the level of text no word that anybody wrote is left, and all structure is."""

import re
from dataclasses import replace

import orjson
import pytest

from kimitap.dialects import decode
from kimitap.exchange import Body, Exchange
from kimitap.redacting import Level, redacted
from kimitap.redacting.words import Placeholders, replaced
from tests.support import wire

WORD = re.compile(r"[^\W\d_]{4,}")
PROSE = {
    "system": "Behave carefully around Zürich, naïve penguins and CamelCasedThings.",
    "user": "Please summarise quarterly revenue of Blåhaj GmbH: 4,711 euros (Прибыль выросла).",
    "description": "Fetches payroll records for employees",
    "result": '{"salary": 51234, "holder": "Annegret Schönfeld", "notes": ["fired yesterday"]}',
    "prompt": "<|im_system|>system<|im_middle|>Whisper gently<|im_end|>",
    "error": "cannot render 'Grünkohl harvest' of the field",
    "escaped": "tab\\tseparated\\u0020caf\\u00e9 crème",
}


def request() -> Exchange:
    call = {"id": "call_1", "type": "function"}
    call |= {"function": {"name": "pay_roll", "arguments": '{"employee":"Annegret","year":2024}'}}
    schema = {"type": "object", "properties": {"employee": {"type": "string"}}}
    tool = {"name": "pay_roll", "description": PROSE["description"], "parameters": schema}
    body = {
        "model": "kimi-k2",
        "messages": [
            {"role": "system", "content": PROSE["system"]},
            {"role": "user", "content": [{"type": "text", "text": PROSE["user"]}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": PROSE["result"]},
            {"role": "user", "content": PROSE["escaped"]},
        ],
        "tools": [{"type": "function", "function": tool}],
        "prompt": PROSE["prompt"],
    }
    response = {"error": {"message": PROSE["error"], "type": "server_error", "code": 500}}
    exchange = wire.load("chat_nonstream")
    return replace(
        exchange, request=Body.whole(orjson.dumps(body)), response=orjson.dumps(response)
    )


def words_left(exchange: Exchange) -> set[str]:
    text = (exchange.request.content + exchange.response).decode()
    return {word.lower() for word in WORD.findall(text)}


def test_no_word_that_anybody_wrote_is_left() -> None:
    ((out, _),) = redacted([request()], Level.TEXT)
    said = " ".join(text for name, text in PROSE.items() if name not in ("prompt", "error"))
    wrote = {word.lower() for word in WORD.findall(said)}
    wrote |= {"whisper", "gently", "grünkohl", "harvest", "annegret", "café", "camelcasedthings"}
    wrote -= {"salary", "holder", "notes"} - words_left(out)
    assert len(wrote) > 30
    assert not wrote & words_left(out)


def test_names_roles_and_numbers_are_left() -> None:
    ((out, _),) = redacted([request()], Level.TEXT)
    body = orjson.loads(out.request.content)
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "tool", "user"]
    arguments = orjson.loads(body["messages"][2]["tool_calls"][0]["function"]["arguments"])
    assert (list(arguments), arguments["year"]) == (["employee", "year"], 2024)
    assert body["messages"][3]["tool_call_id"] == "call_1"
    assert body["tools"][0]["function"]["name"] == "pay_roll"
    assert body["tools"][0]["function"]["parameters"]["properties"] == {
        "employee": {"type": "string"}
    }
    assert body["prompt"].startswith("<|im_system|>")


def test_placeholders_are_as_long_as_what_they_stand_for() -> None:
    exchange = request()
    ((out, _),) = redacted([exchange], Level.TEXT)
    before, after = (orjson.loads(e.request.content)["messages"] for e in (exchange, out))
    for old, new in zip(before, after, strict=True):
        old_text, new_text = str(old["content"]), str(new["content"])
        if "u00e9" not in old_text:
            assert len(old_text) == len(new_text)
    assert len(exchange.response.decode()) == len(out.response.decode())


def test_equal_texts_stay_equal_and_others_differ() -> None:
    made = Placeholders()
    texts = ["a b c", "a b d", "A b c", "word", "ward", "Word", "12", "13", "112", "é", "è", "aé"]
    new = [replaced(text, (), made) for text in texts]
    assert len(set(new)) == len(texts)
    assert [replaced(text, (), made) for text in texts] == new


def test_a_part_of_a_text_is_still_found_in_it() -> None:
    made = Placeholders()
    whole, part = "I read the file. I read it twice.", "I read it"
    assert replaced(part, (), made) in replaced(whole, (), made)


def test_no_placeholder_is_a_word_of_four_letters_with_a_vowel() -> None:
    made = Placeholders()
    for size in (4, 5, 9):
        for number in range(500):
            word = f"{number:0{size}d}".translate(str.maketrans("0123456789", "abcdefghij"))
            assert not set(made.of(word)) & set("aeiouy")


@pytest.mark.parametrize("folder", [wire.MAINLINE, wire.IK])
def test_every_recorded_turn_keeps_its_structure(folder: object) -> None:
    exchanges = [wire.load(name, folder) for name in wire.names(folder)]  # type: ignore[arg-type]
    outs = [out for out, _ in redacted(exchanges, Level.TEXT)]
    for before, after in zip(map(decode, exchanges), map(decode, outs), strict=True):
        assert (before is None) == (after is None)
        if before is None or after is None:
            continue
        assert [m.role for m in before.messages] == [m.role for m in after.messages]
        assert [t.name for t in before.tools] == [t.name for t in after.tools]
        for old, new in zip(
            (*before.messages, before.reply.message),
            (*after.messages, after.reply.message),
            strict=True,
        ):
            assert [type(p) for p in old.parts] == [type(p) for p in new.parts]
            assert [(c.name, c.id) for c in old.tool_calls] == [
                (c.name, c.id) for c in new.tool_calls
            ]
            assert [r.call_id for r in old.tool_results] == [r.call_id for r in new.tool_results]
        assert before.reply.finish_reason == after.reply.finish_reason
        assert before.faults == after.faults


def test_the_marks_of_models_and_agents_are_left_and_what_they_hold_is_not() -> None:
    text = (
        "<think>Ponder this</think><|tool_call_begin|>functions.pay_roll:0"
        "<environment_details>Visible files</environment_details><|secret plan|><function=hidden>"
    )
    body = orjson.loads(request().request.content) | {"extra": [text]}
    exchange = replace(request(), request=Body.whole(orjson.dumps(body)))
    ((out, _),) = redacted([exchange], Level.TEXT)
    (new,) = orjson.loads(out.request.content)["extra"]
    for mark in ("<think>", "</think>", "<|tool_call_begin|>functions.pay_roll:0", "<function="):
        assert mark in new
    assert new.count("environment_details") == 2
    for word in ("Ponder", "Visible", "secret", "plan", "hidden"):
        assert word not in new


def test_a_tool_without_a_name_is_no_word_to_be_found_for_ever() -> None:
    body = {"tools": [{"type": "function", "function": {"name": ""}}], "prompt": "Whisper gently"}
    exchange = replace(request(), request=Body.whole(orjson.dumps(body)))
    ((out, _),) = redacted([exchange], Level.TEXT)
    assert b"gently" not in out.request.content
