"""What is a secret by its context, and what only looks like one."""

import pytest

from kimitap.redact.detector import looks_random
from kimitap.redact.finder import Finder
from kimitap.redact.ledger import Ledger
from kimitap.redact.names import is_secret_name

HARMLESS = [
    "the secret is out: 2 of 3 tokens were used",
    "password: string (required)",
    "key=value",
    '"key": "Enter"',
    '"token": "<|im_end|>"',
    "token_count = 12345678901234567890",
    "def login(password='changeme'):",
    "api_key=self.api_key",
    "api_key: process.env.OPENAI_KEY_2",
    "api_key=os.environ['OPENAI_API_KEY']",
    "sort_key: 'created_at_2024'",
    "cookie: a small cake",
    "docker run -u 1000:1000 image",
    "encryption key: AES-256-GCM/NoPadding",
    "integrity: sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DHNKHfuwvY7kxvQ==",
    "token = tokenizer.encode(text)[0]",
    "password = getpass.getpass()",
    "password=$(cat file)",
    "max_tokens=16384",
    "session_token=<token>",
    "GET /users/123",
    "call_aB3dE5fG7hJ9kL1mN3pQ5rS7",
    "functions.read_file:0",
    "commit 571d0d540df04f25298d0e159e520d9fc62ed121",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "react@18.2.0 @types/node icon@2x.png git@github.com:org/repo.git",
    "ls ~/bin",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert Finder(Ledger()).find(text) == []


@pytest.mark.parametrize(
    "name", ["password", "apiKey", "client_secret", "OPENAI_API_KEY", "x-api-key"]
)
def test_a_member_is_a_secret_by_its_name(name: str) -> None:
    assert is_secret_name(name)
    (found,) = Finder(Ledger()).find("anything at all", name)
    assert found.value == "anything at all"


@pytest.mark.parametrize(
    "name", ["token", "max_tokens", "key", "cache_key", "passwords_seen", "id"]
)
def test_a_member_that_only_sounds_like_one_is_none(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("value", ["", "$PASSWORD", "<token>", "{{ key }}", "[password 1]", "None"])
def test_a_place_to_fill_in_is_no_secret(value: str) -> None:
    assert Finder(Ledger()).find(value, "password") == []


def test_a_password_that_looks_like_a_mask_is_one() -> None:
    assert [found.value for found in Finder(Ledger()).find("[hunter2!", "password")] == [
        "[hunter2!"
    ]


def test_a_secret_beside_a_mask_is_found() -> None:
    found = Finder(Ledger()).find("kim@example.org/home/kim/x")
    assert [one.value for one in found] == ["kim@example.org", "kim"]


def test_masks_that_are_there_are_counted_on_from() -> None:
    ledger = Ledger()
    ledger.heed("mail [e-mail 3] and [API-key-2]")
    assert ledger.mask("e-mail address", "kim@example.org") == "[e-mail 4]"
    assert ledger.mask("API key", "sk-1") == "[API key 3]"


@pytest.mark.parametrize("value", ["aB3dE5fG7hJ9kL1m", "8d777f385d3dfec8815d20f7496026dc"])
def test_a_value_by_chance_looks_random(value: str) -> None:
    assert looks_random(value)


@pytest.mark.parametrize(
    "value", ["get_token_from_environment", "correct-horse-battery", "AES-256-GCM/NoPadding"]
)
def test_a_name_does_not_look_random(value: str) -> None:
    assert not looks_random(value)
