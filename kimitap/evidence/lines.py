"""Exchanges as lines of JSON, for programs: one line an exchange."""

import orjson

from kimitap.exchange import Exchange
from kimitap.interchange.bodies import json_text, written
from kimitap.interchange.outgoing import jsonl


def line(exchange: Exchange) -> bytes:
    """One exchange as a line of JSON, its line feed included, as `kimitap import` reads it.

    A body stands there as `text`, or as `base64` where it is no UTF-8; one that is JSON also as
    `json`, numbers and repeated keys as they were written.
    """
    told = jsonl.line(exchange)
    read = {"request": exchange.request.content, "response": exchange.response}
    laid_out = {side: {**written(body), **_json(body)} for side, body in read.items()}
    try:
        return orjson.dumps(told | laid_out, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # half of a surrogate pair in a header
        return f"{json_text(told)}\n".encode()


def _json(body: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    # A line feed would end the line.
    return {"json": value if b"\n" in body or b"\r" in body else orjson.Fragment(body)}
