"""Exchanges to break: the real servers' samples, and one of each dialect that holds everything."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import orjson

from kimitap.dialects import DIALECTS, Dialect
from kimitap.exchange import Body, Exchange, Headers, Outcome
from tests.fuzzing.mutations import changed
from tests.support import anthropic, chat, responses
from tests.support.wire import IK, MAINLINE, load, names

_OUTCOMES = (Outcome.COMPLETE,) * 6 + tuple(Outcome)
_STATUSES = (200,) * 8 + (None, 204, 400, 500)
_CODINGS = ("",) * 40 + ("gzip", "deflate", "br", "zstd", "identity", "gzip, br", "é")


def sources() -> list[tuple[Dialect, Exchange]]:
    """Every exchange that some dialect speaks, with its dialect."""
    real = [load(name, folder) for folder in (MAINLINE, IK) for name in names(folder)]
    found = []
    for one in (*real, *_full()):
        dialect = next((dialect for dialect in DIALECTS if dialect.speaks(one)), None)
        if dialect is not None:
            found.append((dialect, one))
    return found


def _full() -> Iterator[Exchange]:
    """Exchanges with everything that the samples lack."""
    asked = chat.assistant("so", chat.call("f", {"a": 1}), reasoning_content="hm")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "x"}, image]
    user = {"role": "user", "content": content}
    sent = chat.request(user, asked, chat.result("r"), tools=[chat.tool("f")])
    for stream in (True, False):
        yield chat.exchange(1, sent, chat.choice(asked), stream=stream)
    output = [responses.thought("hm"), responses.said("so"), responses.call("f", '{"a": 1}')]
    shell = {"type": "local_shell_call", "call_id": "s", "action": {"command": ["ls"]}}
    shown = {"type": "local_shell_call_output", "id": "s", "output": "out"}
    patch = {"type": "custom_tool_call", "call_id": "p", "name": "patch", "input": "*** Begin"}
    items = [responses.user("x"), *output, responses.result(content), shell, shown, patch]
    nested = {"type": "namespace", "name": "n", "tools": [responses.tool("g")]}
    fields = {"instructions": "Be terse.", "tools": [responses.tool("f"), nested]}
    usage = {"input_tokens": 5, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    whole = responses.response(*output, patch, usage=usage)
    for reply in (whole, responses.streamed(output), responses.streamed(output, indexes=False)):
        yield responses.exchange(items, reply, **fields)
    said = (anthropic.thinking("hm", "sig"), anthropic.text("so"), anthropic.use("c", "f", a=1))
    turns = (anthropic.user("x"), anthropic.assistant(*said))
    request = anthropic.request(*turns, anthropic.user(anthropic.result("c")), system="Be terse.")
    body = orjson.dumps(anthropic.reply(*said, stop="tool_use"))
    made = chat.exchange(1, request, None, path="/v1/messages", outcome=Outcome.COMPLETE)
    yield replace(made, response=body)
    prompts = {"prompt": [1, "Once", {"a": 2}], "input_suffix": "x", "n_predict": 3}
    made = chat.exchange(1, prompts, None, path="/completion", outcome=Outcome.COMPLETE)
    yield replace(made, response=b'[{"content":"x","stop":true},{"content":"y","stop":true}]')


class Cases:
    """Broken exchanges without end; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        found = sources()
        self._sources = {d: [one for spoken, one in found if spoken is d] for d in DIALECTS}
        self._sent = [one.request.content for _, one in found]
        self._said = [one.response for _, one in found]

    def draw(self) -> tuple[Dialect, Exchange]:
        """The next one, and the dialect that it speaks."""
        chance = self.chance
        dialect = chance.choice(DIALECTS)
        one = chance.choice(self._sources[dialect])
        sent, said = one.request.content, one.response
        which = chance.randrange(3)
        if which != 0:
            sent = changed(sent, chance, self._sent)
        if which != 1:
            said = changed(said, chance, self._said)
        return dialect, replace(
            one,
            request=Body.whole(sent),
            response=said,
            outcome=chance.choice(_OUTCOMES),
            status=chance.choice(_STATUSES),
            request_headers=self._coded(one.request_headers),
            response_headers=self._coded(one.response_headers),
            lost_bytes=chance.choice((0, 0, 0, 5)),
        )

    def _coded(self, headers: Headers) -> Headers:
        coding = self.chance.choice(_CODINGS)
        return (*headers, ("Content-Encoding", coding)) if coding else headers
