"""Kimitap's own JSON lines: what goes out comes in again, and nothing else does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.exchange import Exchange, Outcome
from kimitap.interchange.incoming import jsonl as incoming
from kimitap.interchange.incoming.record import LeftOut
from kimitap.interchange.outgoing.jsonl import line, lines
from tests.support.captured import every_kind, told

KEY = b"a key for tests"


def read(path: Path) -> list[Exchange | LeftOut]:
    return list(incoming.read(path, KEY))


def test_every_exchange_comes_back_as_it_was(tmp_path: Path) -> None:
    before = every_kind()
    path = tmp_path / "x.jsonl"
    path.write_text("".join(lines(before)), encoding="utf-8")
    after = read(path)
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        assert isinstance(other, Exchange)
        assert told(other) == told(one)


def test_each_line_is_one_exchange_in_json() -> None:
    written = list(lines(every_kind()))
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in written)
    assert [json.loads(text)["number"] for text in written] == list(range(1, len(written) + 1))


def test_an_exchange_without_an_origin_gets_one_that_stays(tmp_path: Path) -> None:
    one, other = (replace(exchange, origin="") for exchange in every_kind()[:2])
    assert line(one)["origin"] == line(replace(one, number=99))["origin"]
    assert line(one)["origin"] != line(other)["origin"]


def test_what_was_in_flight_has_no_more_to_come(tmp_path: Path) -> None:
    value = json.loads(next(iter(lines(every_kind()[:1]))))
    value |= {"outcome": "in flight", "ended_at": None}
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(value))
    (one,) = read(path)
    assert isinstance(one, Exchange) and one.outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kimitap": 2}, "update Kimitap"),
        ({"kimitap": "1"}, "no line of this Kimitap's"),
        ({"kind": "turn"}, "it is a turn"),
        ({"started_at": "yesterday"}, "its started_at is no time"),
        ({"started_at": "0001-01-01T00:00:00+00:00"}, "its started_at is no time"),
        ({"response": {"base64": "%"}}, "said to be base64"),
        ({"status": 5}, "its status is 5"),
    ],
)
def test_a_line_of_another_kind_is_left_out(
    tmp_path: Path, change: dict[str, object], why: str
) -> None:
    good = next(iter(lines(every_kind()[:1])))
    path = tmp_path / "x.jsonl"
    path.write_text(f"{json.dumps(json.loads(good) | change)}\n\n{good}")
    out, one = read(path)
    assert isinstance(out, LeftOut) and out.where == "line 1" and why in out.why
    assert isinstance(one, Exchange)


def test_segments_that_do_not_fit_the_body_become_one(tmp_path: Path) -> None:
    value = json.loads(list(lines(every_kind()))[1])
    path = tmp_path / "x.jsonl"
    size = len(value["response"]["text"].encode())
    for wrong in (
        [[0.5, 1]],
        [[0.5, -3], [0.6, size]],
        [["a", size]],
        [[2.0, 10], [1.0, size - 10]],
    ):
        path.write_text(json.dumps(value | {"segments": wrong}))
        (one,) = read(path)
        assert isinstance(one, Exchange)
        assert [segment.length for segment in one.segments] == [size]
