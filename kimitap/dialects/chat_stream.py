"""Assembles a streamed chat completion: chunks of deltas, by choice."""

from typing import Any

from kimitap.conversation import Message, Other, Part, Reasoning, Text
from kimitap.dialects.answer import CHOICES, DONE, value_of
from kimitap.dialects.chat_calls import Calls
from kimitap.dialects.chat_facts import Facts, error_of
from kimitap.dialects.chat_message import (
    REASONING_FIELDS,
    content_parts,
    media_of,
    once_each,
    reasoning_of,
)
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import dumps, kind_of
from kimitap.dialects.runs import Grown
from kimitap.sse import Event

_REASONING = frozenset(REASONING_FIELDS)
_SPEECH = _REASONING | {"content", "tool_calls", "function_call", "refusal"}


class _Where:
    """The path of the choice being read; spelt out only where a fault asks for it."""

    __slots__ = ("event", "place")

    def __init__(self) -> None:
        self.event = 0
        self.place = 0

    def __str__(self) -> str:
        return f"response.event[{self.event}].choices[{self.place}]"


class _Choice:
    """One choice under assembly."""

    def __init__(self) -> None:
        self.role = "assistant"
        self.finish_reason: str | None = None
        self.content: list[str] = []
        self.reasoning: dict[str, list[str]] = {}
        self.signatures: dict[str, list[str]] = {}
        self.rest: list[Part] = []
        self.refusal: list[str] = []
        self.calls = Calls()

    def add(self, delta: dict[str, Any], where: _Where, faults: Faults) -> None:
        """Takes one delta; null and `""` say nothing."""
        for name, value in delta.items():
            if value is None or value == "":
                continue
            if self.finish_reason is not None and name in _SPEECH and value:
                faults.add(f"{where}.delta.{name}", "it comes after the reply's end")
            if name == "content":
                if type(value) is str:
                    self.content.append(value)
                else:
                    self._take(content_parts(value, f"{where}.delta.content", faults))
            elif name == "tool_calls":
                self.calls.add(value, where, faults)
            elif name in _REASONING:
                if type(value) is str:
                    self.reasoning.setdefault(name, []).append(value)
                else:
                    self._take(reasoning_of({name: value}, f"{where}.delta", faults))
            else:
                self._add_rare(name, value, where, faults)

    def grown(self, delta: dict[str, Any]) -> Grown | None:
        """The text to which a delta that was taken added letters, if it did nothing else."""
        said = [name for name, value in delta.items() if value and name != "role"]
        if said == ["tool_calls"]:
            return self.calls.grown(delta["tool_calls"])
        if len(said) != 1 or type(delta[said[0]]) is not str:
            return None
        text = self.content if said == ["content"] else self.reasoning.get(said[0])
        return None if text is None else Grown(said[0], text)

    def _add_rare(self, name: str, value: Any, where: _Where, faults: Faults) -> None:
        if name == "role":
            if not isinstance(value, str):
                faults.add(f"{where}.delta.role", f"a role is a string, not {kind_of(value)}")
                return
            if value != self.role:
                faults.add(f"{where}.delta.role", f"the role is {value[:40]!r}, not {self.role!r}")
            self.role = value
        elif name in {"images", "audio"}:
            self.rest += media_of({name: value}, f"{where}.delta", faults)
        elif name == "refusal":
            self.refusal.append(value if isinstance(value, str) else dumps(value))
        elif name == "function_call":
            self.calls.add_function(value, where, faults)

    def _take(self, parts: list[Part]) -> None:
        for part in parts:
            match part:
                case Text(text):
                    self.content.append(text)
                case Reasoning(text, name, signature):
                    self.reasoning.setdefault(name, []).append(text)
                    self.signatures.setdefault(name, []).append(signature)
                case _:
                    self.rest.append(part)

    def end(self, reason: Any, where: _Where, faults: Faults) -> None:
        """Takes a `finish_reason` that is not null."""
        if isinstance(reason, str):
            if reason and self.finish_reason not in (None, reason):
                what = f"the reply ended twice: {self.finish_reason[:40]!r}, then {reason[:40]!r}"
                faults.add(f"{where}.finish_reason", what)
            self.finish_reason = reason or self.finish_reason
        else:
            what = f"a finish_reason is a string, not {kind_of(reason)}"
            faults.add(f"{where}.finish_reason", what)

    def message(self) -> Message:
        """What the deltas say together: reasoning, text, the rest, calls."""
        signed = {name: "".join(pieces) for name, pieces in self.signatures.items()}
        parts: list[Part] = list(
            once_each(
                Reasoning("".join(pieces), name, signed.get(name, ""))
                for name, pieces in self.reasoning.items()
            )
        )
        if self.content:
            parts.append(Text("".join(self.content)))
        parts += self.rest
        if self.refusal:
            parts.append(Other("refusal", dumps("".join(self.refusal))))
        parts += self.calls.values()
        return Message(self.role, tuple(parts), self.role)


class StreamedReply:
    """Takes the events of one stream, in order."""

    def __init__(self, facts: Facts, faults: Faults) -> None:
        self.facts = facts
        self.choices: dict[int, _Choice] = {}
        self.done = False
        self.progress = False
        """A chunk told how far the prompt was read."""
        self.events = 0
        self._faults = faults
        self._where = _Where()

    def add(self, event: Event) -> Grown | None:
        """Takes one event; what it should not hold is a fault at `response.event[N]`.

        Where all that it did was adding letters to a text, it says to which.
        """
        self._where.event, self.events = self.events, self.events + 1
        before = self._faults.count
        if event.fault:
            self._fault("", event.fault)
        chunk = value_of(event, f"response.event[{self._where.event}]", self._faults)
        if chunk is DONE:
            self.done = True
        elif event.kind == "error":
            self.facts.fail(event.data if chunk is None else chunk, in_stream=True)
        elif type(chunk) is dict:
            self._add_chunk(chunk)
            return self._grown(chunk) if self._faults.count == before else None
        elif chunk is not None:
            self._fault("", f"a chunk is an object, not {kind_of(chunk)}")
        return None

    def _grown(self, chunk: dict[str, Any]) -> Grown | None:
        match chunk.get("choices"):
            case [{"delta": dict() as delta, **more}]:
                index = more.get("index") or 0
                choice = self.choices.get(index) if type(index) is int else None
                return choice.grown(delta) if choice and choice.finish_reason is None else None
            case _:
                return None

    def _fault(self, suffix: str, what: str) -> None:
        self._faults.add(f"response.event[{self._where.event}]{suffix}", what)

    def _add_chunk(self, chunk: dict[str, Any]) -> None:
        self.facts.read(chunk)
        self.progress = self.progress or "prompt_progress" in chunk
        choices = chunk.get("choices")
        if choices is None or "error" in chunk:
            error = error_of(chunk)
            if error is not None:
                self.facts.fail(error, in_stream=True)
        if type(choices) is list:
            for place, choice in enumerate(choices):
                self._where.place = place
                self._add_choice(choice)
        elif choices is not None:
            self._fault(".choices", f"choices is a list, not {kind_of(choices)}")

    def _add_choice(self, value: Any) -> None:
        where, faults = self._where, self._faults
        if type(value) is not dict:
            faults.add(str(where), f"a choice is an object, not {kind_of(value)}")
            return
        index = value.get("index", 0)
        if type(index) is not int:
            if index is not None:
                faults.add(f"{where}.index", f"an index is a number, not {kind_of(index)}")
            index = 0
        choice = self.choices.get(index)
        if choice is None and len(self.choices) >= CHOICES:
            faults.add("response.choices", f"more than {CHOICES} choices: the others are not read")
            return
        if choice is None:
            choice = self.choices[index] = _Choice()
        delta = value.get("delta")
        if delta is None:
            delta = value.get("message")
        if type(delta) is dict:
            choice.add(delta, where, faults)
        elif delta is not None:
            faults.add(f"{where}.delta", f"a delta is an object, not {kind_of(delta)}")
        if "usage" in value:  # Moonshot
            self.facts.count(value["usage"])
        if value.get("error"):  # OpenRouter
            self.facts.fail(value["error"], in_stream=True)
        reason = value.get("finish_reason")
        if reason is not None and reason != "null":  # DashScope's word for null
            choice.end(reason, where, faults)
