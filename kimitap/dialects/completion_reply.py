"""The reply of a text completion: llama.cpp's own form (`content`), or OpenAI's (`choices`).

llama.cpp says why it stopped in `stop_type` (`eos`, `word`: `stop`; `limit`: `length`), older ones
and ik_llama.cpp in `stopped_eos`, `stopped_word`, `stopped_limit`. `tokens_evaluated` is the whole
prompt; `tokens_cached` is what the slot holds afterwards, and says nothing about what was reused.
"""

from typing import Any

from kimitap.conversation import Message, Reply, Text
from kimitap.dialects.answer import (
    CHOICES,
    DONE,
    body_of,
    fail_unreadable,
    is_stream,
    object_of,
    read_stream,
    refused,
    value_of,
)
from kimitap.dialects.chat_facts import Facts, error_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, kind_of, loads
from kimitap.exchange import Exchange
from kimitap.sse import Event

_STOPS = {"eos": "stop", "word": "stop", "limit": "length"}
_OLDER = {"stopped_limit": "length", "stopped_word": "stop", "stopped_eos": "stop"}
_COUNTS = {"tokens_evaluated": "prompt_tokens", "tokens_predicted": "completion_tokens"}


class _Choice:
    """One completion under assembly."""

    __slots__ = ("ended", "finish_reason", "said")

    def __init__(self) -> None:
        self.said: list[str] = []
        self.finish_reason: str | None = None
        self.ended = False

    def message(self) -> Message:
        text = "".join(self.said)
        return Message("assistant", (Text(text),) if text else (), "assistant")


class _Completion:
    """Takes a whole answer, or the chunks of a stream."""

    def __init__(self, facts: Facts, faults: Faults) -> None:
        self.facts = facts
        self.choices: dict[int, _Choice] = {}
        self.done = False
        self.events = 0
        self._faults = faults

    def add(self, event: Event) -> None:
        """Takes one event; what it should not hold is a fault at `response.event[N]`."""
        where = f"response.event[{self.events}]"
        self.events += 1
        if event.fault:
            self._faults.add(where, event.fault)
        value = value_of(event, where, self._faults)
        if value is DONE:
            self.done = True
            return
        if event.kind == "error":
            self.facts.fail(event.data if value is None else value, in_stream=True)
        elif isinstance(value, dict):
            if "choices" not in value and (error := error_of(value)) is not None:
                self.facts.fail(error, in_stream=True)
            else:
                self.take(value, where)
        elif value is not None:
            self._faults.add(where, f"a chunk is an object, not {kind_of(value)}")

    def take(self, value: dict[str, Any], where: str) -> None:
        """Takes a chunk or a whole answer, in either form."""
        self.facts.read(value)
        self.facts.count({_COUNTS[k]: value[k] for k in _COUNTS if k in value})
        self.facts.read({"__verbose": value})  # the rendered prompt, and whether it was shortened
        choices = value.get("choices")
        if isinstance(choices, list):
            for i, choice in enumerate(choices):
                self._take_choice(choice, f"{where}.choices[{i}]")
        elif choices is not None:
            self._faults.add(f"{where}.choices", f"choices is a list, not {kind_of(choices)}")
        elif "content" in value or "stop" in value:
            self._take_own(value, where)

    def _choice(self, value: dict[str, Any], where: str) -> _Choice:
        index = value.get("index", 0)
        if type(index) is not int:
            if index is not None:
                self._faults.add(f"{where}.index", f"an index is a number, not {kind_of(index)}")
            index = 0
        choice = self.choices.get(index)
        if choice is None:
            choice = _Choice()
            if len(self.choices) < CHOICES:
                self.choices[index] = choice
            else:
                what = f"more than {CHOICES} choices: the others are not read"
                self._faults.add("response.choices", what)
        return choice

    def _say(self, choice: _Choice, text: Any, where: str) -> None:
        if isinstance(text, str):
            choice.said.append(text)
        elif text is not None:
            self._faults.add(where, f"what is said is a string, not {kind_of(text)}")

    def _take_choice(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            self._faults.add(where, f"a choice is an object, not {kind_of(value)}")
            return
        choice = self._choice(value, where)
        self._say(choice, value.get("text"), f"{where}.text")
        reason = value.get("finish_reason")
        if isinstance(reason, str) and reason:
            choice.finish_reason, choice.ended = reason, True
        elif reason not in (None, ""):
            what = f"a finish_reason is a string, not {kind_of(reason)}"
            self._faults.add(f"{where}.finish_reason", what)

    def _take_own(self, value: dict[str, Any], where: str) -> None:
        choice = self._choice(value, where)
        self._say(choice, value.get("content"), f"{where}.content")
        if value.get("stop") is not True:
            return
        choice.ended = True
        kind = value.get("stop_type")
        older = next((word for name, word in _OLDER.items() if value.get(name) is True), None)
        if isinstance(kind, str) and kind not in ("", "none"):
            choice.finish_reason = _STOPS.get(kind, kind)
        else:
            choice.finish_reason = older

    def reply(self, complete: bool, streamed: bool = False) -> Reply:
        """What it all says."""
        choices = [choice for _, choice in sorted(self.choices.items())]
        messages = [choice.message() for choice in choices]
        finish_reason = choices[0].finish_reason if choices else None
        return self.facts.reply(
            messages,
            finish_reason,
            complete,
            other_reasons=[choice.finish_reason for choice in choices[1:]],
            streamed=streamed,
            events=self.events,
        )

    @property
    def ended(self) -> bool:
        """Every completion begun came to its end."""
        return bool(self.choices) and all(choice.ended for choice in self.choices.values())


def reply_of(exchange: Exchange, faults: Faults) -> Reply:
    """What the server answered, as far as it came."""
    body = body_of(exchange, faults)
    facts = Facts()
    made = _Completion(facts, faults)
    if body.lstrip()[:1] == b"[":
        return _several(body, exchange, made, faults)
    if is_stream(body, exchange):
        read_stream(body, exchange, made)
        facts.fail_with_status(exchange)
        return made.reply(made.done or made.ended, streamed=True)
    value = object_of(body, exchange, facts, faults)
    if value is None:
        return made.reply(refused(exchange, facts))
    made.take(value, "response")
    if not made.choices and not facts.error:
        faults.add("response", "a response without a completion")
    return made.reply(bool(made.choices) or bool(facts.error))


def _several(body: bytes, exchange: Exchange, made: _Completion, faults: Faults) -> Reply:
    """llama.cpp's answer to several prompts: a list of completions."""
    try:
        values, unusual = loads(body)
    except UnreadableJson as problem:
        fail_unreadable(body, exchange, made.facts, faults, str(problem))
        return made.reply(refused(exchange, made.facts))
    if unusual:
        faults.add("response", unusual)
    for i, value in enumerate(values):
        if isinstance(value, dict):
            made.take({"index": i, **value}, f"response[{i}]")
        else:
            faults.add(f"response[{i}]", f"a completion is an object, not {kind_of(value)}")
    made.facts.fail_with_status(exchange)
    return made.reply(True)
