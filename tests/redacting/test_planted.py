"""Nothing unmasked leaves: planted secrets of all kinds, looked for in all that is left."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote, quote_plus

import orjson
import pytest

from kimitap.exchange import Body, Exchange, Segment
from kimitap.redacting import Level, redacted
from tests.support import wire

BODY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY5zA7bC9dE1fG3hJ5"
LOW = "a3b5c7d9e1f3a5b7c9d1e3f5a7b9c1d3e5f7a9b1c3d5e7f9"
SHOWN = {  # what shows itself by its own shape
    "OpenAI": "sk-proj-" + BODY,
    "Anthropic": "sk-ant-api03-" + BODY,
    "Stripe": "sk_live_" + BODY[:24],
    "Stripe test": "rk_test_" + BODY[:24],
    "Hugging Face": "hf_" + BODY[:34],
    "GitHub": "ghp_" + BODY[:36],
    "GitHub fine": "github_pat_" + BODY[:40],
    "GitLab": "glpat-" + BODY[:20],
    "AWS id": "AKIA" + "QWERTZUIOP123456",
    "Google": "AIza" + BODY[:35],
    "Google OAuth": "ya29." + BODY[:30],
    "Google client": "GOCSPX-" + BODY[:28],
    "Slack": "xoxb-123456789012-" + BODY[:24],
    "Slack hook": "https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/" + BODY[:24],
    "Groq": "gsk_" + BODY[:44],
    "Replicate": "r8_" + BODY[:37],
    "Perplexity": "pplx-" + BODY[:44],
    "xAI": "xai-" + (BODY * 2)[:70],
    "NVIDIA": "nvapi-" + (BODY * 2)[:60],
    "npm": "npm_" + BODY[:36],
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + (BODY * 2)[:80],
    "SendGrid": "SG." + BODY[:22] + "." + BODY[:43],
    "DigitalOcean": "dop_v1_" + (LOW * 2)[:64],
    "Docker": "dckr_pat_" + BODY[:27],
    "Vault": "hvs." + BODY[:30],
    "Grafana": "glsa_" + BODY[:32] + "_ab12cd34",
    "Databricks": "dapi" + LOW[:32],
    "Tavily": "tvly-dev-" + BODY[:32],
    "Shopify": "shpat_" + LOW[:32],
    "Square": "sq0csp-" + BODY[:43],
    "Twilio": "SK" + LOW[:32],
    "Mailchimp": LOW[:32] + "-us12",
    "Telegram": "1234567890:AA" + BODY[:33],
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + BODY[:43],
    "e-mail": "zebulon.quagmire@hidden-corp.org",
    "e-mail beyond ASCII": "zëbulon@hïdden-corp.org",
}
TOLD = {  # what its context tells: (text, secret)
    "home": ("cd /home/zebulonq/src", "zebulonq"),
    "home beyond ASCII": ("open /home/zébulonq/x", "zébulonq"),
    "macOS": ("in /Users/zebulonq/Library", "zebulonq"),
    "Windows": ("at C:\\Users\\Zebulon Q\\AppData", "Zebulon Q"),
    "file URL": ("see file:///home/zebulonq/a.txt", "zebulonq"),
    "encoded file URL": ("see file:///C:/Users/zebulon%20q/a.txt", "zebulon%20q"),
    "tilde": ("ls ~zebulonq/bin", "zebulonq"),
    "Claude's folder": ("~/.claude/projects/-home-zebulonq-src", "zebulonq"),
    "URL": ("git clone https://kim:pl4nted-one@example.org/x", "pl4nted-one"),
    "query": ("GET /v1?api_key=pl4nted-two&x=1", "pl4nted-two"),
    "environment": ("OPENAI_API_KEY=pl4nted-three make", "pl4nted-three"),
    "quoted": ('password = "pl4nted-four words"', "pl4nted-four words"),
    "YAML": ("password: pl4nted-five\n", "pl4nted-five"),
    "flag": ("tool --api-key pl4nted-six now", "pl4nted-six"),
    "netrc": ("machine h login kim password pl4ntedseven", "pl4ntedseven"),
    "curl": ("curl -u kim:pl4nted-eight http://h/", "pl4nted-eight"),
    "bearer": ("Authorization: Bearer pl4nted9pl4nted9", "pl4nted9pl4nted9"),
    "basic": ("Authorization: Basic a2ltOnBsNG50ZWQtdGVu", "a2ltOnBsNG50ZWQtdGVu"),
    "cookie": ("Cookie: session=pl4ntedeleven; theme=dark", "pl4ntedeleven"),
    "npmrc": ("//registry/:_authToken=pl4nted-twelve", "pl4nted-twelve"),
    "AWS secret": (f"aws_secret_access_key = {BODY[:40]}", BODY[:40]),
    "Azure": ("AccountKey=" + BODY + BODY[:40], BODY + BODY[:40]),
    "private key": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAplantedplanted\n"
        "-----END RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEAplantedplanted",
    ),
}
SECRETS = {name: (f"take {secret} now", secret) for name, secret in SHOWN.items()} | TOLD
LEVELS = [Level.SECRETS, Level.TEXT]


def forms(secret: str) -> Iterator[bytes]:
    """How a secret may be spelled in what is left."""
    data = secret.encode()
    yield data
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()
    yield orjson.dumps(secret)[1:-1]
    yield quote(secret, safe="").encode()
    yield quote_plus(secret).encode()
    for lead in range(3):
        whole = base64.b64encode(b"x" * lead + data)
        yield whole[4 if lead else 0 : len(whole) // 4 * 4 - 4]


def left(exchange: Exchange) -> bytes:
    """All bytes of an exchange that leave."""
    heads = [*exchange.request_headers, *exchange.response_headers]
    lines = [exchange.path, exchange.detail, exchange.reason, *(f"{n}: {v}" for n, v in heads)]
    head = "\n".join(lines).encode(errors="surrogateescape")
    return b"\n".join((head, exchange.request.content, exchange.response))


def assert_gone(exchange: Exchange, level: Level, *secrets: str) -> None:
    """That a redacted exchange holds none of the secrets, however spelled, and is whole."""
    ((out, masked),) = redacted([exchange], level)
    rest = left(out)
    for secret in secrets:
        assert any(form in left(exchange) for form in forms(secret)), "the test planted nothing"
        for form in forms(secret):
            assert form not in rest, (secret, form)
        assert all(secret not in told.where for told in masked)
    assert sum(segment.length for segment in out.segments) == len(out.response)


def plain(request: object = None, response: object = None) -> Exchange:
    """An exchange with these JSON bodies."""
    return with_bodies(orjson.dumps(request or {}), orjson.dumps(response or {}))


def with_bodies(request: bytes, response: bytes, kind: str = "application/json") -> Exchange:
    exchange = wire.load("chat_nonstream")
    return replace(
        exchange,
        request=Body.whole(request),
        response=response,
        response_headers=(("Content-Type", kind),),
        segments=tuple(Segment(i / 10, 1) for i in range(len(response))),
    )


def streamed(parts: list[str]) -> Exchange:
    """A stream whose deltas are these."""
    chunks = ({"choices": [{"index": 0, "delta": {"content": part}}]} for part in parts)
    body = b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)
    return with_bodies(b"{}", body + b"data: [DONE]\n\n", "text/event-stream")


def test_there_are_enough_of_them() -> None:
    assert len(SECRETS) >= 40


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_gone_from_messages_replies_and_errors(name: str, level: Level) -> None:
    text, secret = SECRETS[name]
    message = {"role": "user", "content": text}
    reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    error = {"error": {"code": 400, "message": f"cannot read {text}", "type": "server_error"}}
    verbose = {"__verbose": {"prompt": f"<|im_user|>{text}<|im_end|>", "content": text}}
    assert_gone(plain({"messages": [message]}, reply | error | verbose), level, secret)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_gone_from_arguments_however_deep(name: str, level: Level) -> None:
    text, secret = SECRETS[name]
    once = json.dumps({"command": text, "n": 1})
    twice = json.dumps({"body": once})
    calls = [{"id": "c", "function": {"name": "f", "arguments": a}} for a in (once, twice)]
    spelled = {"role": "assistant", "content": f"I call f({once})", "tool_calls": calls}
    block = {"type": "tool_use", "id": "c", "name": "f", "input": {"command": text}}
    assert_gone(plain({"messages": [spelled, {"content": [block]}]}), level, secret)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SHOWN)
def test_a_secret_is_gone_from_keys_headers_and_the_url(name: str, level: Level) -> None:
    secret = SHOWN[name]
    exchange = plain({"metadata": {secret: 1}, "messages": []})
    exchange = replace(
        exchange,
        path=f"/v1/chat/completions?state={quote(secret, safe='')}&x=1",
        request_headers=(*exchange.request_headers, ("X-Note", f"is {secret}".encode().decode())),
        detail=f"refused {secret}",
    )
    assert_gone(exchange, level, secret)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_gone_from_a_stream_of_single_characters(name: str, level: Level) -> None:
    text, secret = SECRETS[name]
    ((out, _),) = redacted([streamed(list(text))], level)
    events = [line[6:] for line in out.response.split(b"\n") if line.startswith(b"data: {")]
    said = "".join(orjson.loads(e)["choices"][0]["delta"]["content"] for e in events)
    assert len(events) == len(text)
    assert secret not in said


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["OpenAI", "e-mail", "home", "basic", "Windows", "private key"])
def test_a_secret_is_gone_wherever_a_stream_is_cut_within_it(name: str, level: Level) -> None:
    text, secret = SECRETS[name]
    for at in range(len(text)):
        ((out, _),) = redacted([streamed([text[:at], text[at:]])], level)
        said = [
            orjson.loads(line[6:])["choices"][0]["delta"]["content"]
            for line in out.response.decode().split("\n")
            if line.startswith("data: {")
        ]
        assert len(said) == 2
        assert secret not in "".join(said)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_gone_from_forms_and_plain_text(name: str, level: Level) -> None:
    text, secret = SECRETS[name]
    form = (
        f'--b1\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n{text}\r\n'
        '--b1\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    ).encode() + b"\x89PNG\xff\xfe\x00\r\n--b1--\r\n"
    exchange = with_bodies(form, text.encode(), "text/plain")
    headers = (("Content-Type", "multipart/form-data; boundary=b1"),)
    exchange = replace(exchange, request_headers=headers)
    assert_gone(exchange, level, secret)
    ((out, _),) = redacted([exchange], level)
    assert len(out.request.content.split(b"--b1")) == 4
    assert b"PNG" not in out.request.content


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SHOWN)
def test_a_secret_is_gone_from_base64_and_from_url_encoding(name: str, level: Level) -> None:
    secret = SHOWN[name]
    wrapped = base64.b64encode(f"kim {secret} end".encode()).decode()
    encoded = quote(f"x={secret}", safe="")
    exchange = plain({"messages": [{"content": f"data {wrapped} and {encoded}"}]})
    ((out, _),) = redacted([exchange], level)
    assert wrapped.encode() not in out.request.content
    assert quote(secret, safe="").encode() not in out.request.content


@pytest.mark.parametrize("level", LEVELS)
def test_what_one_place_gives_away_is_gone_from_every_other(level: Level) -> None:
    secret = "correct-horse-9-battery"
    first = plain({"messages": [{"role": "user", "content": f"I typed {secret} there"}]})
    second = plain({"metadata": {"password": secret}})
    outs = [out for out, _ in redacted([first, second], level)]
    assert all(secret.encode() not in left(out) for out in outs)


@pytest.mark.parametrize("level", list(Level))
def test_words_that_the_user_names_are_gone_at_every_level(level: Level) -> None:
    exchange = plain({"messages": [{"content": "project Bluebird and Blue\\u0062ird"}]})
    ((out, masked),) = redacted([exchange], level, also=["Bluebird"])
    assert b"Bluebird" not in out.request.content
    assert any(told.kind == "word named by the user" for told in masked)


@pytest.mark.parametrize("level", LEVELS)
def test_a_secret_is_gone_from_the_tokens_of_a_reply_too(level: Level) -> None:
    tokens = ["my ", "sk-proj", "-aB3dE5fG7h", "J9kL1mN3pQ5rS", "7tU9vW1xY", " ok"]
    rows = [
        {"id": 17, "token": t, "bytes": list(t.encode()), "logprob": -0.1, "top_logprobs": [o]}
        for t in tokens
        for o in [{"id": 17, "token": t, "bytes": list(t.encode()), "logprob": -0.1}]
    ]
    choice = {"index": 0, "message": {"content": "".join(tokens)}, "logprobs": {"content": rows}}
    ((out, _),) = redacted([plain({}, {"choices": [choice]})], level)
    for token in tokens[1:5]:
        assert token.encode() not in out.response
    told = orjson.loads(out.response)["choices"][0]["logprobs"]["content"]
    assert len(told) == len(tokens)
    assert not any(byte for row in told for byte in row["bytes"])
    assert not any(row["id"] for row in told)


def _chat(part: str) -> dict[str, object]:
    call = {"index": 1, "function": {"arguments": part}}
    return {"choices": [{"index": 2, "delta": {"tool_calls": [call]}}]}


def _twice(part: str) -> dict[str, object]:
    return {"choices": [{"index": i, "delta": {"reasoning_content": part}} for i in (0, 1)]}


def _responses(part: str) -> dict[str, object]:
    return {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": part}


def _arguments(part: str) -> dict[str, object]:
    return {"type": "response.function_call_arguments.delta", "item_id": "i", "delta": part}


def _anthropic(part: str) -> dict[str, object]:
    delta = {"type": "text_delta", "text": part}
    return {"type": "content_block_delta", "index": 1, "delta": delta}


def _input(part: str) -> dict[str, object]:
    delta = {"type": "input_json_delta", "partial_json": part}
    return {"type": "content_block_delta", "index": 2, "delta": delta}


def _llama(part: str) -> dict[str, object]:
    return {"index": 0, "content": part, "stop": False}


def _completions(part: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "text": part}]}


def _ollama(part: str) -> dict[str, object]:
    return {"model": "m", "message": {"role": "assistant", "content": part}, "done": False}


DELTAS = [_chat, _twice, _responses, _arguments, _anthropic, _input, _llama, _completions, _ollama]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("delta", DELTAS, ids=lambda delta: delta.__name__)
def test_a_secret_is_gone_from_the_streams_of_every_dialect(
    delta: Callable[[str], dict[str, object]], level: Level
) -> None:
    text = json.dumps({"note": f"é key {SHOWN['OpenAI']} of {SHOWN['e-mail']}"})
    events = [orjson.dumps(delta(text[at : at + 3])) for at in range(0, len(text), 3)]
    whole = orjson.dumps({"type": "done", "text": text})
    lines = [*events, whole]
    body = b"".join(b"data: " + line + b"\n\n" for line in lines)
    if delta is _ollama:
        body = b"\n".join(lines) + b"\n"
    ((out, _),) = redacted([with_bodies(b"{}", body, "text/event-stream")], level)
    left_lines = [line.removeprefix(b"data: ") for line in out.response.split(b"\n") if line]
    assert len(left_lines) == len(lines)
    said = "".join(_strings(orjson.loads(line)) for line in left_lines)
    for secret in (SHOWN["OpenAI"], SHOWN["e-mail"]):
        assert secret not in said
        assert secret.encode() not in out.response
    assert "[API key 1]" in said
    assert said.count("[e-mail 1]") >= 1


def _strings(value: object) -> str:
    """The texts of a value that are no structure, joined."""
    if isinstance(value, dict):
        names = ("delta", "text", "content", "arguments", "partial_json", "reasoning_content")
        return "".join(
            inner if isinstance(inner, str) and name in names else _strings(inner)
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return _strings(value[0]) if value else ""
    return ""
