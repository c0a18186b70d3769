"""Ways to break a body, each drawn from a seeded random source.

Bytes are flipped, cut, doubled, swapped and spliced; JSON is parsed, changed somewhere and written
again, with keys twice, other types, absurd numbers, half surrogates and deep nesting; the events of
a stream are dropped, repeated and reordered.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Change = Callable[[bytes, Random, Sequence[bytes]], bytes]
"""The body, the source of chance, and other bodies to take parts from."""


class Pairs(list[tuple[Any, Any]]):
    """A JSON object as it is written: keys may stand in it twice."""


class Written(bytes):
    """JSON, or what is none, that is written as it is."""


TOKENS = [
    *(b'{ } [ ] , : " \\ null true false NaN Infinity -1e999 1e-999 0 -0.0 1.5'.split()),
    b"9" * 30,
    b"9" * 400,
    b"1e" + b"9" * 20,
    b"18446744073709551616",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\r",
    b"\n\n",
    b"\r\n\r\n",
    b"data: ",
    b"event: error\n",
    b"data: [DONE]\n\n",
    b"error: no\n\n",
    b": ping\n\n",
    rb'"\ud83d"',
    rb'"\udc00\ud800"',
    rb'"\u0000"',
    "“\u202e\u2028é".encode(),
]
_NAMES = (
    "role content tool_calls function name arguments id index type text image_url url user input "
    "assistant tool system reasoning_content reasoning reasoning_details delta message choices "
    "finish_reason error usage timings prompt_n cache_n model messages tools functions stop output "
    "output_index item_id item call_id summary encrypted_content function_call reasoning_text item "
    "function_call_output custom_tool_call local_shell_call output_text refusal action instructions"
    " response status incomplete_details content_index summary_index namespace additional_tools "
    "tool_use tool_result tool_use_id thinking signature input_json_delta content_block is_error "
    "stop_reason prompt stop_type truncated tokens_evaluated content_block_delta partial_json "
    "response.output_text.delta response.output_item.done response.completed message_delta"
)
WORDS = _NAMES.split()
SURE = [*range(-2, 4), 2**31, 2**63, -(2**63), 10**30, 1e308, 0.1, True, False, None, "", [], {}]


def _place(data: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    length = chance.choice((0, 1, 1, 2, 8, 40, 400))
    return start, min(len(data), start + length)


def flip(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def take_out(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    start, stop = _place(data, chance)
    return data[:start] + data[stop:]


def cut(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def double(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    start, stop = _place(data, chance)
    return data[:stop] + data[start:]


def swap(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    (a, b), (c, d) = sorted((_place(data, chance), _place(data, chance)))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def put_in(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    start, stop = _place(data, chance)
    return data[:start] + chance.choice(TOKENS) + data[chance.choice((start, stop)) :]


def splice(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    start, stop = _place(other, chance)
    at = chance.randint(0, len(data))
    return data[:at] + other[start:stop] + data[at:]


def nest(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    depth = chance.choice((50, 300, 900, 1100, 20_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"text":', b"}"), (b'{"content":[', b"]}")))
    closed = closing * depth if chance.random() < 0.8 else b""
    return data[:at] + opening * depth + b"1" + closed + data[at:]


def head(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    return chance.choice((b"\xef\xbb\xbf", b" \n", b"\xff\xfe", b"data: ", b"[", b"")) + data


def other_line_ends(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    return data.replace(b"\n", chance.choice((b"\r", b"\r\n", b"\n\r")))


def change_json(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """One value of the JSON changed; of a stream, in one of its events."""
    lines = data.split(b"\n")
    told = [i for i, line in enumerate(lines) if line.startswith(b"data: {")]
    if not told:
        return _changed(data, chance)
    at = chance.choice(told)
    lines[at] = b"data: " + _changed(lines[at][6:], chance)
    return b"\n".join(lines)


def change_events(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """Events of a stream dropped, repeated, moved, or those of another stream put between."""
    events = data.split(b"\n\n")
    at = chance.randrange(len(events))
    match chance.randrange(4):
        case 0:
            del events[at]
        case 1:
            events.insert(at, events[at])
        case 2:
            events.insert(chance.randrange(len(events)), events.pop(at))
        case _:
            events.insert(at, chance.choice(chance.choice(others).split(b"\n\n")))
    return b"\n\n".join(events)


CHANGES: tuple[tuple[Change, int], ...] = (
    (flip, 3),
    (take_out, 3),
    (cut, 2),
    (double, 2),
    (swap, 2),
    (put_in, 4),
    (splice, 2),
    (nest, 1),
    (head, 1),
    (other_line_ends, 1),
    (change_json, 14),
    (change_events, 6),
)


def changed(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """`data` with one to four changes."""
    ways, weights = zip(*CHANGES, strict=True)
    for way in chance.choices(ways, weights, k=chance.choice((1, 1, 1, 2, 2, 3, 4))):
        data = way(data, chance, others)
    return data


def _changed(data: bytes, chance: Random) -> bytes:
    try:
        value = json.loads(data, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return data
    holders = [holder for holder in _holders(value) if holder]
    if not holders:
        return write(_any(chance))
    holder = chance.choice(holders)
    at = chance.randrange(len(holder))
    if isinstance(holder, Pairs):
        _change_member(holder, at, chance)
    else:
        _change_element(holder, at, chance)
    try:
        return write(value)
    except RecursionError:
        return data


def _holders(value: Any) -> list[Any]:
    """All objects and lists in a value, itself included."""
    found, rest = [], [value]
    while rest:
        one = rest.pop()
        if isinstance(one, Pairs):
            found.append(one)
            rest += [inner for _, inner in one]
        elif isinstance(one, list):
            found.append(one)
            rest += one
    return found


def _change_member(holder: Pairs, at: int, chance: Random) -> None:
    key, value = holder[at]
    match chance.randrange(6):
        case 0:
            del holder[at]
        case 1:
            holder.insert(chance.randint(0, len(holder)), (key, _any(chance)))
        case 2:
            holder[at] = chance.choice(WORDS), value
        case 3:
            holder.append((chance.choice(WORDS), _any(chance)))
        case _:
            holder[at] = key, _other(value, chance)


def _change_element(holder: list[Any], at: int, chance: Random) -> None:
    match chance.randrange(4):
        case 0:
            del holder[at]
        case 1:
            holder.insert(chance.randint(0, len(holder)), holder[at])
        case 2:
            holder.append(_any(chance))
        case _:
            holder[at] = _other(holder[at], chance)


def _other(value: Any, chance: Random) -> Any:
    """A value of another type, or the same in another wrapping."""
    match chance.randrange(6):
        case 0:
            return [value]
        case 1:
            return Pairs([(chance.choice(WORDS), value)])
        case 2 if isinstance(value, str):
            return value[: len(value) // 2] + chance.choice(("\ud83d", "\udc00", "\x00", "\u202e"))
        case 3:
            return json.dumps(value) if not isinstance(value, Pairs | list) else str(value)[:50]
        case _:
            return _any(chance)


def _any(chance: Random, depth: int = 3) -> Any:
    match chance.randrange(8 if depth else 5):
        case 0:
            return Written(chance.choice(TOKENS))
        case 1 | 2:
            return chance.choice(SURE)
        case 3 | 4:
            return chance.choice(WORDS)
        case 5 | 6:
            names = chance.choices(WORDS, k=chance.randrange(4))
            return Pairs((name, _any(chance, depth - 1)) for name in names)
        case _:
            return [_any(chance, depth - 1) for _ in range(chance.randrange(4))]


def write(value: Any) -> bytes:
    """The value as JSON, where it is one."""
    match value:
        case Written():
            return bytes(value)
        case Pairs():
            members = (write(key) + b":" + write(inner) for key, inner in value)
            return b"{" + b",".join(members) + b"}"
        case list():
            return b"[" + b",".join(map(write, value)) + b"]"
        case dict():
            return write(Pairs(value.items()))
        case _:
            return json.dumps(value).encode()
