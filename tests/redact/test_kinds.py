"""Each kind of secret is found by the one detector, in texts and in exchanges."""

import base64
import json
import random
import re
import time
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.exchange import Body
from kimitap.redact import mask_headers, mask_text, mask_url
from kimitap.redact.finder import Finder
from kimitap.redact.kinds import Pattern
from kimitap.redact.ledger import Ledger
from kimitap.redact.patterns import PATTERNS
from kimitap.redact.persons import PERSONAL
from kimitap.redact.shapes import KEY
from kimitap.redacting import redacted
from tests.support import wire
from tests.support.secrets import KEYS, TOLD

ALL = {name: (f"take {key} now", key) for name, key in KEYS.items()} | TOLD
KEY_OF_TEST = b"a key of this test"


@pytest.mark.parametrize("name", ALL)
def test_a_secret_is_gone_from_a_text(name: str) -> None:
    text, secret = ALL[name]
    assert secret in text
    out = mask_text(text)
    assert secret[-16:] not in out
    assert secret.startswith("https://") or secret[:16] not in out
    assert not re.search(rf"{re.escape(secret[0])}\[(?:masked|user)\]", out)
    assert not re.search(rf"\[(?:masked|user)\]{re.escape(secret[-1])}", out)
    assert mask_text(out) == out


@pytest.mark.parametrize("name", ALL)
def test_a_secret_is_gone_from_an_exchange_and_its_json_is_whole(name: str) -> None:
    text, secret = ALL[name]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}
    body = {"messages": [{"role": "tool", "content": text}, {"tool_calls": [call]}]}
    exchange = replace(wire.load("chat_nonstream"), request=Body.whole(orjson.dumps(body)))
    ((out, masked),) = redacted([exchange])
    said = out.request.content.decode()
    assert orjson.dumps(secret)[1:-1].decode()[-16:] not in said
    told = orjson.loads(said)["messages"]
    for inner in (told[0]["content"], told[1]["tool_calls"][0]["function"]["arguments"]):
        if text.startswith("{") and text.endswith("}"):
            assert type(orjson.loads(inner)) is dict
    assert any(one.where.startswith("request $.messages[0].content") for one in masked)


@pytest.mark.parametrize("name", [n for n in KEYS if KEY.search(KEYS[n])])
def test_the_recorder_masks_a_key_in_any_header_its_name_and_the_url(name: str) -> None:
    key = KEYS[name]
    ((title, value),) = mask_headers(((key, f"is {key}"),), KEY_OF_TEST)
    assert key not in value
    assert key not in title
    assert key not in mask_url(f"/v1/{key}/x?state={key}", KEY_OF_TEST)


HARMLESS = [
    "-rw-r--r-- 1 root root 4096 Jan  2 10:00 a.txt",
    "-rw-r--r-- 1 1000 1000 4096 Jan  2 10:00 a.txt",
    "root@3f2a1b4c5d6e:/app# ls",
    "ssh git@github.com",
    "git clone ssh://git@github.com/org/repo.git",
    "the ssh client connects to a host",
    "user@host",
    "@pytest.mark.parametrize('a', [1])",
    "pass: 12 of 14",
    "tests pass: 100%",
    "pass = 3",
    'raise ValueError("password", "username")',
    "define('MAX_TOKENS', 4096)",
    "mkdir -p build/x && mysql --version",
    "docker run -p 8080:8080 image",
    "<password>$PASSWORD</password>",
    "<token>a b</token>",
    '"auth": "required"',
    '"auth": "bearer"',
    "cost is $1 and $2 or $5 a month",
    "awk '{print $1$2}'",
    "https://example.org/@kim/post",
    "https://user@example.org/x",
    '{"max_tokens": 16384, "password_length": 12}',
    '{"minLength": 8, "token": 1234567890}',
    "cache/e2b_templates/tskey-auth.md",
    "jina_embeddings_v2_base_en",
    "cio-console-input-output",
    "figd_example",
    "TRUE / FALSE 1 2 3",
    "see https://discord.com/api/webhooks for the API",
    "fc-list : family",
    "A3-size paper",
    "nsec1 is how such a key begins",
    "BSA is a licence, BSAD another",
    "toolu_01A09q90qw90lq917835lq9 chatcmpl-MJkUDToMzGbHB4VvOkaYasSnZr57SNYA",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert Finder(Ledger()).find(text) == []
    assert mask_text(text) == text


def test_a_text_of_json_is_masked_by_its_members_names_and_stays_json() -> None:
    inner = json.dumps({"passwd": "xyz"})
    out = mask_text(json.dumps({"password": "abc", "pwd": 90817263, "n": 123456, "inner": inner}))
    told = json.loads(out)
    assert (told["password"], told["pwd"], told["n"]) == ("[masked]", 0, 123456)
    assert json.loads(told["inner"]) == {"passwd": "[masked]"}


def test_the_value_of_a_member_is_masked_by_the_name_that_is_given() -> None:
    assert mask_text("abcdef", "metadata.password") == "[masked]"
    assert mask_text("abcdef", "metadata.title") == "abcdef"


@pytest.mark.parametrize("name", ["Brave", "crates.io", "NuGet", "Firecrawl", "Facebook"])
def test_what_stands_within_base64_is_no_key(name: str) -> None:
    data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYA"
    text = f"data:image/png;base64,{data}/{KEYS[name]}+{data}"
    assert mask_text(text) == text


def test_base64_of_an_image_holds_no_key() -> None:
    """Data of chance, long enough to hold the beginning of every key of three letters."""
    data = base64.b64encode(random.Random(7).randbytes(3_000_000)).decode()
    text = f"data:image/png;base64,{data}"
    assert mask_text(text) == text


@pytest.mark.parametrize("pattern", [*PATTERNS, *PERSONAL], ids=lambda one: one.anchors[0])
def test_a_line_made_of_a_patterns_beginning_takes_time_in_proportion(pattern: Pattern) -> None:
    anchor = pattern.anchors[0]

    def taken_s(size: int) -> float:
        unit = f"{anchor}{anchor}a1 {anchor}:c=d'e@x\t{anchor}"
        text = (unit * (size // len(unit) + 1))[:size]
        start = time.process_time()
        Finder(Ledger()).find(text)
        return time.process_time() - start

    assert taken_s(48_000) < 120 * max(taken_s(3_000), 0.002)  # 256 times if quadratic


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([text for text, _ in ALL.values()]) | st.text(max_size=9)))
def test_texts_of_any_kinds_side_by_side_never_make_it_fail(parts: list[str]) -> None:
    text = "".join(parts)
    once = mask_text(text)
    assert mask_text(text) == once
    mask_text(once)
    assert json.loads(mask_text(json.dumps({"content": text, "password": text}))).keys()
