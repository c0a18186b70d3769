"""The command that sends a recorded request again, evaluated by a real shell."""

import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kimitap.exchange import Body, Exchange
from kimitap.export.curl import curl
from kimitap.redact import mask_text
from tests.support.still import exchange

BASH = shutil.which("bash")


def words_of(command: str) -> list[str]:
    """What the shell hands to `curl`."""
    if BASH is None:
        pytest.skip("there is no bash: what a shell makes of the command is not tested")
    script = f"API_KEY=from-the-shell\ncurl() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    done = subprocess.run([BASH, "--norc"], input=script.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def asked(body: bytes, **changes: object) -> Exchange:
    return replace(exchange(7, body, b""), **changes)  # type: ignore[arg-type]


def test_the_body_and_the_headers_are_sent_as_they_were() -> None:
    body = b'{"model":"kimi","messages":[{"role":"user","content":"It\'s $HOME `id` \\"now\\""}]}'
    words = words_of(curl(asked(body)))
    assert words[:4] == ["--no-buffer", "-X", "POST", "--globoff"]
    assert words[4] == "http://127.0.0.1:8080/v1/chat/completions"
    assert words[words.index("--data-raw") + 1] == body.decode()
    assert "Content-Type: application/json" in words


def test_a_masked_key_is_taken_from_the_shell_and_other_masked_headers_are_left_out() -> None:
    headers = (
        ("Authorization", "Bearer [masked:1f2e3d4c]"),
        ("Cookie", "a=[masked:1f2e3d4c]"),
        ("Host", "elsewhere"),
        ("Content-Length", "2"),
        ("X-Title", "Roo"),
    )
    words = words_of(curl(asked(b"{}", request_headers=headers)))
    sent = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
    assert sent == ["Authorization: Bearer from-the-shell", "X-Title: Roo"]


def test_a_secret_in_the_body_is_masked() -> None:
    secret = "sk-abcdefghijklmnopqrstuvwx1234567890"
    assert secret not in curl(asked(f'{{"key":"{secret}"}}'.encode()))


def test_a_body_that_is_no_text_is_named_and_not_quoted() -> None:
    assert "--data-binary @request-7.bin" in curl(asked(b"\xff\xfe\x00"))


def test_no_recorded_body_names_a_file_to_curl() -> None:
    words = words_of(curl(asked(b"@/etc/hosts")))
    assert words[words.index("@/etc/hosts") - 1] == "--data-raw"


def test_a_request_without_a_body_sends_none() -> None:
    bare = asked(b"", method="GET", path="/props", request=Body())
    assert "--data" not in curl(bare)


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
    st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=40),
)
@settings(max_examples=30, deadline=None)
def test_no_recorded_text_acts_in_a_shell_or_a_terminal(text: str, value: str) -> None:
    assume(mask_text(text) == text)
    made = curl(asked(text.encode(), request_headers=(("X-Any", value),)))
    assert all(c.isprintable() or c == "\n" for c in made)
    words = words_of(made)
    assert words.count("-X") >= 1 and f"X-Any: {value}" in words
    if text:
        assert words[-1] == text
