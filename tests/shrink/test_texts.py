"""Texts are shortened, equal ones to equal ones."""

from dataclasses import replace
from typing import Any

import orjson

from kimitap.dialects import decode
from kimitap.exchange import Body, Exchange, Segment
from kimitap.shrink.draft import Draft
from kimitap.shrink.texts import _cut, shortened, texts_of
from tests.support import chat

LONG = "The owner of the ledger is Ada, and it has three rows of numbers in it.\n" * 3
CALL = chat.call("write_file", {"path": "notes.txt", "content": LONG}, "call_1")
ASKED = chat.assistant("I write it. " * 9, CALL, reasoning_content=LONG)


def answered(*messages: dict[str, Any], **fields: Any) -> Exchange:
    return chat.exchange(1, chat.request(*messages, **fields), chat.choice(ASKED))


def all_short(exchange: Exchange) -> Exchange:
    drafts = (Draft(exchange),)
    (made,) = shortened(drafts, _cut(texts_of(drafts), 24))
    return made.exchange


def test_a_reply_and_its_echo_stay_equal_whatever_the_spelling() -> None:
    spaced = {
        **CALL,
        "function": {
            **CALL["function"],
            "arguments": orjson.dumps(
                {"content": LONG, "path": "notes.txt"}, option=orjson.OPT_INDENT_2
            ).decode(),
        },
    }
    exchange = answered(chat.user("Go."), chat.assistant("I write it. " * 9, spaced))
    turn = decode(all_short(exchange))
    assert turn is not None
    assert turn.messages[1].text == turn.reply.message.text == "I write it. I wr … ite it. "
    (sent,), (made,) = turn.messages[1].tool_calls, turn.reply.message.tool_calls
    assert sent.stands_for == made.stands_for
    assert orjson.loads(made.arguments) == {
        "path": "notes.txt",
        "content": "The owner of the …  in it.\n",
    }
    assert turn.reply.message.reasoning == "The owner of the …  in it.\n"


def test_texts_that_differ_stay_different() -> None:
    one, other = LONG + "x" * 40, LONG + "y" + "x" * 40
    turn = decode(all_short(answered(chat.system(one), chat.user(other))))
    assert turn is not None
    assert turn.messages[0].text != turn.messages[1].text
    assert max(len(message.text) for message in turn.messages) < 40


def test_names_ids_and_short_texts_stay() -> None:
    long_id = "call_" + "0123456789abcdef" * 4
    tool = chat.tool("a_tool_with_quite_a_long_name_that_is_called_by_it", path={"type": "string"})
    call = chat.call(tool["function"]["name"], {"path": "x"}, long_id)
    exchange = answered(
        chat.user("Go."), chat.assistant(None, call), chat.result("ok", long_id), tools=[tool]
    )
    made = all_short(exchange)
    assert made.request.content == exchange.request.content


def test_an_image_stays_data_and_becomes_small() -> None:
    data = "data:image/png;base64," + "iVBORw0KGgo" * 400
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": data}}]}
    part = {"role": "user", "content": [{"type": "image", "source": {"data": data[22:]}}]}
    made = all_short(answered(picture, part))
    (_, second) = orjson.loads(made.request.content)["messages"]
    assert len(second["content"][0]["source"]["data"]) < 40
    assert len(second["content"][0]["source"]["data"]) % 4 == 0


def test_arguments_that_are_no_json_are_a_text_like_any_other() -> None:
    call = chat.call("write_file", '{"content": "' + LONG[:60], "call_1")
    turn = decode(all_short(answered(chat.user("Go."), chat.assistant(None, call))))
    assert turn is not None
    assert len(turn.messages[1].tool_calls[0].arguments) < 40


def test_lone_surrogates_and_escapes_survive() -> None:
    text = (
        b'{"model":"m","messages":[{"role":"user","content":"\\ud83d caf\\u00e9 '
        + b"w " * 60
        + b'"}]}'
    )
    exchange = replace(answered(), request=Body.whole(text))
    made = all_short(exchange).request.content
    assert b"\\ud83d caf\\u00e9" in made
    assert len(made) < 120


def test_the_prompt_of_a_completion_is_shortened() -> None:
    sent = chat.body({"prompt": LONG, "n_predict": 8})
    reply = orjson.dumps({"content": LONG, "stop": True, "stop_type": "eos"})
    exchange = replace(
        chat.exchange(1, {}, None, path="/completion"),
        request=sent,
        response=reply,
        segments=(Segment(0.1, len(reply)),),
    )
    turn = decode(all_short(exchange))
    assert turn is not None
    assert turn.messages[0].text == turn.reply.message.text == "The owner of the …  in it.\n"
